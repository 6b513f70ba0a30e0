/**
 * A journal in memory: everything is committed within `append`, and nothing outlives the process. For tests, for
 * development, and where missing events only matter while the server runs.
 */
import { type Clock, systemClock } from "../clock.ts";
import { defaultDeduplication } from "../deduplication.ts";
import { entrySize, excessOf } from "../entry-size.ts";
import { epochsMax, newEpochId } from "../epochs.ts";
import { JournalError } from "../errors.ts";
import { guarded } from "../guarded.ts";
import type {
  DeduplicationWindow,
  Journal,
  JournalStatus,
  Retention,
  Stream,
  StreamRecord,
} from "../journal.ts";
import { defaultStreamsMax, refusalOf } from "../new-streams.ts";
import { type Random, systemRandom } from "../random.ts";
import { defaultRetention } from "../retention.ts";
import { MemoryStream } from "./memory-stream.ts";

export interface MemoryJournalOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** For the journal as a whole. Default: 7 days, 1 GiB, 10,000,000 entries. */
  readonly retention?: Partial<Retention>;
  /** For each stream. Default: 24 hours, 500,000 ids. */
  readonly deduplication?: Partial<DeduplicationWindow>;
  /** The largest entry, with its tags. Default: 64 MiB. */
  readonly entryMaxBytes?: number;
  /** How many streams there may be; more are not made, HF_STREAMS_TOO_MANY. Default: 100,000. */
  readonly streamsMax?: number;
  /** The epoch of every stream to begin with, instead of a random one: for tests that compare bytes. */
  readonly epochId?: string;
}

/** So that a trim after a long silence does not hold up everything else. */
const dropsPerStep = 10_000;

export class MemoryJournal implements Journal {
  readonly durability = "memory";
  readonly secret: Uint8Array;
  readonly clock: Clock;
  readonly deduplication: DeduplicationWindow;
  readonly entryMaxBytes: number;
  onStatus: ((status: JournalStatus) => void) | undefined;
  readonly #random: Random;
  readonly #retention: Retention;
  readonly #streamsMax: number;
  readonly #epochId: string | undefined;
  readonly #streams = new Map<string, MemoryStream>();
  /** The stream of each entry that is kept, oldest first, from #oldest on. */
  #order: MemoryStream[] = [];
  #oldest = 0;
  #bytes = 0;
  #closed = false;
  #cancelTimer: (() => void) | undefined;
  readonly #untold: (() => void)[] = [];
  #telling = false;

  constructor(options: MemoryJournalOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#retention = { ...defaultRetention, ...options.retention };
    this.deduplication = { ...defaultDeduplication, ...options.deduplication };
    this.entryMaxBytes = options.entryMaxBytes ?? 64 * 1024 * 1024;
    this.#streamsMax = options.streamsMax ?? defaultStreamsMax;
    this.#epochId = options.epochId;
    this.secret = this.#random.bytes(32);
  }

  get status(): JournalStatus {
    const state = this.#closed ? "closed" : "open";
    const bytes = this.#bytes;
    return { state, error: undefined, flushes: 0, bytes, freeBytes: undefined, low: false };
  }

  stream(name: string): Promise<Stream> {
    if (this.#closed) return Promise.reject(new JournalError("HF_STORE_CLOSED"));
    const existing = this.#streams.get(name);
    if (existing !== undefined) return Promise.resolve(existing);
    const refusal = refusalOf(name, this.#streams.size, this.#streamsMax);
    if (refusal !== undefined) return Promise.reject(refusal);
    const stream = new MemoryStream(this, name);
    this.#streams.set(name, stream);
    return Promise.resolve(stream);
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    this.#cancelTimer?.();
    guarded(() => this.onStatus?.(this.status));
    return Promise.resolve();
  }

  // --- for its streams ---

  firstEpochId(): string {
    return this.#epochId ?? this.newEpochId();
  }

  newEpochId(): string {
    return newEpochId(this.#random);
  }

  epochsMax(): number {
    return epochsMax(this.#streams.size);
  }

  /** @returns what of a record is too much */
  tooLarge(record: StreamRecord): string | undefined {
    const bytes = record.kind === "entry" ? entrySize(record) : record.body.length;
    if (bytes > this.entryMaxBytes) return `${bytes} bytes; at most ${this.entryMaxBytes}`;
    return record.kind === "entry" ? excessOf(record) : undefined;
  }

  kept(stream: MemoryStream, bytes: number): void {
    this.#order.push(stream);
    this.#bytes += bytes;
  }

  /** Drops what is over the limits, a bounded number at once; a timer does the rest, and comes back for what gets old. */
  trim(): void {
    const now = this.clock.monotonicMs();
    for (let dropped = 0; this.#overLimit(now) && dropped < dropsPerStep; dropped++) {
      this.#bytes -= this.#order[this.#oldest]?.dropOldest() ?? 0;
      this.#oldest++;
    }
    if (this.#oldest > 1024 && this.#oldest * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#oldest);
      this.#oldest = 0;
    }
    this.#armTimer(now);
  }

  /** Queues what a follower is to be told. */
  tell(run: () => void): void {
    this.#untold.push(run);
  }

  /** Tells all that is queued. An append from within waits its turn, so that fates come in the order of the calls. */
  tellAll(): void {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (let run = this.#untold.shift(); run !== undefined; run = this.#untold.shift()) run();
    } finally {
      this.#telling = false;
    }
  }

  #overLimit(now: number): boolean {
    const oldestMs = this.#order[this.#oldest]?.oldestMs;
    if (oldestMs === undefined) return false;
    return (
      this.#bytes > this.#retention.bytes ||
      this.#order.length - this.#oldest > this.#retention.entries ||
      now - oldestMs >= this.#retention.ageMs
    );
  }

  #armTimer(now: number): void {
    const oldestMs = this.#order[this.#oldest]?.oldestMs;
    if (oldestMs === undefined || this.#cancelTimer !== undefined || this.#closed) return;
    // A timer of Node holds 24 days at most.
    const wait = Math.min(Math.max(1, oldestMs + this.#retention.ageMs - now), 86_400_000);
    this.#cancelTimer = this.clock.startTimer(wait, () => {
      this.#cancelTimer = undefined;
      this.trim();
    });
  }
}
