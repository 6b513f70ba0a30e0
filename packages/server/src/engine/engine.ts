/**
 * The Engine.IO server: takes HTTP requests, upgrades and WebTransport sessions, refuses those that the
 * protocol or the application does not allow, and makes connections of the others.
 *
 * `holdfast/engine` exports it as `Server`, with the surface of npm engine.io. Spec: Engine.IO
 * protocol, revision 4; the order of the checks is that of docs/reference (and of npm engine.io 6.6).
 */
import { EventEmitter } from "node:events";
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { serialize } from "cookie";
import cors from "cors";
import createDebug from "debug";
import { type WebSocket, WebSocketServer, type ServerOptions as WsServerOptions } from "ws";
import { Turn } from "../delivery/outbox.ts";
import { ServerError } from "../errors.ts";
import { type Host, nodeHost } from "../host/host.ts";
import { TimerWheel } from "../host/timer-wheel.ts";
import { type Limits, resolveLimits } from "../limits.ts";
import { checkOptions } from "../option-checks.ts";
import { PollingTransport } from "../transports/polling.ts";
import { JsonpPollingTransport } from "../transports/polling-jsonp.ts";
import { type EngineRequest, parseQuery } from "../transports/request.ts";
import type { Transport } from "../transports/transport.ts";
import { WebSocketTransport } from "../transports/websocket.ts";
import type { WebTransportSession, WebTransportTransport } from "../transports/webtransport.ts";
import { Connection, type ConnectionServer } from "./connection.ts";
import {
  type EngineErrorCode,
  engineErrorMessages,
  engineErrors,
  type Refusal,
} from "./handshake-errors.ts";
import {
  type AttachOptions,
  attachOptionChecks,
  type EngineOptions,
  type ResolvedEngineOptions,
  resolveEngineOptions,
} from "./options.ts";
import { foreignOriginWithCookies } from "./origin.ts";
import { type UpgradeHeaders, UpgradeResponse } from "./upgrade-response.ts";
import { acceptWebTransport } from "./webtransport-handshake.ts";

const debug = createDebug("holdfast:engine");

/** A middleware of the engine, as in Express: runs for every HTTP request of the engine. */
export type EngineMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => unknown;

type Headers = Record<string, string | string[]>;

/** Refused origins are logged once each, and no more of them than this. */
const maxOriginsLogged = 100;

export abstract class BaseEngine extends EventEmitter implements ConnectionServer {
  /** The codes of refused requests. */
  static readonly errors = engineErrors;
  /** Their texts. */
  static readonly errorMessages = engineErrorMessages;

  readonly opts: ResolvedEngineOptions;
  /** @internal */ readonly limits: Limits;
  /** @internal */ readonly host: Host;
  /** @internal */ readonly wheel: TimerWheel;
  /** @internal */ readonly turn: Turn;
  /** The connections by id. */
  readonly clients: Record<string, Connection> = Object.create(null);
  clientsCount = 0;
  /** How often something was refused, by error code (see docs/reference/errors.md). */
  readonly refusals = new Map<string, number>();
  protected readonly middlewares: EngineMiddleware[] = [];
  readonly #addresses = new Map<string, number>();
  #flushesObserved = false;

  constructor(options: EngineOptions = {}, host: Host = nodeHost) {
    super();
    this.opts = resolveEngineOptions(options);
    this.limits = resolveLimits(options.limits);
    this.host = host;
    this.wheel = new TimerWheel(host);
    this.turn = new Turn(host);
    this.on("newListener", this.#countFlushListeners);
    if (this.opts.cors !== false) {
      this.middlewares.push(this.opts.cors === true ? cors() : cors(this.opts.cors));
    }
  }

  protected abstract cleanup(): void;

  /**
   * Adds a middleware, which runs for each HTTP request of the engine, upgrades included.
   *
   * @param middleware as in Express; `next(error)` refuses the request
   */
  use(middleware: EngineMiddleware): void {
    this.middlewares.push(middleware);
  }

  /** The transports that a connection on `transport` may move to. */
  upgrades(transport: string): string[] {
    if (!this.opts.allowUpgrades) return [];
    return transport === "polling" ? PollingTransport.upgradesTo : [];
  }

  /** Makes the id of a new connection. Assign another function to make your own; it may return a promise. */
  generateId(_request: IncomingMessage): string | Promise<string> {
    return this.host.newId();
  }

  /** Closes all connections. */
  close(): this {
    for (const id of Object.keys(this.clients)) this.clients[id]?.close(true);
    this.cleanup();
    return this;
  }

  /**
   * Takes a WebTransport session, from whatever HTTP/3 server there is.
   *
   * @param session an object in the shape of the W3C `WebTransport` interface
   * @returns resolved when the session has become a connection, joined one, or was closed
   */
  onWebTransportSession(session: WebTransportSession): Promise<void> {
    return acceptWebTransport(session, {
      server: this,
      enabled: this.opts.transports.includes("webtransport"),
      // Middlewares want an HTTP request, which a session is not: to let it pass would be a way around them.
      guarded: this.middlewares.length > (this.opts.cors === false ? 0 : 1),
      find: (sid) => this.clients[sid],
      connect: (transport: WebTransportTransport) => {
        this.connect(this.host.newId(), transport, undefined);
      },
    });
  }

  /** @internal */
  get flushesObserved(): boolean {
    return this.#flushesObserved;
  }

  readonly #countFlushListeners = (event: string | symbol): void => {
    if (event === "flush" || event === "drain") this.#flushesObserved = true;
  };

