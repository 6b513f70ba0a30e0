/**
 * What stands where in one segment: a row for each entry, and for each stream and tag the rows of its entries. It
 * grows in memory while the segment is written, and is kept beside the segment once that is full. It can always be
 * made again from the segment, so losing it costs only time.
 */
import type { ReadRequest } from "../journal.ts";
import { merge, startIn } from "../merge.ts";
import { type Contents, isCount, unwrap } from "./container.ts";
import { PackedTags } from "./packed-tags.ts";
import { bytesOf, RowList, Rows } from "./rows.ts";
import { keyOf, TagFilter } from "./tag-filter.ts";

/** Offsets (from, to] of a stream that were damaged and taken out. */
export interface Hole {
  readonly stream: number;
  readonly from: number;
  readonly to: number;
}

interface Lists {
  readonly all: RowList;
  readonly untagged: RowList;
  readonly tags: Pick<ReadonlyMap<string, RowList>, "get" | "keys" | "size">;
}

interface GrowingLists extends Lists {
  readonly tags: Map<string, RowList>;
}

/** Measured: an entry among few tags, and one list for a tag; and an entry of a file. */
const rowBytes = 50;
const tagBytes = 310;
const packedRowBytes = 32;

export class SegmentIndex {
  readonly #rows: Rows;
  readonly #streams = new Map<number, Lists>();
  /** Those of them to which rows were added. */
  readonly #growing = new Map<number, GrowingLists>();
  /** Of them, that of the last row. */
  #latest: { readonly stream: number; readonly lists: GrowingLists } | undefined;
  readonly holes: Hole[] = [];
  #rowBytes = rowBytes;
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
    return 200 + this.#rows.count * this.#rowBytes + this.#tagBytes;
  }

  add(stream: number, offset: number, place: number, ageMs: number, tags: readonly string[]): void {
    const row = this.#rows.add(stream, offset, place, ageMs);
    if (this.#latest?.stream !== stream) this.#latest = { stream, lists: this.#lists(stream) };
    const { lists } = this.#latest;
    lists.all.add(row);
    if (tags.length === 0) lists.untagged.add(row);
    for (const tag of tags) {
      let list = lists.tags.get(tag);
      if (list === undefined) {
        list = new RowList(this.#rows);
        lists.tags.set(tag, list);
        this.#tagBytes += tagBytes + tag.length;
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

  /** How many keys its filter has. */
  get keyCount(): number {
    let count = 0;
    for (const { tags } of this.#streams.values()) count += tags.size + 1;
    return count;
  }

  /** What is left of it in memory when it goes. */
  filter(): TagFilter {
    const filter = new TagFilter(this.keyCount);
    for (const [stream, { untagged, tags }] of this.#streams) {
      if (untagged.size > 0) filter.add(keyOf(stream, undefined));
      for (const tag of tags.keys()) filter.add(keyOf(stream, tag));
    }
    return filter;
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
    const streams = Array.from(this.#streams, ([stream, { all, untagged, tags }]) => {
      const sizes = [sizeOf(all), sizeOf(untagged)];
      const tagsAndSizes: (string | number)[] = [];
      for (const [tag, list] of entriesOf(tags)) tagsAndSizes.push(tag, sizeOf(list));
      return [stream, ...sizes, tagsAndSizes];
    });
    const lists = new Uint32Array(rowLists.reduce((sum, { size }) => sum + size, 0));
    let at = 0;
    for (const list of rowLists) at = list.copyTo(lists, at);
    const meta = { segment, end, rows: this.#rows.count, streams, holes: this.holes };
    return { meta, blobs: [...this.#rows.columns(), bytesOf(lists)] };
  }

  #lists(stream: number): GrowingLists {
    const known = this.#growing.get(stream);
    if (known !== undefined) return known;
    const rows = this.#rows;
    const { all, untagged, tags } = this.#streams.get(stream) ?? noLists(rows);
    const lists = { all, untagged, tags: new Map(entriesOf(tags)) };
    this.#streams.set(stream, lists);
    this.#growing.set(stream, lists);
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

  /** Only what is asked for of it becomes a list: most of the tags of a file are not. */
  static restore(rows: Rows, streams: readonly StreamMeta[], lists: Uint32Array): SegmentIndex {
    const index = new SegmentIndex(rows);
    index.#rowBytes = packedRowBytes;
    let at = 0;
    const take = (size: number): RowList => {
      at += size;
      return new RowList(rows, lists.subarray(at - size, at));
    };
    for (const [stream, all, untagged, tagsAndSizes] of streams) {
      const first = { all: take(all), untagged: take(untagged) };
      const tags = new PackedTags(rows, lists, at, tagsAndSizes);
      at = tags.end;
      index.#tagBytes += tags.bytes;
      index.#streams.set(stream, { ...first, tags });
    }
    return index;
  }
}

const noLists = (rows: Rows): Lists => ({
  all: new RowList(rows),
  untagged: new RowList(rows),
  tags: new Map(),
});

function* entriesOf(tags: Lists["tags"]): Generator<[string, RowList]> {
  for (const tag of tags.keys()) {
    const list = tags.get(tag);
    if (list !== undefined) yield [tag, list];
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
  if (!areRowsOf(rows, lists)) return undefined;
  const index = SegmentIndex.restore(rows, meta.streams, lists);
  index.holes.push(...meta.holes);
  return index;
}

/** A loop with an index: 400,000 of them are asked in a third of the time. */
function areRowsOf({ count }: Rows, lists: Uint32Array): boolean {
  for (let n = 0; n < lists.length; n++) if ((lists[n] ?? 0) >= count) return false;
  return true;
}
