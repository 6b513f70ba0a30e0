/**
 * How much space the file system of a store has left. Below the soft limit somebody should be told, while there is still
 * time: at the hard one nothing more is taken.
 */
import type { Disk } from "../disk.ts";

/** Space is no longer low when this many times the soft limit is free: a figure that swings tells nothing. */
const enoughTimes = 1.25;

export class FreeSpace {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #lowBytes: number;
  readonly #changed: () => void;
  /** When it was last looked. */
  bytes: number | undefined;
  low = false;

  /** @param changed called when `low` has changed */
  constructor(disk: Disk, folder: string, lowBytes: number, changed: () => void) {
    this.#disk = disk;
    this.#folder = folder;
    this.#lowBytes = lowBytes;
    this.#changed = changed;
  }

  /** Resolves with how much is free. Rejects with what the disk says */
  async look(): Promise<number> {
    const bytes = await this.#disk.freeBytes(this.#folder);
    this.bytes = bytes;
    const low = bytes < this.#lowBytes * (this.low ? enoughTimes : 1);
    if (low !== this.low) {
      this.low = low;
      this.#changed();
    }
    return bytes;
  }
}
