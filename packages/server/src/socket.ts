/**
 * One connected client in one namespace: what an application listens to and emits to.
 *
 * The members and their behaviour are those of Socket.IO 4.8; those that begin with an underscore, and
 * the plain ones marked internal, are there because adapters and other packages use them.
 */
import type { IncomingMessage } from "node:http";
import { PacketType, type SocketPacket } from "@holdfast/protocol";
import createDebug from "debug";
import {
  type AdapterContract,
  encodedPacket,
  named,
  type Session,
  type UnnamedPacket,
} from "./adapter.ts";
import { type Ack, AwaitedAnswers } from "./awaited-answers.ts";
import { BroadcastOperator, type ManyBroadcaster } from "./broadcast.ts";
import { type AnyListener, CatchAllListeners } from "./catch-all.ts";
import type { Client } from "./client.ts";
import type { Claim } from "./delivery/claim.ts";
import type { OutgoingPacket } from "./delivery/outgoing-packet.ts";
import type { Session as StoredSession } from "./delivery/session.ts";
import type { Connection } from "./engine/connection.ts";
import { ServerError } from "./errors.ts";
import { handshakeOf } from "./handshake.ts";
import { throwLater } from "./host/throw-later.ts";
import type { JoinSince } from "./join-since.ts";
import { endsInString, refuseManyAttachments } from "./journal-adapter.ts";
import { type Middleware, runMiddlewares } from "./middleware.ts";
import type { Namespace } from "./namespace.ts";
import { attemptOf, type OnceOptions } from "./once-calls.ts";
import { onceListener } from "./once-listener.ts";
import { type Resume, withoutStore } from "./resume.ts";
import { tooManyRooms, unkeptRooms, warnOnce } from "./room-checks.ts";
import type { Server } from "./server.ts";
import type { SocketLink } from "./socket-link.ts";
import {
  type BroadcastFlags,
  type DisconnectReason,
  type Event,
  type Handshake,
  type PrivateSessionId,
  type Room,
  refuseOwnEvents,
  refuseReserved,
  type SocketId,
  type SocketReservedEventsMap,
} from "./socket-types.ts";
import {
  type AllButLast,
  type DecorateAcknowledgements,
  type DefaultEventsMap,
  type EventNames,
  type EventNamesWithAck,
  type EventParams,
  type EventsMap,
  type FirstNonErrorArg,
  type Last,
  type OnceHandler,
  type OnceIdFinder,
  type ReservedOrUserEventNames,
  type ReservedOrUserListener,
  StrictEventEmitter,
} from "./typed-events.ts";

const debug = createDebug("holdfast:socket");

/** After these a client may come back to its session; after the others it has been told to go, or said so. */
const recoverableReasons: ReadonlySet<DisconnectReason> = new Set<DisconnectReason>([
  "transport error",
  "transport close",
  "forced close",
  "ping timeout",
  "server shutting down",
  "forced server close",
]);

const noFlags: BroadcastFlags = Object.freeze({});

export class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's default, so that untyped applications compile
  SocketData = any,
