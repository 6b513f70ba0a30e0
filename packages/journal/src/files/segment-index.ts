/**
 * What stands where in one segment: a row for each entry, and for each stream and tag the rows of its entries. It
 * grows in memory while the segment is written, and is kept beside the segment once that is full. It can always be
 * made again from the segment, so losing it costs only time.
 */
import type { ReadRequest } from "../journal.ts";
import { type Ascending, merge, type Offsets, startIn } from "../merge.ts";
import { type Contents, isCount, unwrap } from "./container.ts";

/** Offsets (from, to] of a stream that were damaged and taken out. */
export interface Hole {
  readonly stream: number;
  readonly from: number;
  readonly to: number;
}

interface Lists {
  readonly all: RowList;
  readonly untagged: RowList;
  readonly tags: Map<string, RowList>;
}

/** Measured: an entry among few tags, and one list for a tag. */
const rowBytes = 50;
const tagBytes = 290;

export class SegmentIndex {
  readonly #rows: Rows;
  readonly #streams = new Map<number, Lists>();
  readonly holes: Hole[] = [];
  /** About what the lists of tags take: most of it, where each entry has another one. */
  #tagBytes = 0;

  constructor(rows = new Rows()) {
    this.#rows = rows;
  }

  get rows(): Rows {
    return this.#rows;
  }

  /** About how much memory it takes. */
  get bytes(): number {
    return 200 + this.#rows.count * rowBytes + this.#tagBytes;
  }

  add(stream: number, offset: number, place: number, ageMs: number, tags: readonly string[]): void {
    const row = this.#rows.add(stream, offset, place, ageMs);
    const lists = this.#lists(stream);
    lists.all.add(row);
    if (tags.length === 0) lists.untagged.add(row);
    for (const tag of tags) {
      let list = lists.tags.get(tag);
      if (list === undefined) {
        list = new RowList(this.#rows);
        this.#setTag(lists, tag, list);
      }
      if (list.last !== row) list.add(row);
    }
  }

  /** The rows of all that is wanted, after `from`, in the order of the request: those of a stream rise with their offsets. */
  rowsOf(stream: number, request: ReadRequest, from = request.from): Generator<number> {
    const starts = this.#wanted(stream, request).map((list) => ({
      list: list.rows,
      index: startIn(list, from, request.direction),
    }));
    return merge(starts, request.direction);
  }

  /** The lists of rows in which everything stands that is wanted. */
  #wanted(stream: number, { tags, untagged }: ReadRequest): RowList[] {
    const lists = this.#streams.get(stream);
    if (lists === undefined) return [];
    if (tags === undefined) return [lists.all];
    const wanted = untagged ? [lists.untagged] : [];
    for (const tag of tags) {
      const list = lists.tags.get(tag);
      if (list !== undefined) wanted.push(list);
    }
    return wanted;
  }

  /** What its file has. @param end where the segment ends: an index of a shorter one is none of it */
  contents(segment: number, end: number): Contents {
    const rowLists: RowList[] = [];
    const sizeOf = (list: RowList): number => {
      rowLists.push(list);
      return list.size;
    };
    const streams = [...this.#streams].map(([stream, { all, untagged, tags }]) => [
      stream,
      sizeOf(all),
      sizeOf(untagged),
      [...tags].flatMap(([tag, list]) => [tag, sizeOf(list)]),
    ]);
    const lists = new Uint32Array(rowLists.reduce((sum, { size }) => sum + size, 0));
    let at = 0;
    for (const list of rowLists) at = list.copyTo(lists, at);
    const meta = { segment, end, rows: this.#rows.count, streams, holes: this.holes };
    return { meta, blobs: [...this.#rows.columns(), bytesOf(lists)] };
  }

  #setTag({ tags }: Lists, tag: string, list: RowList): void {
    tags.set(tag, list);
    this.#tagBytes += tagBytes + tag.length;
  }

  #lists(stream: number): Lists {
    let lists = this.#streams.get(stream);
    if (lists === undefined) {
      const rows = this.#rows;
      lists = { all: new RowList(rows), untagged: new RowList(rows), tags: new Map() };
      this.#streams.set(stream, lists);
    }
    return lists;
  }

  /** @returns undefined when the file is not the whole index of this segment */
  static decode(bytes: Buffer, segment: number, end: number): SegmentIndex | undefined {
    try {
      const { meta, blobs } = unwrap("index", bytes, "index");
      const isMeant = isMeta(meta) && meta.segment === segment && meta.end === end;
      return isMeant ? decodeIndex(meta, blobs) : undefined;
    } catch {
      return undefined;
    }
  }

  static restore(rows: Rows, streams: readonly StreamMeta[], lists: Uint32Array): SegmentIndex {
    const index = new SegmentIndex(rows);
    let at = 0;
    const take = (size: number): RowList => {
      at += size;
      return new RowList(rows, lists.subarray(at - size, at));
    };
    for (const [stream, all, untagged, tags] of streams) {
      const restored: Lists = { all: take(all), untagged: take(untagged), tags: new Map() };
      for (let n = 0; n + 1 < tags.length; n += 2) {
        index.#setTag(restored, String(tags[n]), take(Number(tags[n + 1])));
      }
      index.#streams.set(stream, restored);
    }
    return index;
  }
}

