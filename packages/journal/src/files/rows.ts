/** The columns of an index, and lists of their rows. */
import type { Ascending, Offsets } from "../merge.ts";

/** The entries of a segment in the order in which they stand in it, column by column. */
export class Rows {
  count = 0;
  #streams: Uint32Array = new Uint32Array(64);
  #places: Uint32Array = new Uint32Array(64);
  #offsets: Float64Array = new Float64Array(64);
  #ages: Float64Array = new Float64Array(64);

  add(stream: number, offset: number, place: number, ageMs: number): number {
    const row = this.count;
    if (row === this.#streams.length) this.#grow(Math.max(64, row * 2));
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

/**
 * A list that gets so long is a typed array from then on: an array of JavaScript takes twice the memory for a row, and is
 * copied more often as it grows. Shorter ones, of which there may be one for each entry, are small and quick to make.
 */
const plainMost = 1024;

/** Rows in rising order, seen as the offsets that stand in them. */
export class RowList implements Offsets {
  readonly #rows: Rows;
  /** Longer than `size`, where it is a typed array that grows. */
  #list: number[] | Uint32Array;
  #size: number;
  #last: number | undefined;

  constructor(rows: Rows, list: number[] | Uint32Array = []) {
    this.#rows = rows;
    this.#list = list;
    this.#size = list.length;
    this.#last = list[list.length - 1];
  }

  /** The rows themselves. */
  get rows(): Ascending {
    return { at: (index) => (index < this.#size ? this.#list[index] : undefined) };
  }

  get size(): number {
    return this.#size;
  }

  get last(): number | undefined {
    return this.#last;
  }

  add(row: number): void {
    const list = this.#list;
    if (this.#size < plainMost && Array.isArray(list)) list.push(row);
    else this.#typed(list)[this.#size] = row;
    this.#size++;
    this.#last = row;
  }

  /** @returns the list as one that has room for another row */
  #typed(list: number[] | Uint32Array): Uint32Array {
    if (!Array.isArray(list) && this.#size < list.length) return list;
    const typed = new Uint32Array(2 * this.#size + 64);
    typed.set(list);
    this.#list = typed;
    return typed;
  }

  at(index: number): number | undefined {
    const row = index < this.#size ? this.#list[index] : undefined;
    return row === undefined ? undefined : this.#rows.offset(row);
  }

  indexAfter(offset: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.at(middle) ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  copyTo(target: Uint32Array, at: number): number {
    const list = this.#list;
    target.set(Array.isArray(list) ? list : list.subarray(0, this.#size), at);
    return at + this.#size;
  }
}

export function bytesOf({
  buffer,
  byteOffset,
  byteLength,
}: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
