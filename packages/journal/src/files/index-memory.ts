/**
 * Which indexes of sealed segments are in memory. Those used last stay. One that goes leaves a filter of its tags, so that
 * a read that wants none of them passes the segment over: otherwise a read of a quiet room would have each index read again.
 */
import type { Segment } from "./segment.ts";
import type { SegmentIndex } from "./segment-index.ts";
import { TagFilter } from "./tag-filter.ts";

/** Of all the memory, what the filters may take. */
const filterShare = 1 / 4;

export class IndexMemory {
  readonly #maxBytes: number;
  /** The one used last is last. */
  readonly #loaded = new Map<number, Segment>();
  #loadedBytes = 0;
  /** Segments with a filter. */
  readonly #filtered = new Map<number, Segment>();
  #filterBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The index of a sealed segment is in memory and complete. */
  loaded(segment: Segment): void {
    this.#loaded.set(segment.number, segment);
    this.#loadedBytes += segment.index?.bytes ?? 0;
    this.#unloadOldest();
  }

  used(segment: Segment): void {
    if (this.#loaded.delete(segment.number)) this.#loaded.set(segment.number, segment);
  }

  /** The segment is removed. */
  forget(segment: Segment): void {
    if (this.#loaded.delete(segment.number)) this.#loadedBytes -= segment.index?.bytes ?? 0;
    this.#dropFilter(segment);
  }

  #unloadOldest(): void {
    for (const [number, segment] of this.#loaded) {
      const isWithin = this.#loadedBytes + this.#filterBytes <= this.#maxBytes;
      // Whoever has just loaded the last one is about to read it.
      if (isWithin || this.#loaded.size <= 1) return;
      const { index } = segment;
      if (index === undefined) continue;
      this.#makeFilter(segment, index);
      this.#loadedBytes -= index.bytes;
      segment.index = undefined;
      this.#loaded.delete(number);
    }
  }

  /** From the index as it is: it is complete, and if it comes from a file, that was whole. It is made once. */
  #makeFilter(segment: Segment, index: SegmentIndex): void {
    if (segment.filter !== undefined) return;
    // Whoever reads is told of holes, whatever the tags are.
    if (index.holes.length > 0) return;
    const bytes = TagFilter.bytesFor(index.keyCount);
    if (!this.#makeRoom(segment, bytes)) return;
    segment.filter = index.filter();
    this.#filtered.set(segment.number, segment);
    this.#filterBytes += bytes;
  }

  /** Drops filters of older segments as far as needed. @returns whether there is room then */
  #makeRoom({ number }: Segment, bytes: number): boolean {
    const most = this.#maxBytes * filterShare;
    const older = [...this.#filtered.values()]
      .filter((other) => other.number < number)
      .sort((a, b) => a.number - b.number);
    let room = most - this.#filterBytes;
    let count = 0;
    for (; room < bytes && count < older.length; count++) room += older[count]?.filter?.bytes ?? 0;
    if (room < bytes) return false;
    for (const other of older.slice(0, count)) this.#dropFilter(other);
    return true;
  }

  #dropFilter(segment: Segment): void {
    if (!this.#filtered.delete(segment.number)) return;
    this.#filterBytes -= segment.filter?.bytes ?? 0;
    segment.filter = undefined;
  }
}