  /** @internal */
  forget(connection: Connection): void {
    if (this.clients[connection.id] !== connection) return;
    delete this.clients[connection.id];
    this.clientsCount--;
    this.#countAddress(connection.remoteAddress, -1);
  }

  /** @internal */
  refuse(error: ServerError, connection?: Connection): void {
    this.refusals.set(error.code, (this.refusals.get(error.code) ?? 0) + 1);
    // An id is a credential: the log gets its beginning only.
    debug("%s: %s %s", connection?.id.slice(0, 6) ?? "-", error.code, error.message);
  }

  /** @internal */
  addPollingHeaders(headers: Headers, request: EngineRequest, id: string): void {
    if (!request._query["sid"]) {
      const { cookie } = this.opts;
      if (cookie !== false) headers["Set-Cookie"] = [serialize(cookie.name, id, cookie)];
      this.emit("initial_headers", headers, request);
    }
    this.emit("headers", headers, request);
  }

  protected connect(
    id: string,
    transport: Transport,
    request: EngineRequest | undefined,
  ): Connection {
    const connection = new Connection(id, this, transport, request);
    this.clients[id] = connection;
    this.clientsCount++;
    this.#countAddress(connection.remoteAddress, 1);
    connection.open();
    if (request !== undefined) transport.onRequest(request);
    this.emit("connection", connection);
    return connection;
  }

  #countAddress(address: string | undefined, change: 1 | -1): void {
    if (address === undefined || this.limits.connectionsPerAddress === Number.POSITIVE_INFINITY)
      return;
    const count = (this.#addresses.get(address) ?? 0) + change;
    if (count > 0) this.#addresses.set(address, count);
    else this.#addresses.delete(address);
  }

  /** Decides about a request. Calls `decided` with the refusal, or with nothing. */
  protected verify(
    request: EngineRequest,
    upgrade: boolean,
    decided: (refusal?: Refusal) => void,
  ): void {
    const refusal = this.#objection(request, upgrade);
    if (refusal !== undefined || request._query["sid"] || !this.opts.allowRequest) {
      decided(refusal);
      return;
    }
    this.opts.allowRequest(request, (message, success) => {
      decided(success ? undefined : { code: engineErrors.FORBIDDEN, context: { message } });
    });
  }

