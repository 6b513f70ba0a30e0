/** Chance from a seed, which is printed: HOLDFAST_FUZZ_SEED runs the same inputs again. */
import { randomInt } from "node:crypto";

export class Random {
  #state: number;

  constructor(who: string) {
    const given = process.env["HOLDFAST_FUZZ_SEED"];
    const seed = given === undefined ? randomInt(2 ** 31) : Number.parseInt(given, 10);
    console.log(`${who}: HOLDFAST_FUZZ_SEED=${seed}`);
    // Xorshift stands still at zero.
    this.#state = seed | 0 || 1;
  }

  /** @returns an integer from 0 up to, but not including, `limit`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }

  times<T>(max: number, make: () => T): T[] {
    return Array.from({ length: this.below(max + 1) }, make);
  }

  bytes(max: number): Buffer {
    return Buffer.from(this.times(max, () => this.below(256)));
  }
}
