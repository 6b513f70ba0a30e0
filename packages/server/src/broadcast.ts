/** The fluent part of the API: whom a broadcast goes to, and how. `BroadcastOperator` is immutable. */
import { PacketType } from "@holdfast/protocol";
import type { AdapterContract, BroadcastOptions, UnnamedPacket } from "./adapter.ts";
import { ServerError } from "./errors.ts";
import { Alarm, type TimerWheel } from "./host/timer-wheel.ts";
import { type PublishOptions, type PublishResult, publish, refuseUnkept } from "./publish.ts";
import type { SessionKeeper } from "./session-keeper.ts";
import {
  type BroadcastFlags,
  type Handshake,
  type Room,
  refuseOwnEvents,
  refuseReserved,
  type SocketId,
} from "./socket-types.ts";
import type {
  AllButLast,
  ArgsWithoutAck,
  DecorateAcknowledgements,
  DecorateAcknowledgementsWithMultipleResponses,
  EventNames,
  EventNamesWithError,
  EventParams,
  EventsMap,
  FirstNonErrorArg,
  Last,
  TypedEventBroadcaster,
} from "./typed-events.ts";

type AckCallback = (error: Error | null, responses: unknown) => void;

export class BroadcastOperator<EmitEvents extends EventsMap, SocketData>
  implements TypedEventBroadcaster<EmitEvents>
{
  // Plain members, not private ones: Socket.IO applications borrow `emit` for other objects.
  readonly adapter: AdapterContract;
  readonly rooms: Set<Room>;
  readonly exceptRooms: Set<Room>;
  readonly flags: BroadcastFlags & { expectSingleResponse?: boolean };

  constructor(
    adapter: AdapterContract,
    rooms: Set<Room> = new Set(),
    exceptRooms: Set<Room> = new Set(),
    flags: BroadcastFlags & { expectSingleResponse?: boolean } = {},
  ) {
    this.adapter = adapter;
    this.rooms = rooms;
    this.exceptRooms = exceptRooms;
    this.flags = flags;
  }

  /** Adds rooms whose sockets get the event; a socket in several of them gets it once. */
  to(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData> {
    const rooms = withRooms(this.rooms, room);
    return new BroadcastOperator(this.adapter, rooms, this.exceptRooms, this.flags);
  }

  /** The same as {@link to}. */
  in(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData> {
    return this.to(room);
  }

  /** Adds rooms whose sockets do not get the event. */
  except(room: Room | Room[]): BroadcastOperator<EmitEvents, SocketData> {
    const exceptRooms = withRooms(this.exceptRooms, room);
    return new BroadcastOperator(this.adapter, this.rooms, exceptRooms, this.flags);
  }

  /** Says whether the transport may compress the event. */
  compress(compress: boolean): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ compress });
  }

  /** The event is dropped for clients that cannot take it at once. */
  get volatile(): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ volatile: true });
  }

  /** The event is not stored: who is away misses it. It keeps its place in the order. */
  get transient(): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ transient: true });
  }

  /** The event goes to the clients of this server only. */
  get local(): BroadcastOperator<EmitEvents, SocketData> {
    return this.#with({ local: true });
  }

  /**
   * Bounds the wait for acknowledgements.
   *
   * @param timeout milliseconds
   */
  timeout(timeout: number): BroadcastOperator<DecorateAcknowledgements<EmitEvents>, SocketData> {
    return this.#with({ timeout });
  }

  #with(flags: BroadcastFlags): BroadcastOperator<EmitEvents, SocketData> {
    // Two spreads would give each object a hidden class of its own, at ten times the price.
    const merged: BroadcastFlags = Object.assign({}, this.flags, flags);
    return new BroadcastOperator(this.adapter, this.rooms, this.exceptRooms, merged);
  }

  /**
   * Sends an event. With a function as the last argument, each client is to acknowledge it: the function gets
   * `(error, responses)` when all have, or when the time is up.
   *
   * @throws Error when the event name is reserved; with a store, ServerError HF_EVENT_NAME_INVALID when it is neither a
   * string nor a number, HF_ATTACHMENTS_TOO_MANY
   */
  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean {
    refuseReserved(ev);
    if (this.adapter.nsp._keeper !== undefined) refuseOwnEvents(ev);
    const data: unknown[] = [ev, ...args];
    const ack = typeof data[data.length - 1] === "function" ? data.pop() : undefined;
    const packet: UnnamedPacket = { type: PacketType.EVENT, data };
    const { adapter, flags } = this;
    const options = { rooms: this.rooms, except: this.exceptRooms, flags };
    if (ack === undefined) adapter.broadcast(packet, options);
    else new PendingBroadcast(adapter, packet, options, ack as AckCallback).send();
    return true;
  }

  /**
   * Sends an event and waits for the acknowledgements of all clients.
   *
   * @returns resolves with their answers; rejects with an Error whose `responses` are those that came in time
   */
  emitWithAck<Ev extends EventNamesWithError<EmitEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<EmitEvents, Ev>>>> {
    return new Promise((resolve, reject) => {
      const ack: AckCallback = (error, responses) => {
        if (error) reject(Object.assign(error, { responses }));
        else resolve(responses as FirstNonErrorArg<Last<EventParams<EmitEvents, Ev>>>);
      };
      const withAck: unknown[] = [...args, ack];
      this.emit(ev, ...(withAck as EventParams<EmitEvents, Ev>));
    });
  }

  /**
   * Publishes an event: as `emit`, and tells when it is kept.
   *
   * An object with no other keys than `id`, `ttl` and `by` as the last argument is the options.
   *
   * @returns resolves when the event is committed. Rejects with HF_STORE_MISSING, HF_PUBLISH_INVALID,
   * HF_EVENT_NAME_INVALID, HF_ATTACHMENTS_TOO_MANY, HF_MESSAGE_ID_CONFLICT, HF_STORE_FULL, HF_STORE_READ_ONLY: it has no
   * effect; HF_STORE_FAILED: that is not known
   */
  publish<Ev extends EventNames<EmitEvents>>(
    ev: Ev,
    ...args: [...ArgsWithoutAck<EventParams<EmitEvents, Ev>>, options?: PublishOptions | undefined]
  ): Promise<PublishResult> {
    // Not an async function: its promise around ours is a fifth of what a publish costs.
    try {
      refuseReserved(ev);
      const keeper: SessionKeeper | undefined = this.adapter.nsp._keeper;
      if (keeper === undefined) throw new ServerError("HF_STORE_MISSING", "publish()");
      refuseOwnEvents(ev);
      const { rooms, exceptRooms, flags } = this;
      refuseUnkept(flags);
      return publish(keeper, String(ev), args, { rooms, except: exceptRooms, flags });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** @deprecated use {@link fetchSockets} or {@link serverSideEmit} */
  allSockets(): Promise<Set<SocketId>> {
    if (!this.adapter) {
      throw new ServerError("HF_ADAPTER_MISSING");
    }
    return this.adapter.sockets(this.rooms);
  }

  /** The sockets that the operator names, those of other servers as {@link RemoteSocket}. */
  async fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    const found: (SocketDetails<SocketData> & { server?: unknown })[] =
      await this.adapter.fetchSockets(optionsOf(this));
    return found.map((details) =>
      details.server === undefined
        ? new RemoteSocket<EmitEvents, SocketData>(this.adapter, details)
        : (details as unknown as RemoteSocket<EmitEvents, SocketData>),
    );
  }

  /** Makes the sockets join rooms. */
  socketsJoin(room: Room | Room[]): void {
    this.adapter.addSockets(optionsOf(this), Array.isArray(room) ? room : [room]);
  }

  /** Makes the sockets leave rooms. */
  socketsLeave(room: Room | Room[]): void {
    this.adapter.delSockets(optionsOf(this), Array.isArray(room) ? room : [room]);
  }

  /**
   * Disconnects the sockets.
   *
   * @param close whether their connections are closed too. Default false.
   */
  disconnectSockets(close = false): void {
    this.adapter.disconnectSockets(optionsOf(this), close);
  }
}