  #objection(request: EngineRequest, upgrade: boolean): Refusal | undefined {
    const { transport, sid, EIO } = request._query;
    const { BAD_REQUEST, BAD_HANDSHAKE_METHOD, FORBIDDEN, UNKNOWN_SID, UNKNOWN_TRANSPORT } =
      engineErrors;
    if (
      transport === undefined ||
      !this.opts.transports.includes(transport) ||
      transport === "webtransport"
    ) {
      return { code: UNKNOWN_TRANSPORT, context: { transport } };
    }
    const { origin } = request.headers;
    if (origin !== undefined && !isHeaderText(origin)) {
      delete request.headers.origin;
      return { code: BAD_REQUEST, context: { name: "INVALID_ORIGIN", origin } };
    }
    const foreign = this.#foreignOrigin(request);
    if (foreign !== undefined) {
      return { code: FORBIDDEN, context: { name: "HF_ORIGIN_REFUSED", origin: foreign } };
    }
    if (sid) {
      const connection = this.clients[sid];
      if (connection === undefined) return { code: UNKNOWN_SID, context: { sid } };
      const previousTransport = connection.transport.name;
      if (!upgrade && previousTransport !== transport) {
        const context = { name: "TRANSPORT_MISMATCH", transport, previousTransport };
        return { code: BAD_REQUEST, context };
      }
      if (EIO !== "4") {
        const context = { name: "PROTOCOL_MISMATCH", protocol: 3, previousProtocol: 4 };
        return { code: BAD_REQUEST, context };
      }
      return undefined;
    }
    if (request.method !== "GET") {
      return { code: BAD_HANDSHAKE_METHOD, context: { method: request.method } };
    }
    if (transport === "websocket" && !upgrade) {
      return { code: BAD_REQUEST, context: { name: "TRANSPORT_HANDSHAKE_ERROR" } };
    }
    return this.#addressObjection(request);
  }

  #addressObjection(request: EngineRequest): Refusal | undefined {
    const limit = this.limits.connectionsPerAddress;
    const address = request.socket.remoteAddress;
    if (address === undefined || (this.#addresses.get(address) ?? 0) < limit) return undefined;
    this.refuse(new ServerError("HF_ADDRESS_LIMIT", `more than ${limit} from ${address}`));
    return { code: engineErrors.FORBIDDEN, context: { name: "HF_ADDRESS_LIMIT", address } };
  }

  readonly #originsLogged = new Set<string>();

  /** An application that lists origins, or looks at each request itself, has decided about them. */
  #foreignOrigin(request: EngineRequest): string | undefined {
    if (this.opts.cors !== false || this.opts.allowRequest) return undefined;
    const origin = foreignOriginWithCookies(request.headers);
    if (origin === undefined) return undefined;
    const error = new ServerError(
      "HF_ORIGIN_REFUSED",
      `origin ${origin}, host ${request.headers.host}; if its pages may connect, add the option cors: { origin: ${JSON.stringify(origin)}, credentials: true }`,
    );
    this.refuse(error);
    if (this.#originsLogged.size < maxOriginsLogged && !this.#originsLogged.has(origin)) {
      this.#originsLogged.add(origin);
      process.emitWarning(error.message, { type: "HoldfastWarning", code: error.code });
    }
    return origin;
  }

  /** Makes a connection of a request that was let pass, or calls `abort`. */
  protected async handshake(
    request: EngineRequest,
    makeTransport: () => Transport,
    abort: (refusal: Refusal) => void,
  ): Promise<void> {
    const refuse = (refusal: Refusal) => {
      this.#reportRefusal(request, refusal);
      abort(refusal);
    };
    if (request._query["EIO"] !== "4") {
      refuse({ code: engineErrors.UNSUPPORTED_PROTOCOL_VERSION, context: { protocol: 3 } });
      return;
    }
    let id: string;
    try {
      const generated = this.generateId(request);
      id = typeof generated === "string" ? generated : await generated;
    } catch (error) {
      refuse({ code: engineErrors.BAD_REQUEST, context: { name: "ID_GENERATION_ERROR", error } });
      return;
    }
    let transport: Transport;
    try {
      transport = makeTransport();
    } catch (error) {
      const context = { name: "TRANSPORT_HANDSHAKE_ERROR", error };
      refuse({ code: engineErrors.BAD_REQUEST, context });
      return;
    }
    debug("%s: handshake over %s", id.slice(0, 6), transport.name);
    this.connect(id, transport, request);
  }

  #reportRefusal(request: EngineRequest, refusal: Refusal): void {
    const { code, context } = refusal;
    debug("refused: %d %s %o", code, engineErrorMessages[code], context?.["name"]);
    this.emit("connection_error", {
      req: request,
      code,
      message: engineErrorMessages[code],
      context,
    });
  }

  /** Runs the middlewares, then the checks; the outcome goes to `proceed` or, told to all, to `abort`. */
  protected admit(
    request: EngineRequest,
    response: ServerResponse | UpgradeResponse | undefined,
    proceed: () => void,
    abort: (refusal: Refusal) => void,
  ): void {
    const decided = (refusal?: Refusal) => {
      if (refusal === undefined) {
        proceed();
        return;
      }
      this.#reportRefusal(request, refusal);
      abort(refusal);
    };
    const checked = (error?: unknown) => {
      if (error) {
        decided({ code: engineErrors.BAD_REQUEST, context: { name: "MIDDLEWARE_FAILURE" } });
      } else {
        this.verify(request, response instanceof UpgradeResponse, decided);
      }
    };
    if (this.middlewares.length === 0 || response === undefined) {
      checked();
      return;
    }
    const shown = response instanceof UpgradeResponse ? response.asServerResponse() : response;
    runMiddlewares(this.middlewares, request, shown).then(() => checked(), checked);
  }
}

