/** Reads pages of a stream: from memory at once where everything is there, otherwise from the segments. */
import { JournalError } from "../errors.ts";
import type { EntryRecord, Page, ReadRequest, UnreadableRange } from "../journal.ts";
import { Block } from "./block.ts";
import type { BlockCache } from "./block-cache.ts";
import type { FilesStream } from "./files-stream.ts";
import { FrameHead, frameAt, frameKinds, lengthAt, readEntry, readHead } from "./frame.ts";
import { overlapBytes, type ReadCache, windowBytes } from "./read-cache.ts";
import type { Rows } from "./rows.ts";
import type { Segment } from "./segment.ts";
import type { SegmentIndex } from "./segment-index.ts";
import type { SegmentStore } from "./segment-store.ts";
import { keysOf } from "./tag-filter.ts";

const head = new FrameHead();

/** A page in the making. Head and tail are those of the moment it was asked for. */
class PageBuilder {
  readonly stream: number;
  readonly request: ReadRequest;
  readonly #entries: EntryRecord[] = [];
  readonly #gaps: UnreadableRange[] = [];
  readonly #head: number;
  readonly tail: number;
  /** Of the tags that are wanted, once they are looked for in a filter. */
  #keys: readonly number[] | undefined;
  #bytes = 0;
  /** The last offset that was looked at. */
  #reached: number;
  /** Whether the limits have ended it. */
  ended = false;

  constructor(stream: FilesStream, request: ReadRequest) {
    this.stream = stream.number;
    this.request = request;
    this.#head = stream.head;
    this.tail = stream.tail;
    // What retention has dropped, and what is not there yet, is passed over.
    this.#reached = this.forward
      ? Math.max(request.from, stream.tail - 1)
      : Math.min(request.from, stream.head + 1);
    if (this.forward && request.from < this.tail - 1) {
      this.#gaps.push({ from: request.from, to: this.tail - 1, reason: "retention" });
    }
  }

  get forward(): boolean {
    return this.request.direction === "forward";
  }

  /** Segments in which something may be that was not looked at, in the direction of the request. */
  segments(segments: readonly Segment[]): Segment[] {
    const from = this.#reached;
    const wanted = segments.filter((segment) => {
      const range = segment.ranges.get(this.stream);
      if (range === undefined || range.last < this.tail) return false;
      return this.forward ? range.last > from : range.first < from;
    });
    return this.forward ? wanted : wanted.reverse();
  }

  /** Whether a segment has nothing that is wanted, as far as can be told without its index. */
  passesOver({ index, filter }: Segment): boolean {
    if (index !== undefined || filter === undefined) return false;
    this.#keys ??= keysOf(this.stream, this.request);
    return this.#keys !== undefined && !this.#keys.some((key) => filter.mayHave(key));
  }

