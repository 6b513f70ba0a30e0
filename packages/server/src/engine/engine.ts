/**
 * The Engine.IO server on Node's HTTP servers and on `ws`: takes requests and upgrades, and gives those
 * that are let pass their transport.
 *
 * `holdfast/engine` exports it as `Server`, with the surface of npm engine.io.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer, type ServerOptions as WsServerOptions } from "ws";
import { type Host, nodeHost } from "../host/host.ts";
import { prepareForWebSocket } from "../host/http.ts";
import { checkOptions } from "../option-checks.ts";
import { LateWebSockets } from "../transports/late-websocket.ts";
import { PollingTransport } from "../transports/polling.ts";
import { JsonpPollingTransport } from "../transports/polling-jsonp.ts";
import { canReadAhead, earlyReaderOf } from "../transports/read-ahead.ts";
import { type EngineRequest, parseQuery } from "../transports/request.ts";
import type { Transport } from "../transports/transport.ts";
import { TransportWebSocket, WebSocketTransport } from "../transports/websocket.ts";
import { BaseEngine } from "./base-engine.ts";
import { type AttachOptions, attachOptionChecks, type EngineOptions } from "./options.ts";
import { abortRequest, abortUpgrade, engineErrors, type Refusal } from "./refusals.ts";
import { type UpgradeHeaders, UpgradeResponse } from "./upgrade-response.ts";
import { plainHandshakeAnswer } from "./websocket-handshake.ts";

type WsConstructor = new (options: WsServerOptions) => WebSocketServer;

/** Where the middlewares of an upgrade left the headers for its 101. */
const upgradeHeaders = new WeakMap<IncomingMessage, UpgradeHeaders>();

/** What an upgrade request has become. */
interface Upgraded {
  readonly socket: Duplex;
  /** The WebSocket, or who makes it when it is needed. */
  readonly websocket: WebSocket | LateWebSockets;
  /** Whether `ws` has not been given any bytes of the socket. */
  unread: boolean;
}

/** `request.websocket` where there is no WebSocket until somebody asks. One object for all requests. */
const websocketProperty: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: EngineRequest): WebSocket | undefined {
    const transport = earlyReaderOf(this.socket);
    return transport instanceof WebSocketTransport ? transport.socket : undefined;
  },
};

/** An Engine.IO server on Node's HTTP servers and on `ws`. */
export class Engine extends BaseEngine {
  /** The WebSocket server that does the handshakes. */
  ws: WebSocketServer | undefined;
  /** The HTTP server, when {@link listen} made it. */
  httpServer: HttpServer | undefined;
  /** Makes WebSockets of connections for which `ws` has not done the handshake. */
  #late: { readonly engine: WebSocketServer; readonly sockets: LateWebSockets } | undefined;

  constructor(options: EngineOptions = {}, host: Host = nodeHost) {
    super(options, host);
    this.init();
  }

  /** Makes the WebSocket server. Called again when the HTTP server listens anew: closing ends both. */
  protected init(): void {
    if (!this.opts.transports.includes("websocket")) return;
    this.ws?.close();
    const WsEngine = this.opts.wsEngine as WsConstructor;
    const options = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: this.opts.perMessageDeflate,
      maxPayload: this.opts.maxHttpBufferSize,
      // Each chunk takes some 200 bytes, however small: so small on average is no network's.
      maxBufferedChunks: Math.max(4096, Math.ceil(this.opts.maxHttpBufferSize / 64)),
      WebSocket: TransportWebSocket,
    };
    this.ws = new WsEngine(options);
    if (WsEngine === WebSocketServer) {
      this.#late = { engine: this.ws, sockets: new LateWebSockets(options) };
    }
    // Another WebSocket engine need not be an emitter.
    if (typeof this.ws.on === "function") this.ws.on("headers", this.#addUpgradeHeaders);
  }