/** An operator whose acknowledgements come from many clients: one type for all that return one. */
export type ManyBroadcaster<EmitEvents extends EventsMap, SocketData> = BroadcastOperator<
  DecorateAcknowledgementsWithMultipleResponses<EmitEvents>,
  SocketData
>;

function optionsOf(operator: {
  rooms: Set<Room>;
  exceptRooms: Set<Room>;
  flags: BroadcastFlags;
}): BroadcastOptions {
  return { rooms: operator.rooms, except: operator.exceptRooms, flags: operator.flags };
}

function withRooms(rooms: ReadonlySet<Room>, added: Room | Room[]): Set<Room> {
  // Most have none before: an empty set is not copied, which would go through it.
  const all = rooms.size === 0 ? new Set<Room>() : new Set(rooms);
  if (Array.isArray(added)) for (const room of added) all.add(room);
  else all.add(added);
  return all;
}

/** A broadcast whose acknowledgements are awaited. */
class PendingBroadcast {
  readonly #adapter: AdapterContract;
  readonly #packet: UnnamedPacket;
  readonly #options: BroadcastOptions;
  readonly #ack: AckCallback;
  readonly #responses: unknown[] = [];
  #timedOut = false;
  #expectedServers = -1;
  #heardServers = 0;
  #expectedClients = 0;

