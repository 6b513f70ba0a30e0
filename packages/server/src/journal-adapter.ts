/**
 * The adapter of a namespace with a journal: what is emitted to rooms becomes an entry of the stream, and joins and
 * leaves become records between the entries.
 *
 * `rooms` and `sids` show at once what an application did, as in Socket.IO. Who gets an entry is decided by the
 * records, in the order of the calls.
 */
import { PacketType } from "@holdfast/protocol";
import {
  Adapter,
  type AdapterNamespace,
  type AdapterSocket,
  type BroadcastOptions,
  encodedPacket,
  named,
  type UnnamedPacket,
} from "./adapter.ts";
import { AwaySessions } from "./away-sessions.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { bodyOf } from "./delivery/entry-body.ts";
import { LaneEntry } from "./delivery/lane-records.ts";
import type { OutgoingPacket } from "./delivery/outgoing-packet.ts";
import type { Session } from "./delivery/session.ts";
import type { SessionChange } from "./delivery/session-changes.ts";
import type { HeldPacket } from "./delivery/session-link.ts";
import type { MessageId } from "./delivery/store.ts";
import { nobodyTag, tagCharactersMax, tagOfRoom, userTag } from "./delivery/tags.ts";
import { ServerError } from "./errors.ts";
import type { Room, SocketId } from "./socket-types.ts";

/** What more can be said of one publish. */
export interface EntryOptions {
  readonly messageId: MessageId | undefined;
  /** Milliseconds since 1970 from which on it is for nobody. */
  readonly expiresMs: number | undefined;
}

/** A socket with a session, as the adapter sees it. */
interface SessionSocket extends AdapterSocket {
  readonly _session: Session | undefined;
  listenerCount(event: string): number;
  _onerror(error: Error): void;
}

/** Rooms that a socket joins as soon as older events of them are found, less those that it leaves before. */
export interface ComingRooms {
  readonly id: SocketId;
  readonly rooms: Set<Room>;
}

/** Stock clients refuse a packet with more, and close their connection. */
const attachmentsMax = 10;

const plainEntry: EntryOptions = { messageId: undefined, expiresMs: undefined };

export class JournalAdapter extends Adapter {
  #delivery: Delivery;
  readonly #userPrefix: string;
  readonly #away: AwaySessions;
  #toldMs = Number.NEGATIVE_INFINITY;
  readonly #coming = new Map<SocketId, Set<ComingRooms>>();
  /** Why nothing is taken any more. */
  refusal: ServerError | undefined;

