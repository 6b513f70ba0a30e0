/** Increasing offsets: added at the end, dropped at the front, found by value. */
export class OffsetList {
  #offsets: number[] = [];
  #start = 0;

  get size(): number {
    return this.#offsets.length - this.#start;
  }

  get last(): number | undefined {
    return this.#offsets[this.#offsets.length - 1];
  }

  add(offset: number): void {
    this.#offsets.push(offset);
  }

  /** @returns the nth offset, from 0 */
  at(index: number): number | undefined {
    return index < 0 ? undefined : this.#offsets[this.#start + index];
  }

  /** @returns the index of the first offset greater than `offset`; `size` when there is none */
  indexAfter(offset: number): number {
    let low = this.#start;
    let high = this.#offsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#offsets[middle] ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low - this.#start;
  }

  /** Drops the first one. The room it took is given back once half of the list is gone. */
  shift(): void {
    this.#start++;
    if (this.#start > 32 && this.#start * 2 > this.#offsets.length) {
      this.#offsets = this.#offsets.slice(this.#start);
      this.#start = 0;
    }
  }
}
