/** The lists of the tags of one stream as they stand in a file, one after the other: each is made when it is asked for. */
import { RowList, type Rows } from "./rows.ts";

/** Measured: a tag of a file, without its characters. */
const tagBytes = 70;

export class PackedTags {
  readonly #rows: Rows;
  readonly #lists: Uint32Array;
  /** Where in `#starts` a tag has where it begins; the next one begins where it ends. */
  readonly #numbers = new Map<string, number>();
  readonly #starts: Uint32Array;
  readonly end: number;
  readonly bytes: number;

  constructor(
    rows: Rows,
    lists: Uint32Array,
    start: number,
    tagsAndSizes: readonly (string | number)[],
  ) {
    this.#rows = rows;
    this.#lists = lists;
    this.#starts = new Uint32Array(tagsAndSizes.length / 2 + 1);
    let at = start;
    let bytes = 0;
    let number = 0;
    for (let n = 0; n + 1 < tagsAndSizes.length; n += 2) {
      const tag = String(tagsAndSizes[n]);
      this.#starts[number] = at;
      this.#numbers.set(tag, number++);
      at += Number(tagsAndSizes[n + 1]);
      bytes += tagBytes + tag.length;
    }
    this.#starts[number] = at;
    this.end = at;
    this.bytes = bytes;
  }

  get size(): number {
    return this.#numbers.size;
  }

  keys(): MapIterator<string> {
    return this.#numbers.keys();
  }

  get(tag: string): RowList | undefined {
    const number = this.#numbers.get(tag);
    if (number === undefined) return undefined;
    const [start, end] = this.#starts.subarray(number, number + 2);
    return new RowList(this.#rows, this.#lists.subarray(start, end));
  }
}