  /**
   * @param secret a name that nobody can guess: what is addressed to a user goes through the names of rooms
   * @param roomsMax in so many rooms a session may be
   */
  constructor(nsp: AdapterNamespace, delivery: Delivery, secret: string, roomsMax: number) {
    super(nsp);
    this.#delivery = delivery;
    this.#userPrefix = `\u0000${secret}:`;
    this.#away = new AwaySessions({
      tagOf: (room) => this.#tagOf(room),
      roomsMax,
      tell: (error) => this.#tell("not done to sessions that are away", error),
    });
  }

  /** The store was closed, and is opened again. */
  reopen(delivery: Delivery): void {
    this.#delivery = delivery;
    this.refusal = undefined;
  }

  /** The room that all sessions of a user are in. Only within this process, and in no list of rooms. */
  roomOfUser(user: string): Room {
    return this.#userPrefix + user;
  }

  /** What the members of a room are found by. Nobody is in a room that has the name of a tag of the server's own. */
  #tagOf(room: Room): string {
    const tag = this.#ownTagOf(room) ?? tagOfRoom(room);
    return tag.length > tagCharactersMax ? nobodyTag : tag;
  }

  #ownTagOf(room: Room): string | undefined {
    if (typeof room !== "string" || !room.startsWith("\u0000")) return undefined;
    const isUser = room.startsWith(this.#userPrefix);
    return isUser ? userTag(room.slice(this.#userPrefix.length)) : nobodyTag;
  }

  #socket(id: SocketId): SessionSocket | undefined {
    return this.nsp.sockets.get(id) as SessionSocket | undefined;
  }

  // --- rooms ---

  override addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    const known = this.sids.get(id);
    const joined = [...rooms].filter((room) => room !== id && known?.has(room) !== true);
    void super.addAll(id, rooms);
    const session = this.#socket(id)?._session;
    if (session === undefined) return;
    if (joined.length > 0) return this.#join(id, session, joined);
    // It may be that they were joined a moment ago.
    return session.ahead && this.#delivery.settled(session);
  }

  /**
   * @param since after which offset older entries of the rooms are owed to the session, too
   * @returns resolves when it is kept
   */
  join(id: SocketId, session: Session, rooms: readonly Room[], since?: number): Promise<void> {
    this.showRooms(id, rooms);
    return this.#join(id, session, rooms, since);
  }

  #join(id: SocketId, session: Session, rooms: readonly Room[], since?: number): Promise<void> {
    const change = { type: "join", session: session.key, rooms: rooms.map(tagOfRoom) } as const;
    return this.#kept(id, session, rooms, since === undefined ? change : { ...change, since });
  }

  /** Has a change of rooms stored. What the store refuses is taken back: whoever is shown in a room is given its events. */
  #kept(
    id: SocketId,
    session: Session,
    rooms: readonly Room[],
    change: SessionChange,
  ): Promise<void> {
    const done = this.#delivery.change(change);
    done.catch((error: Error) => {
      const socket = this.#socket(id);
      if (socket?._session === session) {
        for (const room of rooms) {
          if (room === id) continue;
          if (session.showsIn(tagOfRoom(room))) this.showRooms(id, [room]);
          else this.hideRooms(id, [room]);
        }
        // What a listener throws is no rejection.
        if (socket.listenerCount("error") > 0) return queueMicrotask(() => socket._onerror(error));
      }
      this.#tell("a change of rooms was not kept", error);
    });
    return done;
  }

  /** Once a second at most: a store that is full refuses everybody. */
  #tell(what: string, error: Error): void {
    const nowMs = this.#delivery.options.monotonicMs();
    if (nowMs - this.#toldMs < 1000) return;
    this.#toldMs = nowMs;
    console.error(`holdfast: ${this.nsp.name}: ${what}:`, error);
  }

  /** Shows rooms no more that a socket is not in. */
  hideRooms(id: SocketId, rooms: Iterable<Room>): void {
    for (const room of rooms) void super.del(id, room);
  }

  /** Shows the rooms of a session that came back: it has never left them. */
  showRooms(id: SocketId, rooms: Iterable<Room>): void {
    void super.addAll(id, new Set(rooms));
  }

  /** A socket is about to join rooms: see `ComingRooms`. */
  beginJoin(id: SocketId, rooms: Iterable<Room>): ComingRooms {
    const coming = { id, rooms: new Set(rooms) };
    const others = this.#coming.get(id);
    if (others === undefined) this.#coming.set(id, new Set([coming]));
    else others.add(coming);
    return coming;
  }

  endJoin(coming: ComingRooms): void {
    const all = this.#coming.get(coming.id);
    all?.delete(coming);
    if (all?.size === 0) this.#coming.delete(coming.id);
  }

  override del(id: SocketId, room: Room): Promise<void> | void {
    for (const { rooms } of this.#coming.get(id) ?? noneComing) rooms.delete(room);
    const wasIn = this.sids.get(id)?.has(room) === true;
    void super.del(id, room);
    const session = this.#socket(id)?._session;
    if (session === undefined || !wasIn || room === id) return;
    const change = { type: "leave", session: session.key, rooms: [tagOfRoom(room)] } as const;
    return this.#kept(id, session, [room], change);
  }

  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    super.addSockets(options, rooms);
    this.#away.join(this.#delivery, options, rooms);
  }

  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    super.delSockets(options, rooms);
    this.#away.leave(this.#delivery, options, rooms);
  }

  /** Ends the sessions, those of clients that are away, too. */
  override disconnectSockets(options: BroadcastOptions, close: boolean): void {
    super.disconnectSockets(options, close);
    this.#away.end(this.#delivery, options);
  }

  override forEachSocket(options: BroadcastOptions, visit: (socket: AdapterSocket) => void): void {
    const users = [...options.rooms].filter(
      (room) => typeof room === "string" && room.startsWith(this.#userPrefix),
    );
    if (users.length === 0) {
      super.forEachSocket(options, visit);
      return;
    }
    const visited = new Set<SocketId>(this.excludedIds(options.except));
    const visitOnce = (socket: AdapterSocket | undefined) => {
      if (socket === undefined || visited.has(socket.id)) return;
      visited.add(socket.id);
      visit(socket);
    };
    const rooms = new Set(options.rooms);
    for (const room of users) {
      rooms.delete(room);
      for (const { socketId } of this.#delivery.sessions.connectedMembers(this.#tagOf(room))) {
        visitOnce(this.#socket(socketId));
      }
    }
    if (rooms.size > 0) super.forEachSocket({ ...options, rooms }, visitOnce);
  }

  // --- events ---

  override broadcast(packet: UnnamedPacket, options: BroadcastOptions): void {
    const { flags } = options;
    if (packet.type !== PacketType.EVENT) super.broadcast(packet, options);
    else if (flags?.volatile) this.#sendVolatile(packet, options);
    else if (flags?.transient) this.#sendTransient(packet, options);
    else this.#publish(this.prepare(packet, options));
  }

  #publish(entry: LaneEntry): void {
    if (this.refusal === undefined) this.#delivery.publish(entry);
    else this.#delivery.options.refused(entry, this.refusal);
  }

  /** Makes the entry of an event, for the stream. */
  prepare(
    packet: UnnamedPacket,
    options: BroadcastOptions,
    entryOptions: EntryOptions = plainEntry,
  ): LaneEntry {
    this.#notify(packet, options);
    return this.#entry(this.#encode(packet, options), options, entryOptions);
  }

  #entry(
    encoded: OutgoingPacket,
    options: BroadcastOptions,
    { messageId, expiresMs }: EntryOptions = plainEntry,
  ): LaneEntry {
    const { body, format } = bodyOf(encoded);
    const tags = this.#tags(options.rooms);
    const except = options.except === undefined ? noTags : this.#tags(options.except);
    // Named, each: a spread gives every object a shape of its own, which the engine looks up anew each time.
    const entry = new LaneEntry({ tags, except, body, format, messageId, expiresMs }, encoded);
    // Whose the ids of sockets are is known when the store is open.
    const { stream, lane } = this.#delivery;
    if (stream === undefined) lane.whenOpen(() => this.#addressAgain(entry, options));
    return entry;
  }

  #addressAgain(entry: LaneEntry, { rooms, except }: BroadcastOptions): void {
    entry.tags = this.#tags(rooms);
    if (except !== undefined) entry.except = this.#tags(except);
  }

  /** @throws ServerError HF_ATTACHMENTS_TOO_MANY */
  #encode(packet: UnnamedPacket, options: BroadcastOptions): OutgoingPacket {
    const parts = this.nsp.server.encoder.encode(named(packet, this.nsp.name));
    const encoded = encodedPacket(parts, options.flags?.compress !== false);
    refuseManyAttachments(encoded);
    return encoded;
  }

  /** What is addressed to a socket is tagged with its session: the socket's id may change, and another may join its room. */
  #tags(rooms: ReadonlySet<Room>): readonly string[] {
    if (rooms.size === 0) return noTags;
    const { sessions } = this.#delivery;
    const tags: string[] = [];
    for (const room of rooms) {
      const session = sessions.bySocketId(room);
      if (session === undefined) {
        const tag = this.#tagOf(room);
        if (rooms.size === 1) return [tag];
        tags.push(tag);
        continue;
      }
      tags.push(session.tag);
      const members = this.rooms.get(room);
      const others = members !== undefined && (members.size > 1 || !members.has(room));
      if (others || sessions.members(room).size > 0) tags.push(room);
    }
    return tags;
  }

  #notify(packet: UnnamedPacket, options: BroadcastOptions): void {
    if (!this.nsp._outgoingObserved) return;
    this.forEachSocket(options, (socket) => socket.notifyOutgoingListeners(packet));
  }

  override broadcastWithAck(
    packet: UnnamedPacket,
    options: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: (...args: unknown[]) => void,
  ): void {
    if (options.flags?.volatile || options.flags?.transient) {
      super.broadcastWithAck(packet, options, clientCountCallback, ack);
      return;
    }
    this.#notify(packet, options);
    const sessions = new Set<Session>();
    this.forEachSocket(options, (socket) => {
      const session = (socket as SessionSocket)._session;
      if (session !== undefined) sessions.add(session);
    });
    clientCountCallback(sessions.size);
    const plain = this.#encode(packet, options);
    const id = this.nsp._ids++;
    packet.id = id;
    const asking = this.#encode(packet, options);
    const entry = this.#entry(plain, options);
    entry.acks = { id, packet: asking, ack, sessions };
    this.#publish(entry);
    this.#delivery.awaitAcks(entry, options.flags?.timeout ?? 1);
  }

  #sendVolatile(packet: UnnamedPacket, options: BroadcastOptions): void {
    const encoded = this.#encode(packet, options);
    const misleading = endsInString(packet.data);
    this.forEachSocket(options, (socket) => {
      socket.notifyOutgoingListeners(packet);
      const session = (socket as SessionSocket)._session;
      if (session !== undefined) this.#delivery.sendVolatile(session, encoded, misleading);
    });
  }

  #sendTransient(packet: UnnamedPacket, options: BroadcastOptions): void {
    const item: HeldPacket = {
      packet: this.#encode(packet, options),
      shared: true,
      transient: true,
      misleading: endsInString(packet.data),
      act: undefined,
    };
    this.forEachSocket(options, (socket) => {
      socket.notifyOutgoingListeners(packet);
      const session = (socket as SessionSocket)._session;
      if (session !== undefined) this.#delivery.follow(session, this.sids.get(socket.id), item);
    });
  }
}

const noTags: readonly string[] = [];

const noneComing: readonly ComingRooms[] = [];

/** @throws ServerError HF_ATTACHMENTS_TOO_MANY */
export function refuseManyAttachments({ attachments }: OutgoingPacket): void {
  if (attachments === undefined || attachments.length <= attachmentsMax) return;
  const detail = `${attachments.length}, clients take ${attachmentsMax}`;
  throw new ServerError("HF_ATTACHMENTS_TOO_MANY", detail);
}

/** Whether a stock client would take the last argument for its position. */
export function endsInString(data: unknown): boolean {
  return Array.isArray(data) && data.length > 1 && typeof data[data.length - 1] === "string";
}
