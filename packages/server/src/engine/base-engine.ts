/**
 * The half of an Engine.IO server that knows no HTTP server: which requests and sessions become
 * connections, and the list of those. Spec: Engine.IO protocol, revision 4.
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { serialize } from "cookie";
import cors from "cors";
import createDebug from "debug";
import { Turn } from "../delivery/outbox.ts";
import { ServerError } from "../errors.ts";
import { type Host, nodeHost } from "../host/host.ts";
import { TimerWheel } from "../host/timer-wheel.ts";
import { type Limits, resolveLimits } from "../limits.ts";
import { PollingTransport } from "../transports/polling.ts";
import type { EngineRequest } from "../transports/request.ts";
import type { Transport } from "../transports/transport.ts";
import type { WebTransportSession, WebTransportTransport } from "../transports/webtransport.ts";
import { Connection } from "./connection.ts";
import type { ConnectionServer } from "./connection-ports.ts";
import { type EngineOptions, type ResolvedEngineOptions, resolveEngineOptions } from "./options.ts";
import { foreignOriginWithCookies } from "./origin.ts";
import { recordOf } from "./record-of.ts";
import { engineErrorMessages, engineErrors, type Refusal } from "./refusals.ts";
import { protocolObjection } from "./request-checks.ts";
import { abandonSilent } from "./silent-clients.ts";
import { UpgradeResponse } from "./upgrade-response.ts";
import { acceptWebTransport } from "./webtransport-handshake.ts";

const debug = createDebug("holdfast:engine");

/** A middleware of the engine, as in Express: runs for every HTTP request of the engine. */
export type EngineMiddleware = (
  // biome-ignore lint/suspicious/noExplicitAny: frameworks add to the request
  request: any,
  // biome-ignore lint/suspicious/noExplicitAny: frameworks add to the response
  response: any,
  next: (error?: unknown) => void,
) => unknown;

type Headers = Record<string, string | string[]>;

