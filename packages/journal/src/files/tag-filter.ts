/**
 * Which tags a segment may have, for when its index is not in memory: a Bloom filter. It never says no of a tag that was
 * added, and yes of one that was not about once in 1,700 times. Tags of all streams of a segment are in one.
 */
import type { ReadRequest } from "../journal.ts";

/** Of ten bits one tag in 120 is wrong, of which a read in twenty rooms would have one in each sixth segment. */
const bitsPerKey = 16;
const probes = 8;
/** Measured: the objects themselves. */
const objectBytes = 200;

/** What stands for a tag of a stream, or for its entries without tags. */
export function keyOf(stream: number, tag: string | undefined): number {
  let key = mixed(stream);
  if (tag === undefined) return ~key;
  for (let n = 0; n < tag.length; n++) key = Math.imul(key ^ tag.charCodeAt(n), 0x01000193);
  return mixed(key);
}

/** @returns the keys of all that is wanted; undefined when it is everything */
export function keysOf(stream: number, { tags, untagged }: ReadRequest): number[] | undefined {
  if (tags === undefined) return undefined;
  const keys = Array.from(tags, (tag) => keyOf(stream, tag));
  if (untagged) keys.push(keyOf(stream, undefined));
  return keys;
}

export class TagFilter {
  readonly #words: Uint32Array;
  readonly #bits: number;

  /** @param keys how many will be added */
  constructor(keys: number) {
    this.#words = new Uint32Array(wordsFor(keys));
    this.#bits = this.#words.length * 32;
  }

  /** How much memory one for so many keys takes, about. */
  static bytesFor(keys: number): number {
    return objectBytes + wordsFor(keys) * 4;
  }

  get bytes(): number {
    return objectBytes + this.#words.byteLength;
  }

  add(key: number): void {
    const step = stepOf(key);
    for (let n = 0, at = key; n < probes; n++, at = (at + step) | 0) {
      const bit = this.#bit(at);
      this.#words[bit >>> 5] = (this.#words[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
  }

  /** @returns false only when it was not added */
  mayHave(key: number): boolean {
    const step = stepOf(key);
    for (let n = 0, at = key; n < probes; n++, at = (at + step) | 0) {
      const bit = this.#bit(at);
      if (((this.#words[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  /** A share of all bits as large as that of the number among all of 32 bits: a remainder takes longer. */
  #bit(at: number): number {
    return Math.floor(((at >>> 0) / 0x1_0000_0000) * this.#bits);
  }
}

const wordsFor = (keys: number): number => Math.max(1, Math.ceil((keys * bitsPerKey) / 32));

function stepOf(key: number): number {
  return mixed(key ^ 0x5bd1e995) | 1;
}

/** Each bit of the result depends on all of the number (the end of MurmurHash3). */
function mixed(number: number): number {
  let bits = number ^ (number >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
