/**
 * The rooms of a namespace and the way of a broadcast to their members, in this process.
 *
 * The contract is that of npm socket.io-adapter, so that its subclasses (Redis, cluster, …) can stand
 * in for this one and this one for its base.
 */
import { EventEmitter } from "node:events";
import type { SocketPacket } from "@holdfast/protocol";
import type { Lane } from "./delivery/lane.ts";
import { OutgoingPacket } from "./delivery/outgoing-packet.ts";
import { foreignWriter, type WriteOptions } from "./foreign-broadcast.ts";
import { KnownMembers } from "./known-members.ts";
import type { PacketEncoder } from "./parser.ts";
import type {
  BroadcastFlags,
  Handshake,
  PrivateSessionId,
  Room,
  SocketId,
} from "./socket-types.ts";

export interface BroadcastOptions {
  /** None means all sockets of the namespace. */
  rooms: Set<Room>;
  except?: Set<Room>;
  flags?: BroadcastFlags;
}

/** A packet before it has the name of its namespace: adapters get it like this, and put the name on it. */
export type UnnamedPacket = Omit<SocketPacket, "nsp"> & { nsp?: string };

/** Puts the name of its namespace on a packet. */
export function named(packet: UnnamedPacket, nsp: string): SocketPacket {
  packet.nsp = nsp;
  return packet as SocketPacket;
}

/** What is kept of a socket that may come back. */
export interface SessionToPersist {
  sid: SocketId;
  pid: PrivateSessionId;
  rooms: Room[];
  data: unknown;
}

/** A session that came back, with what it has missed. */
export interface Session extends SessionToPersist {
  missedPackets: unknown[][];
}

/** What an adapter needs of a socket. */
export interface AdapterSocket {
  readonly id: SocketId;
  readonly handshake: Handshake;
  readonly rooms: Set<Room>;
  readonly connected: boolean;
  readonly acks: Map<number, (...args: unknown[]) => void>;
  data: unknown;
  join(rooms: Room | Room[]): Promise<void> | void;
  leave(room: Room): Promise<void> | void;
  disconnect(close?: boolean): unknown;
  notifyOutgoingListeners(packet: UnnamedPacket): void;
  readonly client: {
    deliver(packet: OutgoingPacket, shared: boolean, volatile?: boolean): void;
    writeToEngine(parts: readonly (string | Uint8Array)[], options: WriteOptions): void;
  };
}

/** What an adapter needs of its namespace. */
export interface AdapterNamespace {
  readonly name: string;
  readonly sockets: Map<SocketId, AdapterSocket>;
  _ids: number;
  /** Whether any of its sockets ever had a listener of outgoing events. Other servers do not say. */
  readonly _outgoingObserved?: boolean | undefined;
  /** Namespaces of other servers have none. */
  readonly _lane?: Lane | undefined;
  readonly server: {
    readonly encoder: PacketEncoder;
    readonly opts: {
      connectionStateRecovery?: { maxDisconnectionDuration?: number } | false | undefined;
    };
  };
}

/** What the server calls on an adapter: the contract of npm socket.io-adapter. */
export interface AdapterContract extends EventEmitter {
  // biome-ignore lint/suspicious/noExplicitAny: adapters declare their namespace, each in its way
  readonly nsp: any;
  rooms: Map<Room, Set<SocketId>>;
  sids: Map<SocketId, Set<Room>>;
  init(): Promise<void> | void;
  close(): Promise<void> | void;
  serverCount(): Promise<number>;
  addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void;
  del(id: SocketId, room: Room): Promise<void> | void;
  delAll(id: SocketId): void;
  broadcast(packet: UnnamedPacket, options: BroadcastOptions): void;
  broadcastWithAck(
    packet: UnnamedPacket,
    options: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    // biome-ignore lint/suspicious/noExplicitAny: the arguments of an ack are the application's
    ack: (...args: any[]) => void,
  ): void;
  sockets(rooms: Set<Room>): Promise<Set<SocketId>>;
  socketRooms(id: SocketId): Set<Room> | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: sockets of this server, or what another told of its own
  fetchSockets(options: BroadcastOptions): Promise<any[]>;
  addSockets(options: BroadcastOptions, rooms: Room[]): void;
  delSockets(options: BroadcastOptions, rooms: Room[]): void;
  disconnectSockets(options: BroadcastOptions, close: boolean): void;
  // biome-ignore lint/suspicious/noExplicitAny: the arguments are the application's
  serverSideEmit(packet: any[]): void;
  // biome-ignore lint/suspicious/noExplicitAny: adapters declare the session, each in its way
  persistSession(session: any): void;
  // biome-ignore lint/suspicious/noExplicitAny: null, a session or a promise of either
  restoreSession(pid: PrivateSessionId, offset: string): any;
}