/** So long a client may take to end a connection that was closed with all others. */
const silentMs = 5000;

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
  /** @internal The connections by id. */
  readonly _connections = new Map<string, Connection>();
  /** The connections by id. */
  readonly clients: Record<string, Connection> = recordOf(this._connections);
  clientsCount = 0;
  /** How often something was refused, by error code (see docs/reference/errors.md). */
  readonly refusals = new Map<string, number>();
  protected readonly middlewares: EngineMiddleware[] = [];
  readonly #addresses = new Map<string, number>();
  readonly #originsLogged = new Set<string>();
  #flushesObserved = false;
  /** Set when no new connections are taken any more. */
  #retryAfterS: number | undefined;
  #closing = false;

  constructor(options: EngineOptions = {}, host: Host = nodeHost) {
    super();
    this.opts = resolveEngineOptions(options);
    this.limits = resolveLimits(options.limits ?? {});
    this.host = host;
    // Connections keep the process alive, not what is to become of them.
    this.wheel = new TimerWheel(host, true);
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
    const connections = [...this._connections.values()];
    for (const connection of connections) connection.close(true);
    this.cleanup();
    if (connections.length > 0) void abandonSilent(this.host, silentMs, connections);
    return this;
  }

  /**
   * Takes a WebTransport session, from whatever HTTP/3 server there is.
   *
   * @param session an object in the shape of the W3C `WebTransport` interface
   * @returns resolved when the session has become a connection, joined one, or was closed
   */
  // biome-ignore lint/suspicious/noExplicitAny: each WebTransport server has its own type of session
  onWebTransportSession(session: any): Promise<void> {
    return acceptWebTransport(session as WebTransportSession, {
      server: this,
      // Middlewares want an HTTP request, which a session is not: to let it pass would be a way around them.
      guarded: this.middlewares.length > (this.opts.cors === false ? 0 : 1),
      draining: () => this.#retryAfterS !== undefined,
      find: (sid) => this._connections.get(sid),
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
    if (this._connections.get(connection.id) !== connection) return;
    this._connections.delete(connection.id);
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
    if (this.#closing) headers["Connection"] = "close";
  }

  protected connect(
    id: string,
    transport: Transport,
    request: EngineRequest | undefined,
  ): Connection {
    const connection = new Connection(id, this, transport, request);
    this._connections.set(id, connection);
    this.clientsCount++;
    this.#countAddress(connection.remoteAddress, 1);
    connection.open();
    if (request !== undefined) transport.onRequest(request);
    this.emit("connection", connection);
    // With the response to the upgrade, which is still held back.
    if (transport.name === "websocket") connection.flush();
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
    const objection = protocolObjection(request, upgrade, this);
    if (objection !== undefined) return objection;
    return (
      this.#drainingObjection(request) ??
      this.#originObjection(request) ??
      this.#addressObjection(request)
    );
  }

  /** Takes no new connections any more: they get 503, and are to try again after so many seconds. */
  refuseHandshakes(retryAfterS: number): void {
    this.#retryAfterS = retryAfterS;
  }

  /** @internal Takes no new connections any more, and polls that are answered end their TCP connection. */
  startClosing(): void {
    this.refuseHandshakes(1);
    this.#closing = true;
  }

  /** Takes new connections again. */
  takeHandshakes(): void {
    this.#retryAfterS = undefined;
    this.#closing = false;
  }

  #drainingObjection(request: EngineRequest): Refusal | undefined {
    const retryAfterS = this.#retryAfterS;
    if (retryAfterS === undefined || request._query["sid"]) return undefined;
    const error = new ServerError("HF_DRAINING");
    this.refuse(error);
    const context = { name: error.code, message: error.message };
    return { code: engineErrors.FORBIDDEN, context, retryAfterS };
  }

  #addressObjection(request: EngineRequest): Refusal | undefined {
    if (request._query["sid"]) return undefined;
    const limit = this.limits.connectionsPerAddress;
    const address = request.socket.remoteAddress;
    if (address === undefined || (this.#addresses.get(address) ?? 0) < limit) return undefined;
    this.refuse(new ServerError("HF_ADDRESS_LIMIT", `more than ${limit} from ${address}`));
    return { code: engineErrors.FORBIDDEN, context: { name: "HF_ADDRESS_LIMIT", address } };
  }

  /** An application that lists origins, or looks at each request itself, has decided about them. */
  #originObjection(request: EngineRequest): Refusal | undefined {
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
    return { code: engineErrors.FORBIDDEN, context: { name: "HF_ORIGIN_REFUSED", origin } };
  }

  /** Refuses a new connection of another protocol version: whether it did. */
  protected refusedVersion(request: EngineRequest, abort: (refusal: Refusal) => void): boolean {
    const { sid, EIO } = request._query;
    if (sid || EIO === "4") return false;
    const refusal = {
      code: engineErrors.UNSUPPORTED_PROTOCOL_VERSION,
      context: { protocol: 3 },
    };
    this.#reportRefusal(request, refusal);
    abort(refusal);
    return true;
  }

  /** Makes a connection of a request that was let pass, or calls `abort`. */
  protected handshake(
    request: EngineRequest,
    makeTransport: () => Transport,
    abort: (refusal: Refusal) => void,
  ): void {
    const refuse = (name: string, error: unknown) => {
      const refusal = { code: engineErrors.BAD_REQUEST, context: { name, error } };
      this.#reportRefusal(request, refusal);
      abort(refusal);
    };
    const proceed = (id: string) => {
      // Others from the address may have come while allowRequest or generateId took their time.
      const refusal = this.#drainingObjection(request) ?? this.#addressObjection(request);
      if (refusal !== undefined) {
        this.#reportRefusal(request, refusal);
        abort(refusal);
        return;
      }
      let transport: Transport;
      try {
        transport = makeTransport();
      } catch (error) {
        refuse("TRANSPORT_HANDSHAKE_ERROR", error);
        return;
      }
      this.connect(id, transport, request);
    };
    if (this.refusedVersion(request, abort)) return;
    const failed = (error: unknown) => refuse("ID_GENERATION_ERROR", error);
    let id: string | Promise<string>;
    try {
      id = this.generateId(request);
    } catch (error) {
      failed(error);
      return;
    }
    if (typeof id === "string") proceed(id);
    else Promise.resolve(id).then(proceed, failed);
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

  /**
   * Runs the middlewares, then the checks; the outcome goes to `proceed` or, told to all, to `abort`.
   *
   * @param response undefined for an upgrade that no middleware looks at
   */
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
    const upgrade = response === undefined || response instanceof UpgradeResponse;
    if (this.middlewares.length === 0 || response === undefined) {
      this.verify(request, upgrade, decided);
      return;
    }
    const shown = response instanceof UpgradeResponse ? response.asServerResponse() : response;
    runMiddlewares(this.middlewares, request, shown).then(
      () => this.verify(request, upgrade, decided),
      () => decided({ code: engineErrors.BAD_REQUEST, context: { name: "MIDDLEWARE_FAILURE" } }),
    );
  }
}

/** Runs the middlewares one after the other. Rejects when one refuses, or throws. */
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