  readonly #addUpgradeHeaders = (lines: string[], message: IncomingMessage): void => {
    const set = upgradeHeaders.get(message);
    upgradeHeaders.delete(message);
    const listened = this.listenerCount("initial_headers") + this.listenerCount("headers") > 0;
    if (set === undefined && !listened) return;
    const request = parseQuery(message);
    const headers: Record<string, unknown> = Object.fromEntries(set?.values() ?? []);
    if (!request._query["sid"]) this.emit("initial_headers", headers, request);
    this.emit("headers", headers, request);
    for (const [name, value] of Object.entries(headers)) {
      for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${one}`);
    }
  };

  protected cleanup(): void {
    // A closed one refuses handshakes.
    this.#late = undefined;
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
          const connection = this._connections.get(sid);
          if (connection) connection.transport.onRequest(request);
          else abortRequest(response, { code: engineErrors.UNKNOWN_SID });
          return;
        }
        this.handshake(
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
    const response = this.middlewares.length > 0 ? new UpgradeResponse(message, socket) : undefined;
    const abort = (refusal: Refusal) => abortUpgrade(socket, refusal);
    const proceed = () => {
      // Now, while the answer can be HTTP.
      if (this.refusedVersion(request, abort)) return;
      response?.writeHead();
      if (response !== undefined && response.headers.size > 0) {
        upgradeHeaders.set(message, response.headers);
      }
      // The response and the first packet leave in one write.
      socket.cork();
      if (!this.#upgradeWithoutWs(request, socket, head)) {
        this.ws?.handleUpgrade(message, socket, head, (websocket) => {
          socket.removeListener("error", ignore);
          this.#onWebSocket(request, { socket, websocket, unread: head.length === 0 });
        });
      }
      socket.uncork();
    };
    this.admit(request, response, proceed, abort);
  }

  /** Answers a handshake that leaves nothing to decide; `ws` joins when it is needed. */
  #upgradeWithoutWs(request: EngineRequest, socket: Duplex, head: Buffer): boolean {
    const late = this.#late;
    if (late === undefined || late.engine !== this.ws || head.length > 0) return false;
    const { transport, b64, sid } = request._query;
    const connection = sid ? this._connections.get(sid) : undefined;
    const usable = !sid || (connection && !connection.upgrading && !connection.upgraded);
    const listened =
      late.engine.listenerCount("headers") > 1 ||
      this.listenerCount("initial_headers") + this.listenerCount("headers") > 0;
    const plain = transport === "websocket" && !b64 && usable && !listened;
    if (!plain || upgradeHeaders.has(request) || !canReadAhead(socket)) return false;
    const answer = plainHandshakeAnswer(request, this.opts.perMessageDeflate !== false);
    if (answer === undefined || !socket.readable || !socket.writable) return false;
    socket.write(answer, "latin1");
    prepareForWebSocket(socket);
    Object.defineProperty(request, "websocket", websocketProperty);
    this.#onUpgraded(request, { socket, websocket: late.sockets, unread: true });
    return true;
  }

  #onWebSocket(request: EngineRequest, upgraded: Upgraded & { websocket: WebSocket }): void {
    const { websocket } = upgraded;
    const sid = request._query["sid"];
    const connection = sid ? this._connections.get(sid) : undefined;
    const usable = !sid || (connection && !connection.upgrading && !connection.upgraded);
    if (request._query["transport"] !== "websocket" || !usable) {
      websocket.on("error", ignore);
      websocket.close();
      return;
    }
    request.websocket = websocket;
    this.#onUpgraded(request, upgraded);
  }

  #onUpgraded(request: EngineRequest, upgraded: Upgraded): void {
    const makeTransport = () => this.#makeWebSocket(request, upgraded);
    const sid = request._query["sid"];
    if (sid) {
      this._connections.get(sid)?._maybeUpgrade(makeTransport());
      return;
    }
    // Answers over HTTP are over: what can still be refused is refused by closing.
    this.handshake(request, makeTransport, (refusal) => {
      if (!(upgraded.websocket instanceof LateWebSockets)) upgraded.websocket.on("error", ignore);
      abortUpgrade(upgraded.socket, refusal);
    });
    // If there is no transport yet, `ws` gets the bytes that come before there is.
    if (!(upgraded.websocket instanceof LateWebSockets)) upgraded.unread = false;
  }

  #makeWebSocket(request: EngineRequest, { socket, websocket, unread }: Upgraded): Transport {
    const { perMessageDeflate, wsEngine } = this.opts;
    const base64 = Boolean(request._query["b64"]);
    const late = websocket instanceof LateWebSockets;
    const direct = late || (wsEngine === WebSocketServer && !websocket.extensions && !base64);
    return new WebSocketTransport({
      socket: websocket,
      direct: direct ? socket : undefined,
      unread,
      maxMessageBytes: this.opts.maxHttpBufferSize,
      base64,
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
      // A peer that does not end its side would keep the socket open for ever.
      if (socket.writable && written <= 0) socket.end(() => socket.destroy());
    });
  }
}

/** The beginning of the URLs that belong to the engine. */
export function computePath(options: AttachOptions): string {
  const path = (options.path || "/engine.io").replace(/\/$/, "");
  return options.addTrailingSlash === false ? path : `${path}/`;
}

function ignore(): void {}
