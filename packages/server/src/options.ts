/** The options of the Socket.IO server, with Socket.IO's names, units and defaults. */
import type { AdapterConstructor } from "./adapter.ts";
import type { GivenIdentity } from "./admission.ts";
import type { OffsetMode } from "./delivery/delivery-options.ts";
import type { Durability, KeepOptions, SessionOptions } from "./delivery/store.ts";
import {
  type AttachOptions,
  attachOptionChecks,
  type EngineOptions,
  engineOptionChecks,
} from "./engine/options.ts";
import { checkOptions, type OptionCheck, warnUnknownOptions } from "./option-checks.ts";
import type { Socket } from "./socket.ts";

export interface ConnectionStateRecoveryOptions {
  /** How long a session is kept after its connection is gone, in milliseconds. Default 120 000. */
  maxDisconnectionDuration?: number;
  /** Whether a recovered socket skips the middlewares. Default true. */
  skipMiddlewares?: boolean;
}

export interface ServerOptions extends EngineOptions, AttachOptions {
  /** The path that requests begin with. Default "/socket.io". */
  path: string;
  /** Whether the bundles of the stock client are served. Default true. */
  serveClient: boolean;
  /** Where rooms live. Default: in memory. */
  adapter: AdapterConstructor;
  /** How packets are encoded: `{ Encoder, Decoder }`. Default: the Socket.IO protocol's own encoding. */
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's type, so that parsers written for it compile
  parser: any;
  /** Milliseconds in which a client has to join a namespace. Default 45 000. */
  connectTimeout: number;
  /** Keeps the state of clients that are away for a short time. Default off. */
  connectionStateRecovery: ConnectionStateRecoveryOptions;
  /** Where events are kept: the path of a folder, or "memory". Default: nowhere, plain Socket.IO. */
  store: string;
  /** How long events are kept, "7d" by default; `false` keeps nothing, as without a store. */
  keep: number | string | false | KeepOptions;
  /** What a commit survives: "disk" (default with a folder), "process" or "memory". */
  durability: Durability;
  /** How long offline sessions are kept. */
  sessions: SessionOptions;
  /** How long, and how many, ids of published events are remembered. Default 24 hours, 500 000 for each namespace. */
  deduplication: { age?: number | string; ids?: number };
  /** Who a client is, from verified credentials: its session is found by that over reloads and restarts. */
  // biome-ignore lint/suspicious/noExplicitAny: sockets of whatever event maps
  identify: (socket: Socket<any, any, any, any>) => GivenIdentity | Promise<GivenIdentity>;
  /** Whether a session that comes back may still be in a room; asked before it is sent what it has missed. */
  // biome-ignore lint/suspicious/noExplicitAny: sockets of whatever event maps
  authorizeRoom: (socket: Socket<any, any, any, any>, room: string) => boolean | Promise<boolean>;
  /** How clients learn their position. Default "event"; "argument" with `connectionStateRecovery`. */
  offsets: OffsetMode;
  /** Unsent bytes of a connection above which its sessions read from the store instead. Default "512KiB". */
  highWater: number | string;
  /**
   * How far apart the pings are, at least, by which a client that is sent events confirms them. Default "100ms", and more
   * with more than 200 connections, up to a second.
   */
  receiptInterval: number | string;
  /** Free space of the store's disk below which it is told, before it is full. Default "512MiB". */
  lowSpace: number | string;
  /** Whether the process ends when the store has failed. Default true. */
  failFast: boolean;
  /** Whether namespaces made for clients go when the last client leaves. Default false. */
  cleanupEmptyChildNamespaces: boolean;
}

const serverOptionChecks: Readonly<Record<string, OptionCheck>> = {
  ...engineOptionChecks,
  ...attachOptionChecks,
  serveClient: "boolean",
  adapter: "function",
  parser: "object",
  connectTimeout: "duration",
  connectionStateRecovery: "boolean or object",
  store: "string",
  keep: "keep",
  durability: "string",
  sessions: "object",
  deduplication: "object",
  identify: "function",
  authorizeRoom: "function",
  offsets: "offsets",
  highWater: "size or string",
  receiptInterval: "duration or string",
  lowSpace: "size or string",
  failFast: "boolean",
  cleanupEmptyChildNamespaces: "boolean",
};

/** Those of the store that are objects. */
const storeOptionChecks: Readonly<Record<string, Readonly<Record<string, OptionCheck>>>> = {
  keep: { age: "duration or string", bytes: "size or string", entries: "count" },
  sessions: { keep: "duration or string" },
  deduplication: { age: "duration or string", ids: "count" },
};

/** Checks the options at construction. @throws ServerError HF_OPTION_INVALID */
export function checkServerOptions(options: object): void {
  checkOptions(options, serverOptionChecks);
  warnUnknownOptions(options, Object.keys(serverOptionChecks));
  const given = new Map<string, unknown>(Object.entries(options));
  for (const [name, checks] of Object.entries(storeOptionChecks)) {
    const value = given.get(name);
    if (typeof value !== "object" || value === null) continue;
    checkOptions(value, checks, `${name}.`);
    warnUnknownOptions(value, Object.keys(checks), `${name}.`);
  }
}