  /** Rows of one segment that are wanted, after what was looked at; ends where the page does. */
  *rows(index: SegmentIndex): Generator<number> {
    for (const row of index.rowsOf(this.stream, this.request, this.#reached)) {
      const offset = index.rows.offset(row);
      if (offset < this.tail || offset > this.#head) return;
      const { maxEntries, maxBytes } = this.request;
      const count = this.#entries.length;
      if (count >= maxEntries || (count > 0 && this.#bytes >= maxBytes)) {
        this.ended = true;
        return;
      }
      yield row;
      this.#reached = offset;
    }
  }

  /** Places of the rows that follow, as far as the page will come: a frame is longer than its body. */
  *placesAhead(index: SegmentIndex): Generator<number> {
    let entries = this.request.maxEntries - this.#entries.length;
    let bytes = this.request.maxBytes - this.#bytes;
    for (const row of index.rowsOf(this.stream, this.request, this.#reached)) {
      const offset = index.rows.offset(row);
      if (offset < this.tail || offset > this.#head || entries-- <= 0 || bytes <= 0) return;
      const place = index.rows.place(row);
      yield place;
      bytes -= index.rows.place(row + 1) - place;
    }
  }

  add(entry: EntryRecord): void {
    this.#entries.push(entry);
    this.#bytes += entry.body.length;
  }

  addDamaged(offset: number): void {
    this.#gaps.push({ from: offset - 1, to: offset, reason: "corrupt" });
  }

  addHoles(index: SegmentIndex): void {
    for (const { stream, from, to } of index.holes) {
      if (stream === this.stream) this.#gaps.push({ from, to, reason: "corrupt" });
    }
  }

  page(): Page {
    const { from } = this.request;
    if (this.forward) {
      const next = this.ended ? this.#reached : Math.max(from, this.#head);
      return { entries: this.#entries, next, gaps: this.#between(from, next) };
    }
    const next = this.ended ? this.#reached : 1;
    if (!this.ended && this.tail > 1 && from > 1) {
      this.#gaps.push({ from: 0, to: Math.min(this.tail, from) - 1, reason: "retention" });
    }
    const gaps = this.#between(next - 1, from - 1).reverse();
    return { entries: this.#entries, next, gaps };
  }

  /** The gaps within (from, to], cut to it, in rising order; neighbours of one reason as one. */
  #between(from: number, to: number): UnreadableRange[] {
    const gaps: UnreadableRange[] = [];
    for (const gap of this.#gaps.sort((a, b) => a.from - b.from)) {
      const cut = { ...gap, from: Math.max(gap.from, from), to: Math.min(gap.to, to) };
      const last = gaps.at(-1);
      if (cut.from >= cut.to) continue;
      if (last?.reason === cut.reason && last.to >= cut.from) {
        gaps[gaps.length - 1] = { ...last, to: Math.max(last.to, cut.to) };
      } else gaps.push(cut);
    }
    return gaps;
  }
}

export class Reader {
  readonly #store: SegmentStore;
  readonly #cache: BlockCache;
  readonly #reads: ReadCache;

  constructor(store: SegmentStore, cache: BlockCache, reads: ReadCache) {
    this.#store = store;
    this.#cache = cache;
    this.#reads = reads;
  }

  read(stream: FilesStream, request: ReadRequest): Page | Promise<Page> {
    const builder = new PageBuilder(stream, request);
    return this.#isInMemory(builder) ? builder.page() : this.#fromDisk(stream, builder);
  }

  /** Takes what is in memory. @returns whether that is all */
  #isInMemory(builder: PageBuilder): boolean {
    for (const segment of builder.segments(this.#store.segments)) {
      if (builder.passesOver(segment)) continue;
      const { index } = segment;
      if (index === undefined) return false;
      for (const row of builder.rows(index)) {
        const block = this.#find(segment, index.rows.place(row));
        if (block === undefined) return false;
        take(builder, block, segment.seed, index.rows, row);
      }
      builder.addHoles(index);
      if (builder.ended) break;
    }
    return true;
  }

  /** Goes on where memory has no more. */
  async #fromDisk(stream: FilesStream, builder: PageBuilder): Promise<Page> {
    const segments = builder.segments(this.#store.segments);
    try {
      for (const segment of segments) {
        if (builder.passesOver(segment)) continue;
        await this.#readSegment(builder, segment);
        if (builder.ended) break;
      }
      return builder.page();
    } catch (error) {
      // Retention has removed what was about to be read: it is in a gap now, or was session records, which are in none.
      if (segments.some((segment) => !this.#store.segments.includes(segment))) {
        return this.#fromDisk(stream, new PageBuilder(stream, builder.request));
      }
      const detail = error instanceof Error ? error.message : String(error);
      throw new JournalError("HF_STORE_FAILED", { detail, cause: error });
    }
  }

  async #readSegment(builder: PageBuilder, segment: Segment): Promise<void> {
    const index = await this.#store.indexOf(segment);
    for (const row of builder.rows(index)) {
      const place = index.rows.place(row);
      let block = this.#find(segment, place);
      if (block === undefined) {
        if (!this.#hasWindow(segment, place)) this.#readAhead(builder, segment, index);
        block = await this.#load(segment, place);
      }
      take(builder, block, segment.seed, index.rows, row);
    }
    builder.addHoles(index);
  }

  /** Has some of what the page wants next read at the same time: one after the other each would be waited for. */
  #readAhead(builder: PageBuilder, segment: Segment, index: SegmentIndex): void {
    let windows = this.#reads.aheadMax;
    let latest: number | undefined;
    for (const place of builder.placesAhead(index)) {
      const number = Math.floor(place / windowBytes);
      if (number === latest) continue;
      const isFirst = latest === undefined;
      latest = number;
      // The first is what is waited for anyway.
      if (isFirst || this.#hasWindow(segment, place)) continue;
      if (windows-- === 0) return;
      // Whoever wants it then reads it again, and is told why that fails.
      this.#window(segment, place).catch(() => undefined);
    }
  }

  #hasWindow({ number }: Segment, place: number): boolean {
    return (this.#cache.find(number, place) ?? this.#reads.find(number, place)) !== undefined;
  }

  /** @returns what is in memory and has all of the frame at `place` */
  #find({ number }: Segment, place: number): Block | undefined {
    const block = this.#cache.find(number, place);
    if (block !== undefined) return block;
    const window = this.#reads.find(number, place);
    return window !== undefined && holds(window, place) ? window : undefined;
  }

  #window(segment: Segment, place: number): Promise<Block> {
    const start = place - (place % windowBytes);
    const end = Math.min(segment.end, start + windowBytes + overlapBytes);
    return this.#reads.load(segment.number, place, () => this.#loadRange(segment, start, end));
  }

  /** Reads the frame at `place`, with its neighbours. */
  async #load(segment: Segment, place: number): Promise<Block> {
    const window = this.#reads.find(segment.number, place) ?? (await this.#window(segment, place));
    if (holds(window, place)) return window;
    // It goes on far into the next window, or has been written since the window was read.
    const rest = Math.min(segment.end, place + windowBytes);
    const block = await this.#loadRange(segment, place, rest);
    const length = lengthAt(block, 0);
    if (length <= 0 || place + length <= rest || place + length > segment.end) return block;
    return this.#loadRange(segment, place, place + length);
  }

  async #loadRange(segment: Segment, start: number, end: number): Promise<Block> {
    const block = new Block(start, end - start);
    const target = block.bytes.subarray(0, end - start);
    block.length = await this.#store.use(segment, (file) => file.read(target, start));
    return block;
  }
}

/** Whether all of the frame at a place is in a block. */
function holds(block: Block, place: number): boolean {
  if (place < block.start || place + 8 > block.end) return false;
  const length = lengthAt(block, place - block.start);
  return length > 0 && place + length <= block.end;
}

/** Adds the entry of a row, if it is whole and the one that the index means. */
function take(builder: PageBuilder, block: Block, seed: number, rows: Rows, row: number): void {
  const index = rows.place(row) - block.start;
  const offset = rows.offset(row);
  if (frameAt(block, index, seed) > 0) {
    readHead(block, index, head);
    const meant =
      head.kind === frameKinds.entry && head.stream === builder.stream && head.offset === offset;
    const entry = meant ? readEntry(block, index) : undefined;
    if (entry !== undefined) {
      builder.add(entry);
      return;
    }
  }
  builder.addDamaged(offset);
}
