/** The options of the engine, with npm engine.io's names, units and defaults. */
import type { IncomingMessage } from "node:http";
import { type SerializeOptions, serialize } from "cookie";
import { type PerMessageDeflateOptions, WebSocketServer } from "ws";
import { ServerError } from "../errors.ts";
import type { LimitOptions } from "../limits.ts";
import { checkOptions, type OptionCheck, warnUnsupportedOption } from "../option-checks.ts";
import type { CompressionOptions } from "../transports/polling.ts";

/** The origins of cross-origin requests, as the npm package `cors` takes them. */
export interface CorsOptions {
  origin?: CorsOrigin | ((origin: string | undefined, callback: CorsOriginCallback) => void);
  methods?: string | string[];
  allowedHeaders?: string | string[];
  exposedHeaders?: string | string[];
  credentials?: boolean;
  maxAge?: number;
  preflightContinue?: boolean;
  optionsSuccessStatus?: number;
}

export type CorsOrigin = boolean | string | RegExp | (boolean | string | RegExp)[];
export type CorsOriginCallback = (error: Error | null, origin?: CorsOrigin) => void;
export type CorsDelegate = (
  request: IncomingMessage,
  callback: (error: Error | null, options?: CorsOptions) => void,
) => void;

export interface EngineCookieOptions extends SerializeOptions {
  /** Default "io". */
  name?: string;
}

export interface PerMessageDeflate extends PerMessageDeflateOptions {
  /** Messages smaller than this are not compressed, in bytes. Default 1024. */
  threshold?: number;
}

export interface EngineOptions {
  /** Milliseconds without an answer to a ping after which a connection is closed. Default 20 000. */
  pingTimeout?: number;
  /** Milliseconds between an answer and the next ping. Default 25 000. */
  pingInterval?: number;
  /** Milliseconds an upgrade may take. Default 10 000. */
  upgradeTimeout?: number;
  /** The largest message that a client may send, in bytes. Default 1 000 000. */
  maxHttpBufferSize?: number;
  /** Decides about a handshake: call `callback(null, true)` to let it pass, `callback(message, false)` not to. */
  allowRequest?: (
    request: IncomingMessage,
    callback: (message: string | null | undefined, success: boolean) => void,
  ) => void;
  /** Default `["polling", "websocket"]`; `"webtransport"` is the third. */
  transports?: ("polling" | "websocket" | "webtransport")[];
  /** Whether a connection may move from long-polling to a better transport. Default true. */
  allowUpgrades?: boolean;
  /** Compression of WebSocket messages. Default off: it costs memory per connection. */
  perMessageDeflate?: boolean | PerMessageDeflate;
  /** Compression of polling responses. Default on, from 1024 bytes. */
  httpCompression?: boolean | CompressionOptions;
  /** The WebSocket server class. Default: the one of npm `ws`. */
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's type
  wsEngine?: any;
  /** A message that every client gets right after the handshake. */
  initialPacket?: string | Uint8Array | null;
  /** A cookie with the id of the connection, for sticky load balancers. Default off. */
  cookie?: boolean | EngineCookieOptions;
  /** Which other origins may connect. Default none. */
  cors?: boolean | CorsOptions | CorsDelegate;
  /** Not supported: clients of Engine.IO 3 (Socket.IO 2) are refused with code 5. */
  allowEIO3?: boolean;
  /** What a client can make the server hold. See docs/reference/limits.md. */
  limits?: LimitOptions;
}

export interface AttachOptions {
  /** The path that requests begin with. Default "/engine.io" ("/socket.io" with the Socket.IO server). */
  path?: string;
  /** Whether upgrade requests that nobody answers are ended. Default true. */
  destroyUpgrade?: boolean;
  /** After how many milliseconds. Default 1000. */
  destroyUpgradeTimeout?: number;
  /** Whether a slash is added to the path. Default true. */
  addTrailingSlash?: boolean;
}

/** The options in force. */
export interface ResolvedEngineOptions {
  pingTimeout: number;
  pingInterval: number;
  upgradeTimeout: number;
  maxHttpBufferSize: number;
  allowRequest?: EngineOptions["allowRequest"];
  transports: string[];
  allowUpgrades: boolean;
  perMessageDeflate: false | PerMessageDeflate;
  httpCompression: false | CompressionOptions;
  wsEngine: unknown;
  initialPacket?: EngineOptions["initialPacket"];
  cookie: false | (EngineCookieOptions & { name: string });
  cors: false | true | CorsOptions | CorsDelegate;
  allowEIO3: boolean;
}

export const engineOptionChecks: Readonly<Record<string, OptionCheck>> = {
  pingTimeout: "duration",
  pingInterval: "duration",
  upgradeTimeout: "duration",
  maxHttpBufferSize: "size",
  allowRequest: "function",
  transports: "transports",
  allowUpgrades: "boolean",
  perMessageDeflate: "boolean or object",
  httpCompression: "boolean or object",
  wsEngine: "function",
  initialPacket: "text or bytes",
  cookie: "boolean or object",
  cors: "boolean, object or function",
  allowEIO3: "boolean",
  limits: "object",
};

export const attachOptionChecks: Readonly<Record<string, OptionCheck>> = {
  path: "string",
  destroyUpgrade: "boolean",
  destroyUpgradeTimeout: "duration",
  addTrailingSlash: "boolean",
};

/** @throws ServerError HF_OPTION_INVALID */
export function resolveEngineOptions(options: EngineOptions): ResolvedEngineOptions {
  checkOptions(options, engineOptionChecks);
  if (options.allowEIO3) {
    warnUnsupportedOption("allowEIO3", "clients of Engine.IO 3 are refused with code 5");
  }
  const cookie = withDefaults(options.cookie, false, {
    name: "io",
    path: "/",
    httpOnly: true,
    sameSite: "lax" as const,
  });
  if (cookie !== false) checkCookie(cookie);
  return {
    ...options,
    pingTimeout: options.pingTimeout ?? 20_000,
    pingInterval: options.pingInterval ?? 25_000,
    upgradeTimeout: options.upgradeTimeout ?? 10_000,
    maxHttpBufferSize: options.maxHttpBufferSize ?? 1e6,
    transports: options.transports ?? ["polling", "websocket"],
    allowUpgrades: options.allowUpgrades ?? true,
    perMessageDeflate: withDefaults(options.perMessageDeflate, false, { threshold: 1024 }),
    httpCompression: withDefaults(options.httpCompression, true, { threshold: 1024 }),
    wsEngine: options.wsEngine ?? WebSocketServer,
    cookie,
    cors: options.cors ?? false,
    allowEIO3: false,
  };
}

/** What no cookie may hold would otherwise throw with the first client, and not here. */
function checkCookie(cookie: SerializeOptions & { name: string }): void {
  try {
    serialize(cookie.name, "", cookie);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new ServerError("HF_OPTION_INVALID", `"cookie": ${detail}`, { cause: error });
  }
}

/** Options that are an object, true for their defaults, or false. */
function withDefaults<Given extends object, Defaults extends object>(
  value: boolean | Given | undefined,
  whenAbsent: boolean,
  defaults: Defaults,
): false | (Given & Defaults) | Defaults {
  const given = value ?? whenAbsent;
  if (given === false) return false;
  return given === true ? { ...defaults } : { ...defaults, ...given };
}
