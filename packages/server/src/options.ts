/** The options of the Socket.IO server, with Socket.IO's names, units and defaults. */
import type { AdapterConstructor } from "./adapter.ts";
import {
  type AttachOptions,
  attachOptionChecks,
  type EngineOptions,
  engineOptionChecks,
} from "./engine/options.ts";
import { checkOptions, type OptionCheck, warnUnknownOptions } from "./option-checks.ts";

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
  cleanupEmptyChildNamespaces: "boolean",
};

/** Checks the options at construction. @throws ServerError HF_OPTION_INVALID */
export function checkServerOptions(options: object): void {
  checkOptions(options, serverOptionChecks);
  warnUnknownOptions(options, Object.keys(serverOptionChecks));
}