  constructor(
    adapter: AdapterContract,
    packet: UnnamedPacket,
    options: BroadcastOptions,
    ack: AckCallback,
  ) {
    this.#adapter = adapter;
    this.#packet = packet;
    this.#options = options;
    this.#ack = ack;
  }

  send(): void {
    const wheel: TimerWheel = this.#adapter.nsp.server._wheel;
    const alarm = new Alarm<PendingBroadcast>(this, broadcastIsLate);
    // Without a time-out it is one millisecond, as in Socket.IO.
    wheel.arm(alarm, this.#options.flags?.timeout ?? 1);
    const check = () => {
      if (this.#timedOut) return;
      if (this.#expectedServers !== this.#heardServers) return;
      if (this.#responses.length !== this.#expectedClients) return;
      wheel.disarm(alarm);
      this.#answer(null, this.#responses[0]);
    };
    this.#adapter.broadcastWithAck(
      this.#packet,
      this.#options,
      (clientCount) => {
        this.#expectedClients += clientCount;
        this.#heardServers++;
        check();
      },
      (response) => {
        this.#responses.push(response);
        check();
      },
    );
    void this.#adapter.serverCount().then((serverCount) => {
      this.#expectedServers = serverCount;
      check();
    });
  }

  timeUp(): void {
    this.#timedOut = true;
    const { id } = this.#packet;
    if (id !== undefined) {
      const sockets: Map<SocketId, { acks: Map<number, unknown> }> = this.#adapter.nsp.sockets;
      for (const socket of sockets.values()) socket.acks.delete(id);
    }
    this.#answer(new Error("operation has timed out"), null);
  }

  #answer(error: Error | null, single: unknown): void {
    this.#ack(error, this.#options.flags?.expectSingleResponse ? single : this.#responses);
  }
}

function broadcastIsLate(broadcast: PendingBroadcast): void {
  broadcast.timeUp();
}

/** What a server tells another of a socket. */
interface SocketDetails<SocketData> {
  readonly id: SocketId;
  readonly handshake: Handshake;
  readonly rooms: Iterable<Room>;
  readonly data: SocketData;
}

/** A socket that may be connected to another server: it can be addressed, not listened to. */
export class RemoteSocket<EmitEvents extends EventsMap, SocketData>
  implements TypedEventBroadcaster<EmitEvents>
{
  readonly id: SocketId;
  readonly handshake: Handshake;
  readonly rooms: Set<Room>;
  readonly data: SocketData;
  readonly #operator: BroadcastOperator<EmitEvents, SocketData>;

  constructor(adapter: AdapterContract, details: SocketDetails<SocketData>) {
    this.id = details.id;
    this.handshake = details.handshake;
    this.rooms = new Set(details.rooms);
    this.data = details.data;
    // One socket: an acknowledgement gets its answer, not a list of one.
    const flags = { expectSingleResponse: true };
    this.#operator = new BroadcastOperator(adapter, new Set([this.id]), new Set(), flags);
  }

  /** Bounds the wait for an acknowledgement, in milliseconds. */
  timeout(timeout: number): BroadcastOperator<DecorateAcknowledgements<EmitEvents>, SocketData> {
    return this.#operator.timeout(timeout);
  }

  /** Sends an event to the socket. */
  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean {
    return this.#operator.emit(ev, ...args);
  }

  /** Makes the socket join rooms. */
  join(room: Room | Room[]): void {
    this.#operator.socketsJoin(room);
  }

  /** Makes the socket leave a room. */
  leave(room: Room): void {
    this.#operator.socketsLeave(room);
  }

  /** Disconnects the socket; with `close`, closes its connection. */
  disconnect(close = false): this {
    this.#operator.disconnectSockets(close);
    return this;
  }
}
