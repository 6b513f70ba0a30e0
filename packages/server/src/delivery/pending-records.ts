/** The records that are in a lane, by their tickets: those are given one after the other, and leave nearly so. */
import type { LaneChange, LaneEntry } from "./lane-records.ts";

type LaneRecord = LaneEntry | LaneChange;

export class PendingRecords {
  /** The record with ticket `#first + n` is the nth one; those that have left are empty places. */
  #records: (LaneRecord | undefined)[] = [];
  #first = 1;
  /** Empty places at the front. */
  #left = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The oldest ticket that is still here; more than any that was given when there is none. */
  get oldest(): number {
    return this.#first + this.#left;
  }

  /** Takes a record in, and gives it its ticket. */
  add(record: LaneRecord): void {
    record.ticket = this.#first + this.#records.length;
    this.#records.push(record);
    this.#size++;
  }

  remove({ ticket }: LaneRecord): void {
    const at = ticket - this.#first;
    if (this.#records[at] === undefined) return;
    this.#records[at] = undefined;
    this.#size--;
    while (this.#left < this.#records.length && this.#records[this.#left] === undefined) {
      this.#left++;
    }
    if (this.#left === this.#records.length) {
      this.#first += this.#left;
      this.#left = 0;
      this.#records = [];
    } else if (this.#left > 1024 && this.#left * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#left);
      this.#first += this.#left;
      this.#left = 0;
    }
  }

  /** Visits the records that are here with a later ticket. @returns the last ticket that was given */
  visitAfter(ticket: number, visit: (record: LaneRecord) => void): number {
    for (let at = Math.max(this.#left, ticket + 1 - this.#first); at < this.#records.length; at++) {
      const record = this.#records[at];
      if (record !== undefined) visit(record);
    }
    return this.#first + this.#records.length - 1;
  }

  /** The last record that is still here with this ticket or an older one. */
  lastUpTo(ticket: number): LaneRecord | undefined {
    for (
      let at = Math.min(ticket - this.#first, this.#records.length - 1);
      at >= this.#left;
      at--
    ) {
      const record = this.#records[at];
      if (record !== undefined) return record;
    }
    return undefined;
  }
}
