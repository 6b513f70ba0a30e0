/** The options of a journal in files, with their defaults. */
import { type Clock, systemClock } from "../clock.ts";
import { defaultDeduplication } from "../deduplication.ts";
import { type Disk, systemDisk } from "../disk.ts";
import { JournalError } from "../errors.ts";
import type { DeduplicationWindow, Durability, Retention } from "../journal.ts";
import { defaultStreamsMax } from "../new-streams.ts";
import { type Random, systemRandom } from "../random.ts";
import { defaultRetention } from "../retention.ts";

export interface FilesJournalOptions {
  /** What a commit survives. Default: "disk". */
  readonly durability?: Durability;
  /** For the journal as a whole. Default: 7 days, 1 GiB, 10,000,000 entries. */
  readonly retention?: Partial<Retention>;
  /** For each stream. Default: 24 hours, 500,000 ids. */
  readonly deduplication?: Partial<DeduplicationWindow>;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly disk?: Disk;
  /** The size of a full-grown file of the record. The first ones are smaller. Default: 64 MiB. */
  readonly segmentBytes?: number;
  /** The hard limit: no file is begun that would leave less free. Default: 64 MiB. */
  readonly minimumFreeBytes?: number;
  /** The soft limit: less free space than this is told. Default: eight times the hard limit, 512 MiB. */
  readonly lowFreeBytes?: number;
  /** The largest entry, with its tags. Default: 64 MiB. */
  readonly entryMaxBytes?: number;
  /** How much may be appended and not committed yet; more is refused, HF_STORE_FULL. Default: 256 MiB. */
  readonly pendingMaxBytes?: number;
  /** A group that has as much goes to the disk before the turn that makes it is over. Default: 112 KiB. */
  readonly groupBytes?: number;
  /** The newest part of the record that is kept in memory. Default: 8 MiB. */
  readonly cacheBytes?: number;
  /** What was read from older parts and is kept in memory for others who read the same. Default: 32 MiB. */
  readonly readCacheBytes?: number;
  /** How many streams there may be; more are not made, HF_STREAMS_TOO_MANY. Default: 100,000. */
  readonly streamsMax?: number;
  /** What the indexes of older parts, and the filters of those that are not there, may take in memory. Default: 64 MiB. */
  readonly indexBytes?: number;
}

export type Settings = Required<Omit<FilesJournalOptions, "retention" | "deduplication">> & {
  readonly retention: Retention;
  readonly deduplication: DeduplicationWindow;
};

const mebibyte = 1024 * 1024;

/** What each number may be, smallest and largest. */
const bounds = {
  segmentBytes: [64 * 1024, 1024 * mebibyte],
  minimumFreeBytes: [0, Number.MAX_SAFE_INTEGER],
  lowFreeBytes: [0, Number.MAX_SAFE_INTEGER],
  entryMaxBytes: [1, 100 * mebibyte],
  pendingMaxBytes: [1, Number.MAX_SAFE_INTEGER],
  groupBytes: [1, Number.MAX_SAFE_INTEGER],
  cacheBytes: [0, Number.MAX_SAFE_INTEGER],
  readCacheBytes: [0, Number.MAX_SAFE_INTEGER],
  indexBytes: [0, Number.MAX_SAFE_INTEGER],
  streamsMax: [1, Number.MAX_SAFE_INTEGER],
} as const;

/** Throws HF_STORE_INVALID */
export function settingsOf(options: FilesJournalOptions): Settings {
  const minimumFreeBytes = options.minimumFreeBytes ?? 64 * mebibyte;
  const settings: Settings = {
    durability: options.durability ?? "disk",
    retention: { ...defaultRetention, ...options.retention },
    deduplication: { ...defaultDeduplication, ...options.deduplication },
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    disk: options.disk ?? systemDisk,
    segmentBytes: options.segmentBytes ?? 64 * mebibyte,
    minimumFreeBytes,
    lowFreeBytes: options.lowFreeBytes ?? 8 * minimumFreeBytes,
    entryMaxBytes: options.entryMaxBytes ?? 64 * mebibyte,
    pendingMaxBytes: options.pendingMaxBytes ?? 256 * mebibyte,
    groupBytes: options.groupBytes ?? 112 * 1024,
    cacheBytes: options.cacheBytes ?? 8 * mebibyte,
    readCacheBytes: options.readCacheBytes ?? 32 * mebibyte,
    indexBytes: options.indexBytes ?? 64 * mebibyte,
    streamsMax: options.streamsMax ?? defaultStreamsMax,
  };
  for (const [name, [least, most]] of Object.entries(bounds)) {
    const value = settings[name as keyof typeof bounds];
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new JournalError("HF_STORE_INVALID", {
      detail: `"${name}" is ${value}; accepted: a whole number from ${least} to ${most}`,
    });
  }
  return settings;
}