/** The entries of a segment in the order in which they stand in it, column by column. */
export class Rows {
  count = 0;
  #streams: Uint32Array = new Uint32Array(64);
  #places: Uint32Array = new Uint32Array(64);
  #offsets: Float64Array = new Float64Array(64);
  #ages: Float64Array = new Float64Array(64);

  add(stream: number, offset: number, place: number, ageMs: number): number {
    const row = this.count;
    if (row === this.#streams.length) this.#grow(row * 2);
    this.#streams[row] = stream;
    this.#places[row] = place;
    this.#offsets[row] = offset;
    this.#ages[row] = ageMs;
    this.count++;
    return row;
  }

  stream(row: number): number {
    return this.#streams[row] ?? 0;
  }

  /** Where its frame begins in the segment. */
  place(row: number): number {
    return this.#places[row] ?? 0;
  }

  offset(row: number): number {
    return this.#offsets[row] ?? 0;
  }

  ageMs(row: number): number {
    return this.#ages[row] ?? 0;
  }

  columns(): Uint8Array[] {
    const columns = [this.#streams, this.#places, this.#offsets, this.#ages];
    return columns.map((column) => bytesOf(column.subarray(0, this.count)));
  }

  #grow(size: number): void {
    this.#streams = grown(this.#streams, new Uint32Array(size));
    this.#places = grown(this.#places, new Uint32Array(size));
    this.#offsets = grown(this.#offsets, new Float64Array(size));
    this.#ages = grown(this.#ages, new Float64Array(size));
  }

  /** @returns undefined when a column has another length, or what must rise does not */
  static decode(count: number, blobs: readonly Buffer[]): Rows | undefined {
    const [streams, places, offsets, ages] = blobs;
    if (streams?.length !== count * 4 || places?.length !== count * 4) return undefined;
    if (offsets?.length !== count * 8 || ages?.length !== count * 8) return undefined;
    const rows = new Rows();
    rows.count = count;
    rows.#streams = new Uint32Array(streams.buffer, streams.byteOffset, count);
    rows.#places = new Uint32Array(places.buffer, places.byteOffset, count);
    rows.#offsets = new Float64Array(offsets.buffer, offsets.byteOffset, count);
    rows.#ages = new Float64Array(ages.buffer, ages.byteOffset, count);
    return rows;
  }
}

function grown<Column extends Uint32Array | Float64Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

/** Rows in rising order, seen as the offsets that stand in them. */
export class RowList implements Offsets {
  readonly #rows: Rows;
  #list: number[] | Uint32Array;

  constructor(rows: Rows, list: number[] | Uint32Array = []) {
    this.#rows = rows;
    this.#list = list;
  }

  /** The rows themselves. */
  get rows(): Ascending {
    return { at: (index) => this.#list[index] };
  }

  get size(): number {
    return this.#list.length;
  }

  get last(): number | undefined {
    return this.#list[this.#list.length - 1];
  }

  add(row: number): void {
    if (!Array.isArray(this.#list)) this.#list = Array.from(this.#list);
    this.#list.push(row);
  }

  at(index: number): number | undefined {
    const row = this.#list[index];
    return row === undefined ? undefined : this.#rows.offset(row);
  }

  indexAfter(offset: number): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at(middle) ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  copyTo(target: Uint32Array, at: number): number {
    target.set(this.#list, at);
    return at + this.#list.length;
  }
}

// --- the file ---

type StreamMeta = readonly [
  stream: number,
  all: number,
  untagged: number,
  tagsAndSizes: readonly (string | number)[],
];

interface Meta {
  readonly segment: number;
  readonly end: number;
  readonly rows: number;
  readonly streams: readonly StreamMeta[];
  readonly holes: readonly Hole[];
}

function isMeta(value: unknown): value is Meta {
  const meta = value as Partial<Meta> | null;
  return (
    typeof meta === "object" &&
    isCount(meta?.segment) &&
    isCount(meta.end) &&
    isCount(meta.rows) &&
    Array.isArray(meta.streams) &&
    meta.streams.every(isStreamMeta) &&
    Array.isArray(meta.holes)
  );
}

function isStreamMeta(value: unknown): value is StreamMeta {
  if (!Array.isArray(value)) return false;
  const [stream, all, untagged, tags] = value as unknown[];
  return (
    isCount(stream) &&
    isCount(all) &&
    isCount(untagged) &&
    Array.isArray(tags) &&
    tags.every((item, n) => (n % 2 === 0 ? typeof item === "string" : isCount(item)))
  );
}

function decodeIndex(meta: Meta, blobs: readonly Buffer[]): SegmentIndex | undefined {
  const rows = Rows.decode(meta.rows, blobs);
  const list = blobs[4];
  if (rows === undefined || list === undefined) return undefined;
  let expected = 0;
  for (const [, all, untagged, tags] of meta.streams) {
    expected += all + untagged;
    for (const item of tags) if (typeof item === "number") expected += item;
  }
  if (list.length !== expected * 4) return undefined;
  const lists = new Uint32Array(list.buffer, list.byteOffset, expected);
  if (lists.some((row) => row >= rows.count)) return undefined;
  const index = SegmentIndex.restore(rows, meta.streams, lists);
  index.holes.push(...meta.holes);
  return index;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
