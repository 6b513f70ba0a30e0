/**
 * A map that has its oldest key at hand. A Map has them in the same order, but its first step goes over every key that
 * was deleted since the table was last laid out: where the oldest of many goes each time a new one comes, that is nearly all
 * there is to do. (Measured, half a million of them: 0.4 ms a key.)
 */
export class AgedMap<Key extends string | number, Value> implements Iterable<[Key, Value]> {
  readonly #map = new Map<Key, Value>();
  /** Goes over each key once. What is before it is gone, but for the oldest. */
  #walk: Iterator<Key> = this.#map.keys();
  #oldest: Key | undefined;

  get size(): number {
    return this.#map.size;
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key);
  }

  /** Puts it in as the youngest, also when its key is there. */
  set(key: Key, value: Value): void {
    this.delete(key);
    this.#map.set(key, value);
  }

  delete(key: Key): boolean {
    if (key === this.#oldest) this.#oldest = undefined;
    return this.#map.delete(key);
  }

  clear(): void {
    this.#oldest = undefined;
    this.#map.clear();
  }

  get oldest(): Key | undefined {
    if (this.#oldest !== undefined || this.#map.size === 0) return this.#oldest;
    const next = this.#walk.next();
    if (next.done !== true) this.#oldest = next.value;
    else {
      this.#walk = this.#map.keys();
      this.#oldest = this.#walk.next().value;
    }
    return this.#oldest;
  }

  /** Oldest first. */
  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#map.entries();
  }
}