> extends StrictEventEmitter<ListenEvents, EmitEvents, SocketReservedEventsMap> {
  readonly nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  readonly client: Client;
  /** Identifies the socket, also across servers; it is also a room that the socket is alone in. */
  readonly id: SocketId;
  /** Whether the socket is connected to its namespace: true from the event "connection" on. */
  connected = false;
  /** @internal */ readonly adapter: AdapterContract;
  /** @internal */ pid: PrivateSessionId | undefined;
  /** @internal The session that it has. Only with a store. */
  _link: SocketLink | undefined;
  /** @internal */ _dataDue = false;
  #resume = withoutStore;
  #recovered: boolean;
  /** @internal How the next emit is to be sent. */
  flags: BroadcastFlags = noFlags;
  #data: SocketData | undefined;
  #answers: AwaitedAnswers | undefined;
  #handshake: Handshake | undefined;
  readonly #auth: Record<string, unknown>;
  readonly #issuedMs: number;
  #middlewares: Middleware<Event>[] | undefined;
  #incoming: CatchAllListeners | undefined;
  #outgoing: CatchAllListeners | undefined;
  #gone = false;

  /** @internal Namespaces make sockets. */
  constructor(
    nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    client: Client,
    auth: Record<string, unknown>,
    previousSession?: Session,
    id?: SocketId,
  ) {
    super();
    this.nsp = nsp;
    this.client = client;
    this.adapter = nsp.adapter;
    this.#auth = auth;
    const host = nsp.server._host;
    this.#issuedMs = host.wallMs();
    this.#recovered = previousSession !== undefined;
    if (previousSession === undefined) {
      // Not the id of the connection: that one is a credential.
      this.id = id ?? host.newId();
      const keepsPid = nsp.server.opts.connectionStateRecovery && nsp._keeper === undefined;
      this.pid = keepsPid ? host.newId() : undefined;
      return;
    }
    this.id = previousSession.sid;
    this.pid = previousSession.pid;
    this.#data = previousSession.data as SocketData;
    for (const room of previousSession.rooms) void this.join(room);
    for (const data of previousSession.missedPackets) {
      this.packet({ type: PacketType.EVENT, data });
    }
  }

  // --- what the socket is ---

  /** Whether the socket got back its rooms and data, and its client what it had missed. */
  get recovered(): boolean {
    return this.#recovered;
  }

  /** What became of what the client had missed. Without a store there is nothing to tell. */
  get resume(): Resume {
    return this.#resume;
  }

  /** @internal */
  get _session(): StoredSession | undefined {
    return this._link?.session;
  }

  /** @internal What the client brought back, before it is known whether it counts. */
  _beginResume({ session, gap }: Claim, isCertain: boolean): void {
    this.#recovered = session !== undefined && gap === undefined;
    // What is of another must not be seen, and not stay.
    if (isCertain && session?.data !== undefined)
      this.#data = structuredClone(session.data) as SocketData;
  }

  /** @internal The session of an identity has another id than its client's last socket. */
  _rename(id: SocketId): void {
    Object.assign(this, { id });
  }

  /** @internal The socket has its session. */
  _admitted(link: SocketLink, pid: PrivateSessionId, resume: Resume): void {
    this._link = link;
    this.pid = pid;
    this.#resume = resume;
    this.#recovered = resume.kind === "full";
    const { data } = link.session;
    // What middlewares have set is newer.
    if (resume.kind !== "new" && data !== undefined) {
      this.#data = { ...(structuredClone(data) as object), ...this.#data } as SocketData;
    }
  }

  /** What the application keeps with the socket. */
  get data(): SocketData {
    this.#data ??= {} as SocketData;
    return this.#data;
  }

  set data(data: SocketData) {
    this.#data = data;
  }

  /** How the client came here. */
  get handshake(): Handshake {
    this.#handshake ??= handshakeOf(this.client, this.#auth, this.#issuedMs);
    return this.#handshake;
  }

  set handshake(handshake: Handshake) {
    this.#handshake = handshake;
  }

  get server(): Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    return this.nsp.server;
  }

  get disconnected(): boolean {
    return !this.connected;
  }

  /** The first request of the connection. Undefined over WebTransport. */
  get request(): IncomingMessage {
    return this.client.request;
  }

  /** The Engine.IO connection. */
  get conn(): Connection {
    return this.client.conn;
  }

  /** The rooms that the socket is in. */
  get rooms(): Set<Room> {
    return this.adapter.socketRooms(this.id) ?? new Set();
  }

  /** @internal The acknowledgements that are awaited, by their ids. */
  get acks(): Map<number, Ack> {
    this.#answers ??= new AwaitedAnswers();
    return this.#answers.acks;
  }

  // --- emitting ---

  /**
   * Sends an event to the client. A function as the last argument gets the client's acknowledgement.
   *
   * @returns true
   * @throws Error when the event name is reserved
   */
  override emit<Ev extends EventNames<EmitEvents>>(
    ev: Ev,
    ...args: EventParams<EmitEvents, Ev>
  ): boolean {
    refuseReserved(ev);
    if (this.nsp._keeper !== undefined) refuseOwnEvents(ev);
    const data: unknown[] = [ev, ...args];
    const packet: UnnamedPacket = { type: PacketType.EVENT, data };
    const flags = this.#takeFlags();
    if (typeof data[data.length - 1] === "function") {
      const id = this.nsp._ids++;
      this.#awaitAck(id, data.pop() as Ack, flags.timeout);
      packet.id = id;
    }
    const stored = this._link !== undefined && packet.id === undefined && !flags.volatile;
    if (
      stored ||
      (this.nsp._keeper === undefined && this.nsp.server.opts.connectionStateRecovery)
    ) {
      // Through the adapter: it stores what the client may miss.
      const options = { rooms: new Set([this.id]), except: new Set<Room>(), flags: { ...flags } };
      this.adapter.broadcast(packet, options);
    } else {
      this.notifyOutgoingListeners(packet);
      this.packet(packet, flags);
    }
    return true;
  }

  /**
   * Sends an event and waits for the client's acknowledgement.
   *
   * @returns resolves with the answer; rejects with an Error after `timeout()`, if one was set; with a store also when the
   * connection ends before, HF_CONNECTION_ENDED
   */
  emitWithAck<Ev extends EventNamesWithAck<EmitEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<EmitEvents, Ev>>>> {
    // Without a session the promise waits as long as it takes, as in Socket.IO.
    if (this._link !== undefined) this.flags = { timeout: Number.POSITIVE_INFINITY, ...this.flags };
    const withError = this.flags.timeout !== undefined;
    return new Promise((resolve, reject) => {
      const ack: Ack = withError
        ? (error, answer) => (error ? reject(error) : resolve(answer))
        : (answer) => resolve(answer);
      const withAck: unknown[] = [...args, ack];
      this.emit(ev, ...(withAck as EventParams<EmitEvents, Ev>));
    });
  }

  #awaitAck(id: number, ack: Ack, timeoutMs: number | undefined): void {
    this.#answers ??= new AwaitedAnswers();
    this.#answers.add({ id, ack, timeoutMs, socket: this, wheel: this.nsp.server._wheel });
    if (this.#gone && this._link !== undefined) process.nextTick(() => this.#failAnswers());
  }

  #failAnswers(): void {
    this.#answers?.fail(new ServerError("HF_CONNECTION_ENDED"));
  }

  /** Sends the event "message". */
  send(...args: EventParams<EmitEvents, "message">): this {
    this.emit("message", ...args);
    return this;
  }

  /** Sends the event "message". */
  write(...args: EventParams<EmitEvents, "message">): this {
    return this.send(...args);
  }

  /** @internal Sends a packet to the client. */
  packet(packet: UnnamedPacket, flags: BroadcastFlags = noFlags): void {
    if (this.conn.readyState !== "open") return;
    const compress = flags.compress !== false;
    const encoded = encodedPacket(
      this.nsp.server.encoder.encode(named(packet, this.nsp.name)),
      compress,
    );
    const { _link: link } = this;
    if (link !== undefined) this.#sendOnSession(link, packet, encoded, flags);
    else if (flags.volatile) this.client.deliver(encoded, false, true);
    else this.nsp._lane.follow(this.client, encoded);
  }

  #sendOnSession(
    link: SocketLink,
    packet: UnnamedPacket,
    encoded: OutgoingPacket,
    flags: BroadcastFlags,
  ): void {
    refuseManyAttachments(encoded);
    const { delivery, session } = link;
    // Another connection has the session: an answer to this one's call would pass for an answer to one of its own.
    if (session.link !== link) return;
    // The last argument of an event that asks for an acknowledgement is a function, at the client.
    const misleading =
      packet.type === PacketType.EVENT && packet.id === undefined && endsInString(packet.data);
    if (flags.volatile) {
      delivery.sendVolatile(session, encoded, misleading);
      return;
    }
    const transient = flags.transient === true;
    const item = { packet: encoded, shared: false, transient, misleading, act: undefined };
    delivery.follow(session, this.adapter.socketRooms(this.id), item);
  }

  /** Names rooms that the next event goes to, without this socket. */
  to(room: Room | Room[]): ManyBroadcaster<EmitEvents, SocketData> {
    return this.#newBroadcaster().to(room);
  }

  /** The same as {@link to}. */
  in(room: Room | Room[]): ManyBroadcaster<EmitEvents, SocketData> {
    return this.to(room);
  }

  /** Names rooms that the next event does not go to; it goes to all others, without this socket. */
  except(room: Room | Room[]): ManyBroadcaster<EmitEvents, SocketData> {
    return this.#newBroadcaster().except(room);
  }

  /** The next event goes to all sockets of the namespace but this one. */
  get broadcast(): ManyBroadcaster<EmitEvents, SocketData> {
    return this.#newBroadcaster();
  }

  /** The next event goes to the sockets of this server but this one. */
  get local(): ManyBroadcaster<EmitEvents, SocketData> {
    return this.#newBroadcaster().local;
  }

  #newBroadcaster(): ManyBroadcaster<EmitEvents, SocketData> {
    const flags = { ...this.#takeFlags() };
    return new BroadcastOperator(this.adapter, new Set(), new Set([this.id]), flags);
  }

  #takeFlags(): BroadcastFlags {
    const flags = this.flags;
    this.flags = noFlags;
    return flags;
  }

  /** Says whether the transport may compress the next event. */
  compress(compress: boolean): this {
    this.flags = { ...this.flags, compress };
    return this;
  }

  /** The next event is dropped if the client cannot take it at once. */
  get volatile(): this {
    this.flags = { ...this.flags, volatile: true };
    return this;
  }

  /** The next event is not stored: a client that is away misses it. It keeps its place in the order. */
  get transient(): this {
    this.flags = { ...this.flags, transient: true };
    return this;
  }

  /**
   * Bounds the wait for the acknowledgement of the next event, whose callback gets an error first.
   *
   * @param timeout milliseconds
   */
  timeout(
    timeout: number,
  ): Socket<ListenEvents, DecorateAcknowledgements<EmitEvents>, ServerSideEvents, SocketData> {
    this.flags = { ...this.flags, timeout };
    return this;
  }

  // --- rooms ---

  /**
   * Joins rooms. Does nothing once the socket is disconnected, nor when there can be no such room or they are too many: the
   * socket emits "error" then, with HF_ROOMS_TOO_MANY, HF_ROOM_RESERVED or HF_ROOM_NAME_TOO_LONG.
   *
   * @param since with a store: from where older events of the rooms are wanted, too. They come first, each once,
   * and none is missing between them and what follows.
   * @returns with a store, resolves when the join is kept; otherwise when an adapter that spans servers has made it
   * known, undefined with the one in memory. Rejects with HF_POSITION_INVALID, HF_OPTION_INVALID, HF_STORE_MISSING, or the
   * code of the store when that does not keep it: "error" is emitted, too, so that nobody need await it
   */
  join(rooms: Room | Room[]): Promise<void> | void;
  join(rooms: Room | Room[], since: JoinSince): Promise<void>;
  join(rooms: Room | Room[], since?: JoinSince): Promise<void> | void;
  join(rooms: Room | Room[], since?: JoinSince): Promise<void> | void {
    const joined = new Set(Array.isArray(rooms) ? rooms : [rooms]);
    if (since !== undefined) return this.#joinSince(joined, since);
    if (this.#gone || this._refusesRooms(joined)) return;
    return this.adapter.addAll(this.id, joined);
  }

  #joinSince(rooms: ReadonlySet<Room>, since: JoinSince): Promise<void> {
    const keeper = this.nsp._keeper;
    if (keeper === undefined) {
      return Promise.reject(new ServerError("HF_STORE_MISSING", "join() with older events"));
    }
    if (this.#gone || this._refusesRooms(rooms)) return Promise.resolve();
    return keeper.joinSince(this, rooms, since);
  }

  /** @internal Tells why rooms cannot be joined. Not thrown: clients choose them, and none must be able to end the process. */
  _refusesRooms(rooms: ReadonlySet<Room>): boolean {
    const { _keeper: keeper, server } = this.nsp;
    const most = server._limits.roomsPerSocket;
    const refusal =
      tooManyRooms(rooms, this.adapter.socketRooms(this.id), most) ??
      (keeper && unkeptRooms(rooms, this._session));
    return refusal !== undefined && this._refuses(refusal);
  }

  /** @internal */ _refuses(error: ServerError): true {
    this.conn.server?.refuse?.(error, this.conn);
    if (this.listenerCount("error") === 0) warnOnce(error);
    this._onerror(error);
    return true;
  }

  /**
   * Leaves rooms.
   *
   * @returns as `join` does: with a store it rejects with its code where that does not keep it, and "error" is emitted
   */
  leave(rooms: Room | Room[]): Promise<void> | void {
    if (!Array.isArray(rooms)) return this.adapter.del(this.id, rooms);
    const left = rooms.map((room) => this.adapter.del(this.id, room));
    const pending = left.filter((one) => one instanceof Promise);
    if (pending.length === 0) return;
    const all = Promise.all(pending).then(() => {});
    // Each of ours is told.
    if (this.nsp._keeper !== undefined) all.catch(() => {});
    return all;
  }

  /** @internal Leaves all rooms. */ leaveAll(): void {
    this.adapter.delAll(this.id);
  }

  // --- what comes in ---

  /**
   * Handles an event once per id: a repeat gets the answer of the first call, also after a restart of the server.
   * Needs a store.
   *
   * What the handler returns (or resolves with) is the acknowledgement. It is JSON, and is kept before it is sent.
   * When the handler throws, nothing is kept and nothing acknowledged: a client that sends again has it run again.
   *
   * @param options `once` finds the id in the arguments: a string of 1 to 256 characters, or a number
   * @throws ServerError HF_STORE_MISSING, HF_ONCE_TWICE
   */
  override on<Ev extends EventNames<ListenEvents> & string>(
    ev: Ev,
    options: OnceOptions<OnceIdFinder<ListenEvents, Ev>>,
    handler: OnceHandler<ListenEvents, Ev>,
  ): this;
  /** Calls `listener` each time that the client sends `ev`. */
  override on<Ev extends ReservedOrUserEventNames<SocketReservedEventsMap, ListenEvents>>(
    ev: Ev,
    listener: ReservedOrUserListener<SocketReservedEventsMap, ListenEvents, Ev>,
  ): this;
  override on(ev: string, first: unknown, handler?: unknown): this {
    const listener = handler === undefined ? first : onceListener(this, ev, first, handler);
    // Checked by the emitter: what is no function throws there.
    return super.on(ev, listener as never);
  }

  /**
   * In a handler with `once`: 1; more when a call of the same id has begun before and did not come to an answer, so
   * that what it does may have been done already. Also after a restart.
   */
  get onceAttempt(): number {
    return attemptOf(this);
  }

  /** @internal The namespace has taken the socket. */
  _onconnect(): void {
    void this.join(this.id);
    this._sendConnect();
  }

  /** @internal */
  _sendConnect(): void {
    this.connected = true;
    const data = this.pid === undefined ? { sid: this.id } : { sid: this.id, pid: this.pid };
    const packet: SocketPacket = { type: PacketType.CONNECT, nsp: this.nsp.name, data };
    this.client._packet(packet);
    // Not together with what the handlers of "connection" send: a client may begin to listen only on CONNECT.
    this.client.flush();
  }

  /** @internal */
  _onpacket(packet: SocketPacket): void {
    switch (packet.type) {
      case PacketType.EVENT:
      case PacketType.BINARY_EVENT:
        this.#onEvent(packet);
        break;
      case PacketType.ACK:
      case PacketType.BINARY_ACK:
        this.#onAck(packet);
        break;
      case PacketType.DISCONNECT:
        this._onclose("client namespace disconnect");
        break;
    }
  }

  #onEvent(packet: SocketPacket): void {
    // The decoder lets only arrays through, or nothing for an event without a name.
    const args = (packet.data ?? []) as Event;
    if (packet.id !== undefined) args.push(this.#makeAck(packet.id));
    this.#incoming?.call(this, args);
    if (this._link !== undefined) this.nsp._keeper?.data.mayHaveChanged(this);
    if (this.#middlewares === undefined) {
      process.nextTick(callHandlers, this, args);
      return;
    }
    runMiddlewares(this.#middlewares, args, (error) => {
      if (error) process.nextTick(reportError, this, error);
      else process.nextTick(callHandlers, this, args);
    });
  }

  /** @internal Calls the application's handlers of an event. */
  _callHandlers(args: Event): void {
    if (!this.connected) {
      debug("%s: event dropped, the socket is disconnected", this.id);
      return;
    }
    // Node throws what is emitted as "error" and not listened to: a client must not be able to do that.
    if (args[0] === "error" && this.listenerCount("error") === 0) return;
    this.emitUntyped(...args);
  }

  #makeAck(id: number): Ack {
    let sent = false;
    return (...data) => {
      if (sent) return;
      sent = true;
      this.packet({ type: PacketType.ACK, id, data });
    };
  }

  #onAck(packet: SocketPacket): void {
    const { id, data } = packet;
    const ack = id === undefined ? undefined : this.#answers?.acks.get(id);
    if (id === undefined || ack === undefined) {
      debug("%s: nothing awaits the acknowledgement %d", this.id, id);
      return;
    }
    ack.apply(this, Array.isArray(data) ? data : []);
    this.acks.delete(id);
  }

  /** @internal */
  _onerror(error: Error): void {
    if (this.listenerCount("error") > 0) this.emitReserved("error", error);
  }

  /** @internal A handler with `once` has failed. Not thrown: it runs again when the client sends again. */
  _onceFailed(error: Error): void {
    if (error instanceof ServerError && error.code === "HF_ONCE_ID_INVALID") {
      this.conn.server?.refuse?.(error, this.conn);
    } else if (this.listenerCount("error") === 0) {
      console.error("holdfast: a handler with once failed:", error);
    }
    this._onerror(error);
  }

  // --- end ---

  /**
   * Disconnects the socket from its namespace.
   *
   * @param close whether the whole connection is closed, with the sockets of other namespaces. Default false.
   */
  disconnect(close = false): this {
    if (!this.connected) return this;
    if (close) {
      this.client._disconnect();
    } else {
      this.packet({ type: PacketType.DISCONNECT });
      this._onclose("server namespace disconnect");
    }
    return this;
  }

  /** @internal */
  _onclose(reason: DisconnectReason, description?: unknown): void {
    if (!this.connected) return;
    debug("%s: disconnected, %s", this.id, reason);
    // A session must be free afterwards; and a connection may end while events are handed over to others.
    const later = this._link !== undefined;
    throwLater(() => this.emitReserved("disconnecting", reason, description), later);
    const keeper = this.nsp._keeper;
    if (keeper === undefined && this.pid !== undefined && recoverableReasons.has(reason)) {
      const { id: sid, pid, data } = this;
      this.adapter.persistSession({ sid, pid, rooms: [...this.rooms], data });
    }
    if (this._link !== undefined) keeper?.closed(this, this._link, reason);
    this._cleanup();
    this.client._remove(this);
    this.connected = false;
    throwLater(() => this.emitReserved("disconnect", reason, description), later);
    if (this._link !== undefined) this.#failAnswers();
  }

  /** @internal Leaves the rooms and the namespace for good. */
  _cleanup(): void {
    this.leaveAll();
    this.nsp._remove(this);
    this.#gone = true;
  }

  /** @internal Refuses the client's CONNECT. */
  _error(data: unknown): void {
    this.packet({ type: PacketType.CONNECT_ERROR, data });
  }

  // --- middlewares and catch-all listeners ---

  /** Adds a middleware for incoming events; `next(error)` keeps the event from its handlers and emits "error". */
  use(fn: (event: Event, next: (err?: Error) => void) => void): this {
    this.#middlewares = [...(this.#middlewares ?? []), fn];
    return this;
  }

  /** Adds a listener that gets each incoming event, before its handlers. */
  onAny(listener: AnyListener): this {
    this.#incoming ??= new CatchAllListeners();
    this.#incoming.append(listener);
    return this;
  }

  /** The same as {@link onAny}, before the others. */
  prependAny(listener: AnyListener): this {
    this.#incoming ??= new CatchAllListeners();
    this.#incoming.prepend(listener);
    return this;
  }

  /** Removes a listener of {@link onAny}, or all of them. */
  offAny(listener?: AnyListener): this {
    this.#incoming?.remove(listener);
    return this;
  }

  /** The listeners of {@link onAny}. */
  listenersAny(): AnyListener[] {
    return this.#incoming?.list() ?? [];
  }

  /** Adds a listener that gets each outgoing event. */
  onAnyOutgoing(listener: AnyListener): this {
    this.nsp._outgoingObserved = true;
    this.#outgoing ??= new CatchAllListeners();
    this.#outgoing.append(listener);
    return this;
  }

  /** The same as {@link onAnyOutgoing}, before the others. */
  prependAnyOutgoing(listener: AnyListener): this {
    this.nsp._outgoingObserved = true;
    this.#outgoing ??= new CatchAllListeners();
    this.#outgoing.prepend(listener);
    return this;
  }

  /** Removes a listener of {@link onAnyOutgoing}, or all of them. */
  offAnyOutgoing(listener?: AnyListener): this {
    this.#outgoing?.remove(listener);
    return this;
  }

  /** The listeners of {@link onAnyOutgoing}. */
  listenersAnyOutgoing(): AnyListener[] {
    return this.#outgoing?.list() ?? [];
  }

  /** @internal */
  notifyOutgoingListeners(packet: UnnamedPacket): void {
    if (this.#outgoing !== undefined && Array.isArray(packet.data)) {
      this.#outgoing.call(this, packet.data);
    }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: shared by the sockets of all applications
type AnySocket = Socket<any, any, any, any>;

function callHandlers(socket: AnySocket, args: Event): void {
  socket._callHandlers(args);
}

function reportError(socket: AnySocket, error: Error): void {
  socket._onerror(error);
}
