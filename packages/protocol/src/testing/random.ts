/** Chance from a seed, so that a failure can be run again. */
import { randomInt } from "node:crypto";

/** Sets the seed of all fuzzers, to run a failure again. */
const seedName = "HOLDFAST_FUZZ_SEED";

/** @returns the seed of the environment, or a new one. It is printed: without it a failure is an anecdote. */
export function chooseSeed(who: string): number {
  const given = process.env[seedName];
  const seed = given === undefined ? randomInt(2 ** 32) : Number.parseInt(given, 10);
  if (!Number.isInteger(seed)) throw new Error(`${seedName}: expected an integer, got ${given}`);
  console.log(`${who}: ${seedName}=${seed}`);
  return seed;
}

/** Mulberry32: fast, small, and the same everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** @returns an integer from 0 up to, but not including, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** @returns true once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("nothing to pick from");
    return items[this.below(items.length)] as T;
  }

  list<T>(lengthMax: number, make: () => T): T[] {
    return Array.from({ length: this.below(lengthMax + 1) }, make);
  }

  bytes(lengthMax: number): Uint8Array {
    return Uint8Array.from(this.list(lengthMax, () => this.below(256)));
  }
}