/** Runs the middlewares one after the other. Rejects with what the first one to refuse gave, or threw. */
async function runMiddlewares(
  middlewares: readonly EngineMiddleware[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const middleware of middlewares) {
    await new Promise<void>((resolve, reject) => {
      const next = (error?: unknown) => (error ? reject(error) : resolve());
      // A second call of next, or a throw after it, settles nothing any more.
      Promise.resolve(middleware(request, response, next)).catch(reject);
    });
  }
}

/** Whether a header value has only characters that a header may have (RFC 9110 §5.5). */
function isHeaderText(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what it looks for
  return !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value);
}

type WsConstructor = new (options: WsServerOptions) => WebSocketServer;

/** Where the middlewares of an upgrade left the headers for its 101. */
const upgradeHeaders = new WeakMap<IncomingMessage, UpgradeHeaders>();

/** An Engine.IO server on Node's HTTP servers and on `ws`. */
export class Engine extends BaseEngine {
  /** The WebSocket server that does the handshakes. */
  ws: WebSocketServer | undefined;
  /** The HTTP server, when {@link listen} made it. */
  httpServer: HttpServer | undefined;

  constructor(options: EngineOptions = {}, host: Host = nodeHost) {
    super(options, host);
    this.init();
  }

  /** Makes the WebSocket server. Called again when the HTTP server listens anew: closing ends both. */
  protected init(): void {
    if (!this.opts.transports.includes("websocket")) return;
    this.ws?.close();
    const WsEngine = this.opts.wsEngine as WsConstructor;
    this.ws = new WsEngine({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: this.opts.perMessageDeflate,
      maxPayload: this.opts.maxHttpBufferSize,
    });
    // Another WebSocket engine need not be an emitter.
    if (typeof this.ws.on === "function") this.ws.on("headers", this.#addUpgradeHeaders);
  }

  readonly #addUpgradeHeaders = (lines: string[], message: IncomingMessage): void => {
    const set = upgradeHeaders.get(message);
    upgradeHeaders.delete(message);
    const listened = this.listenerCount("initial_headers") + this.listenerCount("headers") > 0;
    if (set === undefined && !listened) return;
    const request = parseQuery(message);
    const headers: Record<string, unknown> = Object.fromEntries(set ?? []);
    if (!request._query["sid"]) this.emit("initial_headers", headers, request);
    this.emit("headers", headers, request);
    for (const [name, value] of Object.entries(headers)) {
      for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${one}`);
    }
  };

  protected cleanup(): void {
    // Kept: it works again when the HTTP server listens again.
    this.ws?.close();
  }

  /** Parses the query of a request into `_query`, before anything else looks at it. */
  prepare(message: IncomingMessage): void {
    parseQuery(message);
  }

  /** Handles an HTTP request of the engine. */
  handleRequest(message: IncomingMessage, response: ServerResponse): void {
    this.prepare(message);
    const request = parseQuery(message);
    request.res = response;
    this.admit(
      request,
      response,
      () => {
        const sid = request._query["sid"];
        if (sid) {
          // A middleware may have taken its time: the connection may be gone by now.
          const connection = this.clients[sid];
          if (connection) connection.transport.onRequest(request);
          else abortRequest(response, { code: engineErrors.UNKNOWN_SID });
          return;
        }
        void this.handshake(
          request,
          () => this.#makePolling(request),
          (refusal) => abortRequest(response, refusal),
        );
      },
      (refusal) => abortRequest(response, refusal),
    );
  }

  #makePolling(request: EngineRequest): Transport {
    const options = {
      wheel: this.wheel,
      maxBodyBytes: this.opts.maxHttpBufferSize,
      bodyTimeoutMs: this.limits.bodyTimeoutMs,
      compression: this.opts.httpCompression,
    };
    return typeof request._query["j"] === "string"
      ? new JsonpPollingTransport(request, options)
      : new PollingTransport(request, options);
  }

  /** Handles an upgrade request of the engine. */
  handleUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.prepare(message);
    const request = parseQuery(message);
    // The client may be gone before `ws` listens.
    socket.on("error", ignore);
    const response = this.middlewares.length > 0 ? new UpgradeResponse(socket) : undefined;
    const proceed = () => {
      response?.writeHead();
      if (response !== undefined && response.headers.size > 0) {
        upgradeHeaders.set(message, response.headers);
      }
      this.ws?.handleUpgrade(message, socket, head, (websocket) => {
        socket.removeListener("error", ignore);
        this.#onWebSocket(request, socket, websocket);
      });
    };
    const abort = (refusal: Refusal) => abortUpgrade(socket, refusal);
    this.admit(request, response ?? new UpgradeResponse(socket), proceed, abort);
  }

  #onWebSocket(request: EngineRequest, socket: Duplex, websocket: WebSocket): void {
    if (request._query["transport"] !== "websocket") {
      websocket.on("error", ignore);
      websocket.close();
      return;
    }
    const makeTransport = () => this.#makeWebSocket(socket, websocket);
    const sid = request._query["sid"];
    if (!sid) {
      // Answers over HTTP are over: what can still be refused is refused by closing.
      void this.handshake(request, makeTransport, (refusal) => {
        websocket.on("error", ignore);
        abortUpgrade(socket, refusal);
      });
      return;
    }
    const connection = this.clients[sid];
    if (connection === undefined || connection.upgrading || connection.upgraded) {
      websocket.on("error", ignore);
      websocket.close();
      return;
    }
    connection._maybeUpgrade(makeTransport());
  }

  #makeWebSocket(socket: Duplex, websocket: WebSocket): Transport {
    const { perMessageDeflate, wsEngine } = this.opts;
    const direct = wsEngine === WebSocketServer && !websocket.extensions;
    return new WebSocketTransport(websocket, {
      direct: direct ? socket : undefined,
      compressionThreshold: (perMessageDeflate || undefined)?.threshold ?? 0,
    });
  }

  /**
   * Takes the requests and upgrades of an HTTP server that begin with the path; the others go to the
   * listeners that were there before.
   *
   * @param server an `http`, `https` or `http2` (with `allowHTTP1: true`) server
   * @throws ServerError HF_OPTION_INVALID
   */
  attach(server: HttpServer, options: AttachOptions = {}): void {
    checkOptions(options, attachOptionChecks);
    const path = computePath(options);
    const matches = (request: IncomingMessage) => request.url?.startsWith(path) === true;
    const others = server.listeners("request").slice();
    server.removeAllListeners("request");
    server.on("close", () => this.close());
    server.on("listening", () => this.init());
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      if (matches(request)) this.handleRequest(request, response);
      else for (const listener of others) listener.call(server, request, response);
    });
    if (!this.opts.transports.includes("websocket")) return;
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (matches(request)) this.handleUpgrade(request, socket, head);
      else if (options.destroyUpgrade !== false) {
        this.#endForeignUpgrade(socket, options.destroyUpgradeTimeout || 1000);
      }
    });
  }

  /** Node leaves an upgrade to us once we listen for any: one that nobody answers would stay open for ever. */
  #endForeignUpgrade(socket: Duplex, afterMs: number): void {
    socket.on("error", ignore);
    this.host.startTimer(afterMs, () => {
      const written = "bytesWritten" in socket ? Number(socket.bytesWritten) : 0;
      if (socket.writable && written <= 0) socket.end();
    });
  }
}

/** The beginning of the URLs that belong to the engine. */
export function computePath(options: AttachOptions): string {
  const path = (options.path || "/engine.io").replace(/\/$/, "");
  return options.addTrailingSlash === false ? path : `${path}/`;
}

function refusalMessage({ code, context }: Refusal): string {
  const message = context?.["message"];
  return typeof message === "string" && message !== "" ? message : engineErrorMessages[code];
}

function abortRequest(response: ServerResponse, refusal: Refusal): void {
  // A middleware may have begun the response before it failed.
  if (response.headersSent) {
    if (!response.writableEnded) response.end();
    return;
  }
  const status = refusal.code === engineErrors.FORBIDDEN ? 403 : 400;
  response.writeHead(status, { "Content-Type": "application/json" });
  const code: EngineErrorCode = refusal.code;
  response.end(JSON.stringify({ code, message: refusalMessage(refusal) }));
}

function abortUpgrade(socket: Duplex, refusal: Refusal): void {
  socket.on("error", ignore);
  if (socket.writable) {
    const message = refusalMessage(refusal);
    const head = [
      "HTTP/1.1 400 Bad Request",
      "Connection: close",
      "Content-type: text/html",
      `Content-Length: ${Buffer.byteLength(message)}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${message}`);
  }
  socket.destroy();
}

function ignore(): void {}
