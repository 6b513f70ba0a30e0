/** Chance from a seed: the same numbers on every machine. Whole numbers only. */

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param stream Tells apart what is drawn for different purposes, so that one does not disturb the other. */
  constructor(seed: number, stream = 0) {
    this.#a = Math.imul(seed, 0x9e37_79b1) >>> 0;
    this.#b = (seed ^ 0x85eb_ca6b) >>> 0;
    this.#c = Math.imul(stream + 1, 0xc2b2_ae35) >>> 0;
    for (let round = 0; round < 12; round++) this.next();
  }

  /** 32 bits (the generator sfc32). */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0;
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }

  /** From 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }

  /** From `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True `percent` times of a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  }

  /** Picks by weight: `[["often", 10], ["seldom", 1]]`. */
  weighted<Value>(choices: readonly (readonly [value: Value, weight: number])[]): Value {
    let point = this.below(choices.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [value, weight] of choices) {
      if (point < weight) return value;
      point -= weight;
    }
    throw new Error("no weight at all");
  }
}