/** The `adapter` option: a class, or a function that makes one. */
export type AdapterConstructor =
  // biome-ignore lint/suspicious/noExplicitAny: adapters declare their namespace, each in its way
  (new (nsp: any) => AdapterContract) | ((nsp: any) => AdapterContract);

/** A broadcast on its way through the lane. */
interface Broadcast {
  readonly adapter: Adapter;
  readonly packet: UnnamedPacket;
  readonly encoded: OutgoingPacket;
  readonly options: BroadcastOptions;
  /** Called for each recipient before the packet is handed to it. */
  readonly onRecipient: ((socket: AdapterSocket) => void) | undefined;
}

const nobody: ReadonlySet<SocketId> = new Set();

export class Adapter extends EventEmitter implements AdapterContract {
  readonly nsp: AdapterNamespace;
  rooms = new Map<Room, Set<SocketId>>();
  sids = new Map<SocketId, Set<Room>>();
  readonly #known = new KnownMembers<AdapterSocket>(this);

  constructor(nsp: AdapterNamespace) {
    super();
    this.nsp = nsp;
  }

  init(): Promise<void> | void {}

  close(): Promise<void> | void {}

  /** Resolves with the number of servers that share the rooms. */
  serverCount(): Promise<number> {
    return Promise.resolve(1);
  }

  addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    let ofSocket = this.sids.get(id);
    if (ofSocket === undefined) {
      ofSocket = new Set();
      this.sids.set(id, ofSocket);
    }
    this.#known.forgetAll();
    for (const room of rooms) {
      ofSocket.add(room);
      this.#known.forget(room);
      let members = this.rooms.get(room);
      if (members === undefined) {
        members = new Set();
        this.rooms.set(room, members);
        this.emit("create-room", room);
      }
      if (members.has(id)) continue;
      members.add(id);
      this.emit("join-room", room, id);
    }
  }

  del(id: SocketId, room: Room): Promise<void> | void {
    this.sids.get(id)?.delete(room);
    this.#removeMember(room, id);
  }

  delAll(id: SocketId): void {
    const rooms = this.sids.get(id);
    if (rooms === undefined) return;
    this.#known.forgetAll();
    for (const room of rooms) this.#removeMember(room, id);
    this.sids.delete(id);
  }

  #removeMember(room: Room, id: SocketId): void {
    const members = this.rooms.get(room);
    if (members === undefined) return;
    this.#known.forget(room);
    if (members.delete(id)) this.emit("leave-room", room, id);
    if (members.size === 0 && this.rooms.delete(room)) this.emit("delete-room", room);
  }

  /** Sends a packet to the sockets that `options` names. It is encoded once for all of them. */
  broadcast(packet: UnnamedPacket, options: BroadcastOptions): void {
    this.#append(packet, options, undefined);
  }

  /**
   * Sends a packet that each recipient is to acknowledge.
   *
   * @param clientCountCallback called once with the number of recipients
   * @param ack called with each answer
   */
  broadcastWithAck(
    packet: UnnamedPacket,
    options: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: (...args: unknown[]) => void,
  ): void {
    // Many sockets answer under one id, so it comes from the namespace.
    const id = this.nsp._ids++;
    packet.id = id;
    let clientCount = 0;
    this.#append(packet, options, (socket) => {
      clientCount++;
      socket.acks.set(id, ack);
    });
    clientCountCallback(clientCount);
  }

  #append(
    packet: UnnamedPacket,
    options: BroadcastOptions,
    onRecipient: Broadcast["onRecipient"],
  ): void {
    const parts = this.nsp.server.encoder.encode(named(packet, this.nsp.name));
    const encoded = encodedPacket(parts, options.flags?.compress !== false);
    const lane = this.nsp._lane;
    if (lane !== undefined) {
      lane.append({ adapter: this, packet, encoded, options, onRecipient }, release);
      return;
    }
    const write = foreignWriter(packet, parts, encoded, options.flags);
    this.forEachSocket(options, (socket) => {
      onRecipient?.(socket);
      write(socket);
    });
  }

  /** @internal Calls `visit` once for each socket that `options` names. */
  forEachSocket(options: BroadcastOptions, visit: (socket: AdapterSocket) => void): void {
    const { sockets } = this.nsp;
    const excluded = this.excludedIds(options.except);
    const { rooms } = options;
    const known = this.#knownMembers(rooms);
    if (known !== undefined) {
      const all = excluded.size === 0;
      for (const socket of known) {
        if (socket.connected && (all || !excluded.has(socket.id))) visit(socket);
      }
      return;
    }
    if (rooms.size === 0) {
      for (const id of this.sids.keys()) {
        const socket = excluded.has(id) ? undefined : sockets.get(id);
        if (socket !== undefined) visit(socket);
      }
      return;
    }
    // Only a broadcast to several rooms can meet a socket twice.
    const visited = rooms.size > 1 ? new Set<SocketId>() : undefined;
    for (const room of rooms) {
      for (const id of this.rooms.get(room) ?? nobody) {
        if (excluded.has(id) || visited?.has(id)) continue;
        const socket = sockets.get(id);
        if (socket === undefined) continue;
        visited?.add(id);
        visit(socket);
      }
    }
  }

  #knownMembers(rooms: ReadonlySet<Room>): readonly AdapterSocket[] | undefined {
    // A listener of outgoing events may make others leave, and then they do not get the event any more.
    if (rooms.size > 1 || this.nsp._outgoingObserved !== false) return undefined;
    for (const room of rooms) return this.#known.of(room);
    return this.#known.all();
  }

  /** @internal The ids of the sockets in these rooms. */
  protected excludedIds(rooms: ReadonlySet<Room> | undefined): ReadonlySet<SocketId> {
    if (rooms === undefined || rooms.size === 0) return nobody;
    const [first] = rooms;
    if (rooms.size === 1 && first !== undefined) return this.rooms.get(first) ?? nobody;
    const ids = new Set<SocketId>();
    for (const room of rooms) for (const id of this.rooms.get(room) ?? nobody) ids.add(id);
    return ids;
  }

  sockets(rooms: Set<Room>): Promise<Set<SocketId>> {
    const ids = new Set<SocketId>();
    this.forEachSocket({ rooms }, (socket) => ids.add(socket.id));
    return Promise.resolve(ids);
  }

  socketRooms(id: SocketId): Set<Room> | undefined {
    return this.sids.get(id);
  }

  fetchSockets(options: BroadcastOptions): Promise<AdapterSocket[]> {
    const found: AdapterSocket[] = [];
    this.forEachSocket(options, (socket) => found.push(socket));
    return Promise.resolve(found);
  }

  addSockets(options: BroadcastOptions, rooms: Room[]): void {
    this.#forEachOfSnapshot(options, (socket) => void socket.join(rooms));
  }

  delSockets(options: BroadcastOptions, rooms: Room[]): void {
    this.#forEachOfSnapshot(options, (socket) => {
      for (const room of rooms) void socket.leave(room);
    });
  }

  disconnectSockets(options: BroadcastOptions, close: boolean): void {
    this.#forEachOfSnapshot(options, (socket) => void socket.disconnect(close));
  }

  /** For visits that change the rooms that are being walked through. */
  #forEachOfSnapshot(options: BroadcastOptions, visit: (socket: AdapterSocket) => void): void {
    const found: AdapterSocket[] = [];
    this.forEachSocket(options, (socket) => found.push(socket));
    for (const socket of found) visit(socket);
  }

  serverSideEmit(_packet: unknown[]): void {
    console.warn("this adapter does not support the serverSideEmit() functionality");
  }

  persistSession(_session: SessionToPersist): void {}

  restoreSession(
    _pid: PrivateSessionId,
    _offset: string | undefined,
  ): Promise<Session | null> | null {
    return null;
  }
}

/** Hands a broadcast that has left the lane to its recipients. */
function release(broadcast: Broadcast): void {
  const { adapter, options, onRecipient } = broadcast;
  const volatile = options.flags?.volatile === true;
  adapter.forEachSocket(options, (socket) => {
    onRecipient?.(socket);
    socket.notifyOutgoingListeners(broadcast.packet);
    socket.client.deliver(broadcast.encoded, true, volatile);
  });
}

/** What an encoder made of one packet, as the unit that outboxes hold. */
export function encodedPacket(
  parts: readonly (string | Uint8Array)[],
  compress: boolean,
): OutgoingPacket {
  const attachments = parts.length > 1 ? parts.slice(1) : undefined;
  return new OutgoingPacket("message", parts[0], compress, attachments);
}
