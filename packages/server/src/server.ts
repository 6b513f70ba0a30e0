/**
 * The Socket.IO server: namespaces on top of an Engine.IO server.
 *
 * The public surface is that of Socket.IO 4.8; what differs is in docs/guide/porting.md.
 */
import { EventEmitter } from "node:events";
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import { SocketPacketDecoder } from "@holdfast/protocol";
import cors from "cors";
import createDebug from "debug";
import {
  Adapter,
  type AdapterConstructor,
  type AdapterContract,
  type AdapterNamespace,
} from "./adapter.ts";
import { type AttachableServer, isOptions, listenOn } from "./attachable.ts";
import type { BroadcastOperator, ManyBroadcaster, RemoteSocket } from "./broadcast.ts";
import { Client } from "./client.ts";
import { clientFileName, serveClientFile } from "./client-files.ts";
import { parseReceiptInterval } from "./client-sessions.ts";
import { startClosing } from "./closing.ts";
import { Counters, type ServerCounters } from "./counters.ts";
import { type DrainOptions, drain } from "./drain.ts";
import { BaseEngine } from "./engine/base-engine.ts";
import type { Connection } from "./engine/connection.ts";
import { Engine } from "./engine/engine.ts";
import { ServerError } from "./errors.ts";
import { type Host, nodeHost, simulatedBy } from "./host/host.ts";
import { TimerWheel } from "./host/timer-wheel.ts";
import { keepEvents, type RefusedEmit } from "./kept-events.ts";
import type { KeptRoom } from "./kept-room.ts";
import { type Limits, resolveLimits } from "./limits.ts";
import { Namespace, type NamespaceReservedEventsMap } from "./namespace.ts";
import {
  checkNamespaceOptions,
  type NamespaceOptions,
  refuseOtherOptions,
} from "./namespace-options.ts";
import { checkServerOptions, type ServerOptions } from "./options.ts";
import { ParentNamespace } from "./parent-namespace.ts";
import { defaultParser, type PacketEncoder, type Parser } from "./parser.ts";
import type { PublishOptions, PublishResult } from "./publish.ts";
import { SessionAwareAdapter } from "./recovery.ts";
import { ServerStore } from "./server-store.ts";
import type { Socket } from "./socket.ts";
import type { ExtendedError, Room, SocketId } from "./socket-types.ts";
import type { StoreStatus } from "./store-watch.ts";
import {
  type AllButLast,
  type ArgsWithoutAck,
  type DecorateAcknowledgements,
  type DecorateAcknowledgementsWithMultipleResponses,
  type DecorateAcknowledgementsWithTimeoutAndMultipleResponses,
  type DefaultEventsMap,
  type EventNames,
  type EventNamesWithAck,
  type EventParams,
  type EventsMap,
  type FirstNonErrorArg,
  type Last,
  type RemoveAcknowledgements,
  StrictEventEmitter,
} from "./typed-events.ts";
import { parseDuration, show } from "./units.ts";

const debug = createDebug("holdfast:server");

/** Decides whether a namespace that a client asks for is made: call `fn(null, true)` to have it made. */
export type ParentNspNameMatchFn = (
  name: string,
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's type, so that functions written for it compile
  auth: { [key: string]: any },
  fn: (err: Error | null, success: boolean) => void,
) => void;

export interface ServerReservedEventsMap<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> extends NamespaceReservedEventsMap<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  emit_refused: (refused: RefusedEmit) => void;
  store_status: (status: StoreStatus) => void;
  new_namespace: (
    namespace: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
  ) => void;
}

/** The namespace "/", which also tells of new namespaces. */
class RootNamespace<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> extends Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  /** @internal */
  _emitRefused(refused: RefusedEmit): void {
    this.emitUntyped("emit_refused", refused);
  }

  /** @internal */
  _emitStoreStatus(status: StoreStatus): void {
    this.emitUntyped("store_status", status);
  }

  /** @internal */
  _emitNewNamespace(
    namespace: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
  ): void {
    this.emitUntyped("new_namespace", namespace);
  }
}

export class Server<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's default, so that untyped applications compile
  SocketData = any,
