/**
 * Retention: entries go one by one in the order of the journal, files segment by segment. Age is the journal's own
 * time, which only goes on while it is open, so no clock that is set makes anything older (I15). The new tails are
 * committed before a file is removed, and one step is bounded, whatever there is to drop.
 */
import type { Retention } from "../journal.ts";
import type { Segment } from "./segment.ts";
import type { SegmentIndex } from "./segment-index.ts";
import type { SegmentStore } from "./segment-store.ts";

export interface TrimHost {
  ageMs(): number;
  /** Commits new tails. Resolves when they hold. */
  commitTails(tails: ReadonlyMap<number, number>): Promise<void>;
  /** Segments from this number on are needed to recover. */
  readonly neededFrom: number;
}

const rowsPerStep = 50_000;

export class Trimmer {
  readonly #retention: Retention;
  readonly #store: SegmentStore;
  readonly #host: TrimHost;
  /** The segment in which the oldest entry is, and how far into it retention has come. */
  #segment = 0;
  #rows = 0;
  #bytes = 0;
  #running: Promise<void> | undefined;

  constructor(retention: Retention, store: SegmentStore, host: TrimHost) {
    this.#retention = retention;
    this.#store = store;
    this.#host = host;
  }

  /** What is kept. */
  get kept(): { readonly entries: number; readonly bytes: number } {
    let entries = 0;
    let bytes = 0;
    for (const segment of this.#store.segments) {
      if (segment.number < this.#segment) continue;
      entries += segment.entries;
      bytes += segment.entryBytes;
    }
    return { entries: entries - this.#rows, bytes: bytes - this.#bytes };
  }

  /** Whether there are too many, or too many bytes; age is looked at by `run`. */
  get isOver(): boolean {
    const { entries, bytes } = this.kept;
    return entries > this.#retention.entries || bytes > this.#retention.bytes;
  }

  /** Continues behind what former runs of the process have dropped. */
  async restore(tailOf: (stream: number) => number): Promise<void> {
    for (const segment of this.#store.segments) {
      this.#enter(segment);
      const ranges = [...segment.ranges];
      if (segment.entries > 0 && ranges.every(([stream, { first }]) => tailOf(stream) <= first))
        return;
      if (
        ranges.every(([stream, { lastEntry }]) => lastEntry < tailOf(stream)) &&
        segment !== this.#store.active
      )
        continue;
      const index = await this.#store.indexOf(segment);
      const { rows } = index;
      while (this.#rows < rows.count) {
        if (rows.offset(this.#rows) >= tailOf(rows.stream(this.#rows))) return;
        this.#pass(segment, index);
      }
      return;
    }
  }

  /** Drops what is over the limits: a step of it. One run at a time. */
  run(): Promise<void> {
    this.#running ??= this.#step().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #step(): Promise<void> {
    const tails = new Map<number, number>();
    let budget = rowsPerStep;
    const segments = this.#store.segments.filter(({ number }) => number >= this.#segment);
    for (const segment of segments) {
      if (segment.number !== this.#segment) this.#enter(segment);
      budget = await this.#trimSegment(segment, tails, budget);
      if (budget <= 0 || this.#rows < segment.entries || segment === this.#store.active) break;
    }
    if (tails.size > 0) await this.#host.commitTails(tails);
    await this.removeDropped();
  }

  /** Removes the files of segments that nobody needs. */
  async removeDropped(): Promise<void> {
    const { segments } = this.#store;
    for (let oldest = segments[0]; oldest !== undefined; oldest = segments[0]) {
      if (oldest.number >= this.#segment || oldest.number >= this.#host.neededFrom) return;
      await this.#store.removeOldest();
    }
  }

  /** @returns what is left of the budget */
  async #trimSegment(
    segment: Segment,
    tails: Map<number, number>,
    budget: number,
  ): Promise<number> {
    const sealed = segment !== this.#store.active;
    if (sealed && this.#dropsWhole(segment)) {
      this.#rows = segment.entries;
      this.#bytes = segment.entryBytes;
      dropAll(segment, tails);
      return budget - 1;
    }
    const { entries, bytes, ageMs } = this.#retention;
    const before = this.kept;
    const start = { rows: this.#rows, bytes: this.#bytes };
    const index = await this.#store.indexOf(segment);
    const { rows } = index;
    let left = budget;
    for (; left > 0 && this.#rows < rows.count; left--) {
      const over =
        before.entries - (this.#rows - start.rows) > entries ||
        before.bytes - (this.#bytes - start.bytes) > bytes ||
        this.#host.ageMs() - rows.ageMs(this.#rows) >= ageMs;
      if (!over) break;
      tails.set(rows.stream(this.#rows), rows.offset(this.#rows) + 1);
      this.#pass(segment, index);
    }
    if (sealed && this.#rows >= rows.count && left > 0) {
      // After a salvage there are fewer rows than there were entries.
      this.#rows = segment.entries;
      this.#bytes = segment.entryBytes;
      dropAll(segment, tails);
    }
    return left;
  }

  /** Whether the limits are exceeded even without anything of this segment. */
  #dropsWhole({ entries, entryBytes, lastAgeMs }: Segment): boolean {
    if (entries === 0) return true;
    if (this.#host.ageMs() - lastAgeMs >= this.#retention.ageMs) return true;
    const kept = this.kept;
    return (
      kept.entries - (entries - this.#rows) >= this.#retention.entries ||
      kept.bytes - (entryBytes - this.#bytes) >= this.#retention.bytes
    );
  }

  #enter(segment: Segment): void {
    this.#segment = segment.number;
    this.#rows = 0;
    this.#bytes = 0;
  }

  #pass(segment: Segment, { rows }: SegmentIndex): void {
    const next = this.#rows + 1 < rows.count ? rows.place(this.#rows + 1) : segment.end;
    this.#bytes = Math.min(segment.entryBytes, this.#bytes + next - rows.place(this.#rows));
    this.#rows++;
    if (this.#rows === segment.entries) this.#bytes = segment.entryBytes;
  }
}

/**
 * Session records in it go with it, and move no tail: a checkpoint has what they led to, and who was told of entries
 * that cannot be read any more has missed them.
 */
function dropAll(segment: Segment, tails: Map<number, number>): void {
  for (const [stream, { lastEntry }] of segment.ranges) {
    if (lastEntry > 0) tails.set(stream, lastEntry + 1);
  }
}
