/**
 * The newest entries of a stream, kept in memory as the packets that were sent: the last step of catching up reads
 * them without waiting, and whoever gets the same entries shares the packets.
 */
import type { LaneEntry } from "./lane-records.ts";

export class RecentEntries {
  readonly #bytesMax: number;
  readonly #countMax: number;
  #entries: (LaneEntry | undefined)[] = [];
  /** Where the oldest stands in the array: taking from the front moves nothing. */
  #first = 0;
  #bytes = 0;
  /** All entries after this offset are here. */
  #after: number;

  /**
   * @param bytesMax what is kept at most, but for the newest entry
   * @param countMax how many are kept at most: the longer they live, the more the garbage collector has to move
   * @param after the head when it begins
   */
  constructor(bytesMax: number, countMax: number, after: number) {
    this.#bytesMax = bytesMax;
    this.#countMax = countMax;
    this.#after = after;
  }

  /** Whether every entry after `offset` is here. */
  covers(offset: number): boolean {
    return offset >= this.#after;
  }

  /** From here on it has every entry. */
  get first(): number {
    return this.#after + 1;
  }

  push(entry: LaneEntry): void {
    entry.packet.dropText();
    entry.dropBody();
    this.#entries.push(entry);
    this.#bytes += entry.packet.size;
    while (this.#isFull()) this.#shift();
  }

  #isFull(): boolean {
    const count = this.#entries.length - this.#first;
    return count > this.#countMax || (count > 1 && this.#bytes > this.#bytesMax);
  }

  #shift(): void {
    const oldest = this.#entries[this.#first];
    if (oldest === undefined) return;
    this.#entries[this.#first] = undefined;
    this.#first++;
    this.#bytes -= oldest.packet.size;
    this.#after = oldest.offset;
    if (this.#first > 1024 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** How many entries there are after `offset`. */
  countAfter(offset: number): number {
    return this.#entries.length - this.#indexAfter(offset);
  }

  /** The entries after `offset`, oldest first; stops when `visit` returns false. */
  visitAfter(offset: number, visit: (entry: LaneEntry) => boolean): void {
    for (let at = this.#indexAfter(offset); at < this.#entries.length; at++) {
      const entry = this.#entries[at];
      if (entry !== undefined && !visit(entry)) return;
    }
  }

  /**
   * How many packets the entries after `offset` are that `wants` takes; one with attachments counts as so many.
   * Undefined when they are more than so many bytes.
   */
  countPacketsAfter(
    offset: number,
    wants: (entry: LaneEntry) => boolean,
    bytesMax: number,
  ): number | undefined {
    let packets = 0;
    let bytes = 0;
    this.visitAfter(offset, (entry) => {
      if (wants(entry)) {
        packets += 1 + (entry.packet.attachments?.length ?? 0);
        bytes += entry.packet.size;
      }
      return bytes <= bytesMax;
    });
    return bytes > bytesMax ? undefined : packets;
  }

  #indexAfter(offset: number): number {
    let low = this.#first;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.offset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
