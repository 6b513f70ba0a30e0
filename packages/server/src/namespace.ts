/** A namespace: sockets that share middlewares, rooms and handlers. Spec: Socket.IO protocol 5, "Namespaces". */
import createDebug from "debug";
import type { AdapterContract, Session } from "./adapter.ts";
import { BroadcastOperator, type ManyBroadcaster, type RemoteSocket } from "./broadcast.ts";
import type { Client } from "./client.ts";
import { directLane, type Lane } from "./delivery/lane.ts";
import { ServerError } from "./errors.ts";
import { KeptRoom } from "./kept-room.ts";
import { type Middleware, runMiddlewares } from "./middleware.ts";
import type { NamespaceOptions } from "./namespace-options.ts";
import type { PublishOptions, PublishResult } from "./publish.ts";
import type { Server } from "./server.ts";
import type { SessionKeeper } from "./session-keeper.ts";
import { Socket } from "./socket.ts";
import { type ExtendedError, type Room, refuseReserved, type SocketId } from "./socket-types.ts";
import {
  type AllButLast,
  type ArgsWithoutAck,
  type DecorateAcknowledgements,
  type DecorateAcknowledgementsWithMultipleResponses,
  type DecorateAcknowledgementsWithTimeoutAndMultipleResponses,
  type DefaultEventsMap,
  type EventNames,
  type EventNamesWithAck,
  type EventNamesWithoutAck,
  type EventParams,
  type EventsMap,
  type FirstNonErrorArg,
  type Last,
  type RemoveAcknowledgements,
  StrictEventEmitter,
} from "./typed-events.ts";
import { show } from "./units.ts";

const debug = createDebug("holdfast:namespace");

export interface NamespaceReservedEventsMap<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> {
  connect: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
  connection: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;
}

/** Names that must not be emitted between servers. */
export const reservedServerSideEvents: ReadonlySet<string | symbol> = new Set<string | symbol>([
  "connect",
  "connection",
  "new_namespace",
]);

export class Namespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's default, so that untyped applications compile
  SocketData = any,
> extends StrictEventEmitter<
  ServerSideEvents,
  RemoveAcknowledgements<EmitEvents>,
  NamespaceReservedEventsMap<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
