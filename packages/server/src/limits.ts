/**
 * The limits on what a client can make the server hold, all in one place with their defaults.
 *
 * The defaults keep every sane Socket.IO application working; docs/reference/limits.md has the table
 * and the hardened preset.
 */
import { checkOptions, type OptionCheck, warnUnknownOptions } from "./option-checks.ts";
import { parseDuration, parseSize } from "./units.ts";

export interface LimitOptions {
  /** Bytes that may wait for one client before its connection is closed. Default "64MiB". */
  bufferedBytes?: number | string;
  /** How long the body of a polling POST may take to arrive. Default "10s". */
  bodyTimeout?: number | string;
  /** How long the attachments of a packet may take to arrive. Default "10s". */
  attachmentsTimeout?: number | string;
  /** Bytes of incomplete packets of all clients together. Default Infinity (off). */
  pendingBytes?: number | string;
  /** Nesting of arrays and objects in a packet. Default 1000. */
  jsonDepth?: number;
  /** Namespaces that one connection may join. Default 100. */
  namespacesPerConnection?: number;
  /** Rooms that one socket may be in. Default 100 000. */
  roomsPerSocket?: number;
  /** Answers of handlers with `once` that are kept, for each namespace. Default 100 000. */
  storedReplies?: number;
  /** What these take in memory, for each namespace; a single one at most 1/64 of it. Default "64MiB". */
  storedRepliesBytes?: number | string;
  /** Sessions that are kept, for each namespace; above it those that went first end. Default 1 000 000. */
  sessions?: number;
  /** Namespaces whose events the store keeps, with those of earlier runs; more are not made. Default 100 000. */
  namespaces?: number;
  /** Pages of the journal that are read at once for sessions that catch up, for each namespace. Default 64. */
  concurrentReads?: number;
  /** Connections from one address. Default Infinity (off): behind a proxy all clients have one address. */
  connectionsPerAddress?: number;
}

/** The limits in force: bytes, milliseconds and counts. */
export interface Limits {
  readonly bufferedBytes: number;
  readonly bodyTimeoutMs: number;
  readonly attachmentsTimeoutMs: number;
  readonly pendingBytes: number;
  readonly jsonDepth: number;
  readonly namespacesPerConnection: number;
  readonly roomsPerSocket: number;
  readonly connectionsPerAddress: number;
  readonly storedReplies: number;
  readonly storedRepliesBytes: number;
  readonly concurrentReads: number;
  readonly sessions: number;
  readonly namespaces: number;
}

const limitChecks: Readonly<Record<keyof LimitOptions, OptionCheck>> = {
  bufferedBytes: "size or string",
  bodyTimeout: "duration or string",
  attachmentsTimeout: "duration or string",
  pendingBytes: "size or string",
  jsonDepth: "count",
  namespacesPerConnection: "count",
  roomsPerSocket: "count",
  connectionsPerAddress: "count",
  storedReplies: "count",
  storedRepliesBytes: "size or string",
  concurrentReads: "count from 1",
  sessions: "count",
  namespaces: "count from 1",
};

/** @throws ServerError HF_OPTION_INVALID */
export function resolveLimits(options: LimitOptions = {}): Limits {
  checkOptions(options, limitChecks, "limits.");
  warnUnknownOptions(options, Object.keys(limitChecks), "limits.");
  return {
    bufferedBytes: parseSize("limits.bufferedBytes", options.bufferedBytes ?? "64MiB"),
    bodyTimeoutMs: parseDuration("limits.bodyTimeout", options.bodyTimeout ?? "10s"),
    attachmentsTimeoutMs: parseDuration(
      "limits.attachmentsTimeout",
      options.attachmentsTimeout ?? "10s",
    ),
    pendingBytes: parseSize(
      "limits.pendingBytes",
      options.pendingBytes ?? Number.POSITIVE_INFINITY,
    ),
    jsonDepth: options.jsonDepth ?? 1000,
    namespacesPerConnection: options.namespacesPerConnection ?? 100,
    roomsPerSocket: options.roomsPerSocket ?? 100_000,
    connectionsPerAddress: options.connectionsPerAddress ?? Number.POSITIVE_INFINITY,
    storedReplies: options.storedReplies ?? 100_000,
    storedRepliesBytes: parseSize(
      "limits.storedRepliesBytes",
      options.storedRepliesBytes ?? "64MiB",
    ),
    concurrentReads: options.concurrentReads ?? 64,
    sessions: options.sessions ?? 1_000_000,
    namespaces: options.namespaces ?? 100_000,
  };
}