> extends StrictEventEmitter<
  ServerSideEvents,
  RemoveAcknowledgements<EmitEvents>,
  ServerReservedEventsMap<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
> {
  /** The namespace "/". */
  readonly sockets: RootNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The Engine.IO server. Undefined until the server is attached. */
  engine!: Engine;
  /** The HTTP server. Undefined until the server is attached. */
  httpServer!: AttachableServer;
  /** @internal */ readonly opts: Partial<ServerOptions>;
  /** @internal */ readonly encoder: PacketEncoder;
  /** @internal */ readonly _parser: Parser;
  /** @internal The namespaces by their names. */
  readonly _nsps = new Map<
    string,
    Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
  >();
  /** @internal The dynamic namespaces, in the order in which they are asked. */
  readonly parentNsps = new Map<
    ParentNspNameMatchFn,
    ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
  >();
  /** @internal */ _connectTimeout = 45_000;
  /** @internal */ _path = "/socket.io";
  /** @internal */ readonly _host: Host;
  /** @internal */ readonly _wheel: TimerWheel;
  /** @internal Keeps no process alive. */ readonly _upkeepWheel: TimerWheel;
  /** @internal */ readonly _limits: Limits;
  /** @internal */ readonly _receiptIntervalMs: number;
  /** @internal */ readonly _counters = new Counters();
  readonly #store: ServerStore;
  /** Closed, it can be attached, or listen, again. */
  #life: "open" | "closing" | "closed" = "open";
  #draining: Promise<void> | undefined;
  /** @internal Why nothing is taken any more. */ _refusal: ServerError | undefined;
  /** @internal Bytes of packets whose attachments are still missing, of all clients. */
  _incompleteBytes = 0;
  #decoder: SocketPacketDecoder | undefined;
  readonly #parentsByPattern = new Map<
    RegExp,
    ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
  >();
  #serveClient = true;
  #adapter: AdapterConstructor | undefined;

  /**
   * @param srv an HTTP server to attach to, a port to listen on, or the options
   * @param opts see docs/reference/options.md
   * @throws ServerError HF_OPTION_INVALID names an option, its value and the accepted form
   */
  constructor(opts?: Partial<ServerOptions>);
  constructor(srv?: AttachableServer | number, opts?: Partial<ServerOptions>);
  constructor(
    srv: undefined | Partial<ServerOptions> | AttachableServer | number,
    opts?: Partial<ServerOptions>,
  );
  constructor(
    srv?: Partial<ServerOptions> | AttachableServer | number,
    opts: Partial<ServerOptions> = {},
  ) {
    super();
    const server = isOptions(srv) ? undefined : srv;
    const options = isOptions(srv) ? srv : opts;
    checkServerOptions(options);
    this.opts = options;
    this._host = simulatedBy(options)?.host ?? nodeHost;
    this._limits = resolveLimits(options.limits ?? {});
    this._receiptIntervalMs = parseReceiptInterval(options.receiptInterval ?? "100ms");
    this._wheel = new TimerWheel(this._host, false);
    this._upkeepWheel = new TimerWheel(this._host, true);
    this.path(options.path || "/socket.io");
    this.connectTimeout(options.connectTimeout || 45_000);
    this.serveClient(options.serveClient !== false);
    this._parser = options.parser || defaultParser;
    this.encoder = new this._parser.Encoder();
    if (options.connectionStateRecovery) {
      options.connectionStateRecovery = {
        maxDisconnectionDuration: 2 * 60 * 1000,
        skipMiddlewares: true,
        ...options.connectionStateRecovery,
      };
    }
    this.#adapter = options.adapter ?? undefined;
    this.#store = new ServerStore(this);
    this.sockets = new RootNamespace(this, "/");
    this._nsps.set("/", this.sockets);
    if (server || typeof server === "number") this.attach(server);
  }

  /** Resolves when the store is open, at once without one. Rejects with its error: HF_STORE_LOCKED, … */
  get ready(): Promise<void> {
    return this.#store.ready;
  }

  /** How the store is. Undefined without one. */
  get store(): StoreStatus | undefined {
    return this.#store.status;
  }

  /** What was dropped or refused since the server was made: for metrics. */
  get counters(): ServerCounters {
    return this._counters;
  }

  /** @internal */
  get _opts(): Partial<ServerOptions> {
    return this.opts;
  }

  /** @internal The name that the engine had before. */
  get eio(): Engine {
    return this.engine;
  }

  /** @internal A decoder between two packets. Hand it back when it is between two again. */
  _takeDecoder(): SocketPacketDecoder {
    const decoder = this.#decoder ?? new SocketPacketDecoder({ maxDepth: this._limits.jsonDepth });
    this.#decoder = undefined;
    return decoder;
  }

  /** @internal */
  _giveDecoder(decoder: SocketPacketDecoder): void {
    this.#decoder = decoder;
  }

  // --- settings ---

  /** Says whether the bundles of the stock client are served, or tells. */
  serveClient(v: boolean): this;
  serveClient(): boolean;
  serveClient(v?: boolean): this | boolean;
  serveClient(v?: boolean): this | boolean {
    if (v === undefined) return this.#serveClient;
    this.#serveClient = v;
    return this;
  }

  /** Sets the path that requests begin with, or tells it. */
  path(v: string): this;
  path(): string;
  path(v?: string): this | string;
  path(v?: string): this | string {
    if (v === undefined) return this._path;
    this._path = v.replace(/\/$/, "");
    return this;
  }

  /** Sets in how many milliseconds a client has to join a namespace, or tells it. */
  connectTimeout(v: number): this;
  connectTimeout(): number;
  connectTimeout(v?: number): this | number;
  connectTimeout(v?: number): this | number {
    if (v === undefined) return this._connectTimeout;
    this._connectTimeout = v;
    return this;
  }

  /** Sets the adapter, also of the namespaces that are there, or tells it. */
  adapter(): AdapterConstructor | undefined;
  adapter(v: AdapterConstructor): this;
  adapter(v?: AdapterConstructor): AdapterConstructor | undefined | this {
    if (v === undefined) {
      return this.#adapter ?? (this.opts.connectionStateRecovery ? SessionAwareAdapter : Adapter);
    }
    if (this.#store.journal !== undefined) {
      throw new ServerError("HF_OPTION_INVALID", '"adapter" and "store" exclude each other');
    }
    this.#adapter = v;
    for (const namespace of this._nsps.values()) namespace._initAdapter();
    return this;
  }

  /** @internal Whether the adapters are ours. */
  get _ownAdapter(): boolean {
    return this.#adapter === undefined;
  }

  /** @internal */
  _makeAdapter(
    namespace: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
  ): AdapterContract {
    const given = this.#adapter;
    const { journal } = this.#store;
    if (given === undefined && journal !== undefined && namespace._options.keep !== false) {
      return keepEvents(this, namespace, journal);
    }
    if (given === undefined) {
      const nsp: AdapterNamespace = namespace;
      return this.opts.connectionStateRecovery
        ? new SessionAwareAdapter(nsp, this._host)
        : new Adapter(nsp);
    }
    // A class or a plain function can be called with `new`; an arrow function cannot.
    const Construct = given as new (nsp: unknown) => AdapterContract;
    const make = given as (nsp: unknown) => AdapterContract;
    return given.prototype === undefined ? make(namespace) : new Construct(namespace);
  }

  // --- attaching ---

  /** The same as {@link attach}. */
  listen(srv: AttachableServer | number, opts: Partial<ServerOptions> = {}): this {
    return this.attach(srv, opts);
  }

  /**
   * Attaches the server to an HTTP server, or listens on a port.
   *
   * @param opts those of the constructor win over these
   * @throws Error for an Express application; ServerError HF_ATTACH_INVALID for what is no server
   */
  attach(srv: AttachableServer | number, opts: Partial<ServerOptions> = {}): this {
    if (typeof srv === "function") {
      throw new Error(
        "You are trying to attach socket.io to an express request handler function. Please pass a http.Server instance.",
      );
    }
    const merged = Object.assign(opts, this.opts);
    checkServerOptions(merged);
    merged.path = merged.path || this._path;
    this.#attachTo(typeof srv === "object" ? srv : listenOn(srv), merged);
    return this;
  }

  #attachTo(server: AttachableServer, options: Partial<ServerOptions>): void {
    if (typeof server.listeners !== "function") {
      throw new ServerError("HF_ATTACH_INVALID", `got ${show(server)}`);
    }
    // All of them have the same events; their types differ in the requests.
    const httpServer = server as HttpServer;
    const engine = new Engine(options, this._host);
    engine.attach(httpServer, options);
    if (this.#serveClient) this.#attachFiles(httpServer, options);
    httpServer.on("listening", () => {
      if (this.#life === "closed") this.#reopen();
    });
    this.httpServer = server;
    this.bind(engine);
  }

  #attachFiles(server: HttpServer, options: Partial<ServerOptions>): void {
    const allow = options.cors && cors(options.cors === true ? {} : options.cors);
    const others = server.listeners("request").slice();
    server.removeAllListeners("request");
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const name = clientFileName(this._path, request.url ?? "");
      if (name === undefined) {
        for (const listener of others) listener.call(server, request, response);
      } else if (allow) {
        allow(request, response, () => serveClientFile(name, request, response));
      } else {
        serveClientFile(name, request, response);
      }
    });
  }

  /** @throws ServerError HF_UWS_UNSUPPORTED always: attach to a Node server instead */
  attachApp(_app: unknown, _opts?: Partial<ServerOptions>): never {
    throw new ServerError("HF_UWS_UNSUPPORTED", "attach to an http, https or http2 server instead");
  }

  /** Takes the connections of an engine, which needs `on("connection")` and `close()`. */
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's type, so that other engines compile
  bind(engine: any): this {
    this.engine = engine;
    if (this.#life !== "open") this.#reopen();
    engine.on("connection", (conn: Connection) => this.onconnection(conn));
    return this;
  }

  /** Takes one connection of an engine. */
  onconnection(conn: Connection): this {
    if (debug.enabled) debug("%s: connection", conn.id.slice(0, 6));
    if (this.#life === "closed") this.#reopen();
    new Client(this, conn);
    return this;
  }

  /**
   * Ends the server: sockets, adapters, the store, connections, then the HTTP server. It can be attached, or listen,
   * again: the store is opened anew then. For clients that do not end their connection it waits five seconds.
   *
   * @param fn called at the end, with the error of an HTTP server that was not running
   * @returns resolves at the end
   */
  async close(fn?: (err?: Error) => void): Promise<void> {
    const { engine, httpServer } = this;
    this.#life = "closing";
    const takeAgain = startClosing(engine, httpServer);
    const closing = [...this._nsps.values()].map(async (namespace) => {
      for (const socket of [...namespace.sockets.values()]) socket._onclose("server shutting down");
      await namespace.adapter.close();
    });
    await this.#store.close(Promise.allSettled(closing));
    engine?.close();
    const closed = (error?: Error) => {
      takeAgain();
      if (this.#life === "closing") this.#life = "closed";
      fn?.(error);
    };
    if (httpServer === undefined) return closed();
    await new Promise<void>((resolve) => {
      httpServer.close((error?: Error) => {
        closed(error);
        resolve();
      });
    });
  }

  #reopen(): void {
    this.#life = "open";
    this.#draining = undefined;
    this._refusal = undefined;
    if (this.engine instanceof BaseEngine) this.engine.takeHandshakes();
    this.#store.reopen();
  }

  /**
   * Lets another server take over, before `close()`: new connections are refused (503), clients are told with the event
   * `hf:draining` and are sent away, spread over the time. Events are taken until the last one has gone. Then they are
   * refused, HF_DRAINING, and what is in flight is committed.
   *
   * @returns resolves when that is done, at most a little later than the time. A second call gives the same promise.
   * @throws ServerError HF_OPTION_INVALID
   */
  drain({ over = "10s" }: DrainOptions = {}): Promise<void> {
    const overMs = parseDuration("over", over);
    this.#draining ??= drain(this, overMs);
    return this.#draining;
  }

  /** Whether {@link drain} was called: for health checks, which are to say "not ready" then. */
  get draining(): boolean {
    return this.#draining !== undefined;
  }

  // --- namespaces ---

  /**
   * Gives a namespace, made when it is new; with a pattern or a function, the model of those that clients ask for.
   *
   * @param options those of the namespace, where it is made here; children have those of their model
   * @param fn a listener of "connect"
   * @throws Error for a regular expression with the flag g or y; ServerError HF_OPTION_INVALID
   */
  of(
    name: string | RegExp | ParentNspNameMatchFn,
    options: NamespaceOptions,
    fn?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  of(
    name: string | RegExp | ParentNspNameMatchFn,
    fn?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  of(
    name: string | RegExp | ParentNspNameMatchFn,
    first?:
      | NamespaceOptions
      | ((socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void),
    second?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const listener = typeof first === "function" ? first : second;
    const options = typeof first === "object" && first !== null ? first : undefined;
    if (options !== undefined) checkNamespaceOptions(options);
    const namespace =
      typeof name === "function" || name instanceof RegExp
        ? this.#makeParent(name, options)
        : this.#namespace(String(name), options);
    if (listener) namespace.on("connect", listener);
    return namespace;
  }

  #makeParent(
    match: RegExp | ParentNspNameMatchFn,
    options: NamespaceOptions | undefined,
  ): ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    if (match instanceof RegExp && (match.global || match.sticky)) {
      throw new Error("stateful regular expressions are not supported");
    }
    const parent = new ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>(
      this,
      options,
    );
    if (match instanceof RegExp) {
      this.parentNsps.set((name, _auth, next) => next(null, match.test(name)), parent);
      this.#parentsByPattern.set(match, parent);
    } else {
      this.parentNsps.set(match, parent);
    }
    return parent;
  }

  #namespace(
    given: string,
    options: NamespaceOptions | undefined,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const name = given.startsWith("/") ? given : `/${given}`;
    const known = this._nsps.get(name);
    if (known !== undefined) {
      if (options !== undefined) refuseOtherOptions(name, known._options, options);
      return known;
    }
    for (const [pattern, parent] of this.#parentsByPattern) {
      if (pattern.test(name)) return parent.createChild(name, options);
    }
    const namespace = new Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>(
      this,
      name,
      options,
    );
    this._nsps.set(name, namespace);
    this.sockets._emitNewNamespace(namespace);
    return namespace;
  }

  /** @internal Finds the dynamic namespace that a client asks for: the first that matches makes it. */
  _checkNamespace(
    name: string,
    auth: unknown,
    fn: (
      nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> | undefined,
    ) => void,
  ): void {
    const parents = this.parentNsps.entries();
    const tryNext = (): void => {
      const { done, value } = parents.next();
      if (done) {
        fn(undefined);
        return;
      }
      const [match, parent] = value;
      match(name, auth ?? {}, (error, allow) => {
        if (error || !allow) tryNext();
        // Another client may have asked for it while this one waited.
        else fn(this._nsps.get(name) ?? parent.createChild(name));
      });
    };
    tryNext();
  }

  // --- the namespace "/", for short ---

  /** Adds a middleware to the namespace "/". */
  use(
    fn: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (err?: ExtendedError) => void,
    ) => void,
  ): this {
    this.sockets.use(fn);
    return this;
  }

  /** Names rooms that the next event goes to. */
  to(room: Room | Room[]): ManyBroadcaster<EmitEvents, SocketData> {
    return this.sockets.to(room);
  }

  /** The same as {@link to}. */
  in(room: Room | Room[]): ManyBroadcaster<EmitEvents, SocketData> {
    return this.sockets.in(room);
  }

  /** Names rooms that the next event does not go to. */
  except(room: Room | Room[]): ManyBroadcaster<EmitEvents, SocketData> {
    return this.sockets.except(room);
  }

  /**
   * Sends an event to all clients and waits for their acknowledgements.
   *
   * @returns resolves with the answers; rejects with an Error whose `responses` are those that came in time
   */
  emitWithAck<Ev extends EventNamesWithAck<EmitEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<EmitEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<EmitEvents, Ev>>>[]> {
    return this.sockets.emitWithAck(ev, ...args);
  }

  /** Publishes an event to all clients. See {@link BroadcastOperator#publish}. */
  publish<Ev extends EventNames<EmitEvents>>(
    ev: Ev,
    ...args: [...ArgsWithoutAck<EventParams<EmitEvents, Ev>>, options?: PublishOptions | undefined]
  ): Promise<PublishResult> {
    return this.sockets.publish(ev, ...args);
  }

  /** All sessions of a user in the namespace "/", connected or not. See {@link Namespace#user}. */
  user(id: string): ManyBroadcaster<EmitEvents, SocketData> {
    return this.sockets.user(id);
  }

  /** What the store keeps of a room of the namespace "/". See {@link Namespace#room}. */
  room<Events extends EventsMap = EmitEvents>(name: Room): KeptRoom<Events> {
    return this.sockets.room<Events>(name);
  }

  /** Sends the event "message" to all clients. */
  send(...args: EventParams<EmitEvents, "message">): this {
    this.sockets.send(...args);
    return this;
  }

  /** The same as {@link send}. */
  write(...args: EventParams<EmitEvents, "message">): this {
    return this.send(...args);
  }

  /** Emits an event to the other servers of a cluster. @throws Error when the name is reserved */
  serverSideEmit<Ev extends EventNames<ServerSideEvents>>(
    ev: Ev,
    ...args: EventParams<
      DecorateAcknowledgementsWithTimeoutAndMultipleResponses<ServerSideEvents>,
      Ev
    >
  ): boolean {
    return this.sockets.serverSideEmit(ev, ...args);
  }

  /** Emits an event to the other servers and resolves with their acknowledgements. */
  serverSideEmitWithAck<Ev extends EventNamesWithAck<ServerSideEvents>>(
    ev: Ev,
    ...args: AllButLast<EventParams<ServerSideEvents, Ev>>
  ): Promise<FirstNonErrorArg<Last<EventParams<ServerSideEvents, Ev>>>[]> {
    return this.sockets.serverSideEmitWithAck(ev, ...args);
  }

  /** @deprecated use {@link fetchSockets} */
  allSockets(): Promise<Set<SocketId>> {
    return this.sockets.allSockets();
  }

  /** Says whether the transport may compress the next event. */
  compress(compress: boolean): ManyBroadcaster<EmitEvents, SocketData> {
    return this.sockets.compress(compress);
  }

  /** The next event is dropped for clients that cannot take it at once. */
  get volatile(): ManyBroadcaster<EmitEvents, SocketData> {
    return this.sockets.volatile;
  }

  /** The next event is not stored: who is away misses it. It keeps its place in the order. */
  get transient(): ManyBroadcaster<EmitEvents, SocketData> {
    return this.sockets.transient;
  }

  /** The next event goes to the clients of this server only. */
  get local(): ManyBroadcaster<EmitEvents, SocketData> {
    return this.sockets.local;
  }

  /** Bounds the wait for the acknowledgements of the next event, in milliseconds. */
  timeout(
    timeout: number,
  ): BroadcastOperator<
    DecorateAcknowledgements<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>>,
    SocketData
  > {
    return this.sockets.timeout(timeout);
  }

  /** The sockets of the namespace "/", those of other servers as {@link RemoteSocket}. */
  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    return this.sockets.fetchSockets();
  }

  /** Makes all sockets join rooms. */
  socketsJoin(room: Room | Room[]): void {
    this.sockets.socketsJoin(room);
  }

  /** Makes all sockets leave rooms. */
  socketsLeave(room: Room | Room[]): void {
    this.sockets.socketsLeave(room);
  }

  /** Disconnects all sockets; with `close`, closes their connections. */
  disconnectSockets(close = false): void {
    this.sockets.disconnectSockets(close);
  }
}

// The server is an emitter in name: its listeners are those of the namespace "/".
for (const name of Object.keys(EventEmitter.prototype)) {
  const method: unknown = Reflect.get(EventEmitter.prototype, name);
  if (typeof method !== "function") continue;
  Object.defineProperty(Server.prototype, name, {
    configurable: true,
    writable: true,
    value(this: Server, ...args: unknown[]) {
      const own: unknown = Reflect.get(this.sockets, name);
      return typeof own === "function" ? Reflect.apply(own, this.sockets, args) : undefined;
    },
  });
}