> {
  readonly name: string;
  readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The connected sockets by their ids. */
  readonly sockets = new Map<
    SocketId,
    Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
  >();
  adapter!: AdapterContract;
  /** @internal */ readonly _options: NamespaceOptions;
  /** @internal The next id of an acknowledgement. */
  _ids = 0;
  /** @internal What keeps the sessions. Only with a store. */
  _keeper: SessionKeeper | undefined;
  /** @internal Whether any socket ever had a listener of outgoing events. */
  _outgoingObserved = false;
  /** @internal Where emits become ordered. */
  readonly _lane: Lane = directLane;
  /** @internal The middlewares. */
  readonly _fns: Middleware<Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>>[] = [];
  /** @internal Sockets whose middlewares are running. */
  readonly _preConnectSockets = new Map<
    SocketId,
    Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
  >();

  /** @internal Runs when the last socket has gone. */
  _onEmpty: (() => void) | undefined;

  /** @internal The server makes namespaces: see {@link Server#of}. */
  constructor(
    server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    name: string,
    options: NamespaceOptions = {},
  ) {
    super();
    this.server = server;
    this.name = name;
    this._options = options;
    this._initAdapter();
  }

  /** @internal Makes the adapter (anew). */
  _initAdapter(): void {
    this.adapter = this.server._makeAdapter(this);
    Promise.resolve(this.adapter.init()).catch((error: unknown) => {
      debug("%s: the adapter did not start: %s", this.name, error);
    });
  }

  /**
   * Adds a middleware, which runs for each socket before it is connected.
   *
   * @param fn `next(error)` refuses the socket: its client gets `error.message` and `error.data`
   */
  use(
    fn: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (err?: ExtendedError) => void,
    ) => void,
  ): this {
    this._fns.push(fn);
    return this;
  }

  // --- sockets that come and go ---

  /**
   * @internal Makes a socket for a client that asked for this namespace. `settled` runs when the client has been
   * let in or refused; `joined` before the event "connection".
   */
  _add(
    client: Client,
    auth: unknown,
    joined: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
    settled: () => void,
  ): void {
    const record = (typeof auth === "object" && auth !== null ? auth : {}) as Record<
      string,
      unknown
    >;
    if (this._keeper !== undefined) {
      void this._keeper.add(client, record, joined, settled);
      return;
    }
    const start = (session: Session | undefined) => {
      const socket = new Socket(this, client, record, session);
      const connect = () => {
        settled();
        if (client.conn.readyState === "open") this.#connect(socket, joined);
        else socket._cleanup();
      };
      const recovery = this.server.opts.connectionStateRecovery;
      if (this._fns.length === 0 || (recovery?.skipMiddlewares && socket.recovered)) {
        connect();
        return;
      }
      this._preConnectSockets.set(socket.id, socket);
      runMiddlewares(this._fns, socket, (error?: ExtendedError) => {
        if (!error) {
          process.nextTick(connect);
          return;
        }
        process.nextTick(() => {
          settled();
          socket._cleanup();
          socket._error({ message: error.message, data: error.data });
        });
      });
    };
    const { pid, offset } = record;
    if (this.server.opts.connectionStateRecovery && typeof pid === "string") {
      void this.#restore(pid, offset).then((session) => process.nextTick(start, session));
    } else {
      // Never from within the decoder: what an application throws here is no error of the client.
      process.nextTick(start, undefined);
    }
  }

  async #restore(pid: string, offset: unknown): Promise<Session | undefined> {
    if (typeof offset !== "string" && offset !== undefined) return undefined;
    // A client that never got an event has no offset; an adapter that does not know that case is not asked.
    if (offset === undefined && !this.server._ownAdapter) return undefined;
    try {
      const session: Session | null | undefined = await this.adapter.restoreSession(
        pid,
        offset as string,
      );
      return session ?? undefined;
    } catch (error) {
      debug("%s: the session was not restored: %s", this.name, error);
      return undefined;
    }
  }

  #connect(
    socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    joined: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): void {
    this._preConnectSockets.delete(socket.id);
    this.sockets.set(socket.id, socket);
    socket._onconnect();
    joined(socket);
    this._announce(socket);
  }

  /** @internal */
  _announce(socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>): void {
    this.emitReserved("connect", socket);
    this.emitReserved("connection", socket);
  }

  /** @internal */
  _remove(socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>): void {
    // A session that came back has the same id as the socket that it replaces.
    if (this.sockets.get(socket.id) === socket) this.sockets.delete(socket.id);
    else if (this._preConnectSockets.get(socket.id) === socket) {
      this._preConnectSockets.delete(socket.id);
    }
    if (this.sockets.size === 0 && this._preConnectSockets.size === 0) this._onEmpty?.();
  }

  // --- emitting to many ---

  /** Names rooms that the next event goes to. */
  to(room: Room | Room[]): ManyBroadcaster<EmitEvents, SocketData> {
    return this._all().to(room);
  }

  /** The same as {@link to}. */
  in(room: Room | Room[]): ManyBroadcaster<EmitEvents, SocketData> {
    return this._all().in(room);
  }

  /** Names rooms that the next event does not go to. */
  except(room: Room | Room[]): ManyBroadcaster<EmitEvents, SocketData> {
    return this._all().except(room);
  }

  /** @internal The operator for all sockets of the namespace. */
  _all(): ManyBroadcaster<EmitEvents, SocketData> {
    return new BroadcastOperator(this.adapter);
  }

  /**
   * Sends an event to all clients of the namespace.
   *
   * @returns true
   * @throws Error when the event name is reserved
   */
  override emit<Ev extends EventNamesWithoutAck<EmitEvents>>(
    ev: Ev,
    ...args: EventParams<EmitEvents, Ev>
  ): boolean {
    return new BroadcastOperator<EmitEvents, SocketData>(this.adapter).emit(ev, ...args);
  }

  /**
   * Sends an event to all clients of the namespace and waits for their acknowledgements.
   *
   * @returns resolves with the answers; rejects with an Error whose `responses` are those that came in time
   */
  emitWithAck<Ev extends EventNamesWithAck<EmitEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<EmitEvents, Ev>>>[]> {
    const all = new BroadcastOperator<DefaultEventsMap, SocketData>(this.adapter);
    return all.emitWithAck(ev as string, ...args);
  }

  /** Publishes an event to all clients of the namespace. See {@link BroadcastOperator#publish}. */
  publish<Ev extends EventNames<EmitEvents>>(
    ev: Ev,
    ...args: [...ArgsWithoutAck<EventParams<EmitEvents, Ev>>, options?: PublishOptions | undefined]
  ): Promise<PublishResult> {
    return new BroadcastOperator<EmitEvents, SocketData>(this.adapter).publish(ev, ...args);
  }

  /** Sends the event "message" to all clients of the namespace. */
  send(...args: EventParams<EmitEvents, "message">): this {
    new BroadcastOperator<EmitEvents, SocketData>(this.adapter).emit("message", ...args);
    return this;
  }

  /** The same as {@link send}. */
  write(...args: EventParams<EmitEvents, "message">): this {
    return this.send(...args);
  }

  /** Says whether the transport may compress the next event. */
  compress(compress: boolean): ManyBroadcaster<EmitEvents, SocketData> {
    return this._all().compress(compress);
  }

  /** The next event is dropped for clients that cannot take it at once. */
  get volatile(): ManyBroadcaster<EmitEvents, SocketData> {
    return this._all().volatile;
  }

  /** The next event is not stored: who is away misses it. It keeps its place in the order. */
  get transient(): ManyBroadcaster<EmitEvents, SocketData> {
    return this._all().transient;
  }

  /** The next event goes to the clients of this server only. */
  get local(): ManyBroadcaster<EmitEvents, SocketData> {
    return this._all().local;
  }

  /** Bounds the wait for the acknowledgements of the next event, in milliseconds. */
  timeout(
    timeout: number,
  ): BroadcastOperator<
    DecorateAcknowledgements<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>>,
    SocketData
  > {
    return this._all().timeout(timeout);
  }

  // --- what is kept ---

  /**
   * What the store keeps of a room: its history, its position, its members.
   *
   * @typeParam Events - the events of the room, where they are not all of the namespace
   * @throws ServerError HF_STORE_MISSING, HF_ROOM_RESERVED, HF_ROOM_NAME_TOO_LONG
   */
  room<Events extends EventsMap = EmitEvents>(name: Room): KeptRoom<Events> {
    return new KeptRoom<Events>(this._kept("room()"), name);
  }

  /**
   * All sessions of a user, connected or not: what is emitted to them waits for those that are away. The user is the one
   * that the option `identify` gave.
   *
   * @throws ServerError HF_STORE_MISSING, HF_IDENTITY_INVALID
   */
  user(id: string): ManyBroadcaster<EmitEvents, SocketData> {
    const keeper = this._kept("user()");
    if (this.server.opts.identify === undefined) {
      throw new ServerError("HF_IDENTITY_INVALID", "user() needs the option `identify`");
    }
    if (typeof id !== "string" || id === "") {
      throw new ServerError("HF_IDENTITY_INVALID", `user(${show(id)}); accepted: a string`);
    }
    return this._all().to(keeper.adapter.roomOfUser(id));
  }

  /** @internal What keeps the sessions. @throws ServerError HF_STORE_MISSING */
  _kept(what: string): SessionKeeper {
    if (this._keeper === undefined) throw new ServerError("HF_STORE_MISSING", what);
    return this._keeper;
  }

  // --- other servers ---

  /**
   * Emits an event to the other servers of a cluster.
   *
   * @returns true
   * @throws Error when the event name is reserved
   */
  serverSideEmit<Ev extends EventNames<ServerSideEvents>>(
    ev: Ev,
    ...args: EventParams<
      DecorateAcknowledgementsWithTimeoutAndMultipleResponses<ServerSideEvents>,
      Ev
    >
  ): boolean {
    refuseReserved(ev, reservedServerSideEvents);
    this.adapter.serverSideEmit([ev, ...args]);
    return true;
  }

  /**
   * Emits an event to the other servers and waits for their acknowledgements.
   *
   * @returns resolves with the answers; rejects with an Error whose `responses` are those that came in time
   */
  serverSideEmitWithAck<Ev extends EventNamesWithAck<ServerSideEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<ServerSideEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<ServerSideEvents, Ev>>>[]> {
    return new Promise((resolve, reject) => {
      const ack = (
        error: Error | null,
        responses: FirstNonErrorArg<Last<EventParams<ServerSideEvents, Ev>>>[],
      ) => {
        if (error) reject(Object.assign(error, { responses }));
        else resolve(responses);
      };
      const withAck: unknown[] = [...args, ack];
      this.serverSideEmit(
        ev,
        ...(withAck as EventParams<
          DecorateAcknowledgementsWithTimeoutAndMultipleResponses<ServerSideEvents>,
          Ev
        >),
      );
    });
  }

  /** @internal An event of another server. */
  _onServerSideEmit(args: [string, ...unknown[]]): void {
    this.emitUntyped(...args);
  }

  // --- the sockets as a set ---

  /** @deprecated use {@link fetchSockets} */
  allSockets(): Promise<Set<SocketId>> {
    return this._all().allSockets();
  }

  /** The sockets of the namespace, those of other servers as {@link RemoteSocket}. */
  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    return new BroadcastOperator<EmitEvents, SocketData>(this.adapter).fetchSockets();
  }

  /** Makes all sockets join rooms. */
  socketsJoin(room: Room | Room[]): void {
    this._all().socketsJoin(room);
  }

  /** Makes all sockets leave rooms. */
  socketsLeave(room: Room | Room[]): void {
    this._all().socketsLeave(room);
  }

  /** Disconnects all sockets; with `close`, closes their connections. */
  disconnectSockets(close = false): void {
    this._all().disconnectSockets(close);
  }
}
