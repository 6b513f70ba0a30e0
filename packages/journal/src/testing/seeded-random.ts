/** Chance from a seed: the same seed gives the same bytes. Good enough for tests, and only for them. */
import type { Random } from "../random.ts";

export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = (seed / 2 ** 32) | 0;
    this.#c = 0x9e3779b9 | 0;
    this.#d = 0x243f6a88 | 0;
    for (let round = 0; round < 16; round++) this.u32();
  }

  /** @returns a whole number from 0 to 2^32 - 1 */
  u32(): number {
    // Chris Doty-Humphrey's sfc32 step.
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** @returns a whole number from 0 to `limit` - 1 */
  below(limit: number): number {
    return Math.floor((this.u32() / 2 ** 32) * limit);
  }

  /** @returns true with this probability */
  chance(probability: number): boolean {
    return this.u32() / 2 ** 32 < probability;
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.below(items.length)] ?? items[0];
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.u32() & 0xff);
  }
}
