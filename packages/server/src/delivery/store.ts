/** The store of a server: the journal that the options name, opened once for all namespaces. */
import {
  type Clock,
  type Durability,
  type Journal,
  JournalError,
  MemoryJournal,
  openFilesJournal,
} from "@holdfast/journal";
import { ServerError } from "../errors.ts";
import { parseDuration, parseSize, show } from "../units.ts";

export type {
  EntryRecord,
  JournalErrorCode,
  JournalStatus,
  MessageId,
  Page,
} from "@holdfast/journal";
export { type Durability, type Journal, JournalError };

/** How long events are kept; whichever limit comes first. */
export interface KeepOptions {
  /** Milliseconds, or a string like "7d". Default "7d". */
  age?: number | string;
  /** Bytes, or a string like "10GiB". Default "10GiB" in a folder, "256MiB" in memory. */
  bytes?: number | string;
  /** Events. Default 10 000 000. */
  entries?: number;
}

export interface SessionOptions {
  /** How long an offline session keeps its rooms and its position. Default "7d". */
  keep?: number | string;
}

/** The options that only mean something with a store. */
export interface StoreOptions {
  store?: unknown;
  keep?: number | string | false | KeepOptions;
  durability?: Durability;
  deduplication?: { age?: number | string; ids?: number };
  lowSpace?: number | string;
}

const folderBytes = 10 * 1024 ** 3;
const memoryBytes = 256 * 1024 ** 2;

const durabilities: readonly Durability[] = ["memory", "process", "disk"];

/** Whether there will be no stream for a namespace, whatever becomes of the store. */
export function isNamespaceRefused(error: unknown): error is JournalError {
  if (!(error instanceof JournalError)) return false;
  return error.code === "HF_STREAMS_TOO_MANY" || error.code === "HF_STREAM_NAME_TOO_LONG";
}

/**
 * @param namespaces how many there may be in it
 * @returns undefined without a store. @throws ServerError HF_OPTION_INVALID
 */
export function openStore(
  options: StoreOptions,
  clock: Clock,
  namespaces: number,
): Promise<Journal> | undefined {
  const { store, durability } = options;
  if (store === undefined || store === null || options.keep === false) return undefined;
  if (isGiven(durability) && !durabilities.includes(durability)) {
    const accepted = durabilities.map((name) => `"${name}"`).join(", ");
    throw new ServerError(
      "HF_OPTION_INVALID",
      `"durability" is ${show(durability)}; accepted: ${accepted}`,
    );
  }
  const retention = retentionOf(options.keep ?? {});
  const deduplication = deduplicationOf(options.deduplication);
  const lowFreeBytes = wholeNumber(parseSize("lowSpace", options.lowSpace ?? "512MiB"));
  const streamsMax = wholeNumber(namespaces);
  if (store === "memory") {
    if (isGiven(durability) && durability !== "memory") {
      throw new ServerError(
        "HF_OPTION_INVALID",
        `"durability" is ${show(durability)}, which the store "memory" cannot give; accepted: "memory", or a folder as the store`,
      );
    }
    const limited = { bytes: memoryBytes, ...retention };
    const memory = { clock, retention: limited, deduplication, streamsMax };
    return Promise.resolve(new MemoryJournal(memory));
  }
  if (typeof store !== "string" || store === "" || /^[a-z][a-z+.-]+:\/\//i.test(store)) {
    throw new ServerError(
      "HF_OPTION_INVALID",
      `"store" is ${show(store)}; accepted: the path of a folder, or "memory"`,
    );
  }
  return openFilesJournal(store, {
    clock,
    retention: { bytes: folderBytes, ...retention },
    deduplication,
    durability: durability ?? "disk",
    lowFreeBytes,
    streamsMax,
  });
}

function retentionOf(keep: number | string | KeepOptions): {
  ageMs: number;
  bytes?: number;
  entries?: number;
} {
  const { age, bytes, entries }: KeepOptions = typeof keep === "object" ? keep : { age: keep };
  return {
    ageMs: parseDuration(typeof keep === "object" ? "keep.age" : "keep", age ?? "7d"),
    ...(isGiven(bytes) && { bytes: parseSize("keep.bytes", bytes) }),
    ...(isGiven(entries) && { entries }),
  };
}

function deduplicationOf(given: StoreOptions["deduplication"]): { ageMs?: number; ids?: number } {
  const { age, ids } = given ?? {};
  return {
    ...(isGiven(age) && { ageMs: parseDuration("deduplication.age", age) }),
    ...(isGiven(ids) && { ids }),
  };
}

/** Without types null stands for the default, too. */
function isGiven<Value>(value: Value): value is NonNullable<Value> {
  return value !== undefined && value !== null;
}

/** What the journal counts with: Infinity is a number that is never reached. */
function wholeNumber(value: number): number {
  return Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER);
}
