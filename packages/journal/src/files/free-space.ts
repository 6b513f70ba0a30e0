/**
 * How much space the file system of a store has left. Below the soft limit somebody should be told, while there is still
 * time: at the hard one nothing more is taken.
 */
import type { Clock } from "../clock.ts";
import type { Disk } from "../disk.ts";

/** Space is no longer low when this many times the soft limit is free: a figure that swings tells nothing. */
const enoughTimes = 1.25;
/** How often it is looked how full the disk is. */
const lookEveryMs = 10_000;

export class FreeSpace {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #lowBytes: number;
  readonly #changed: () => void;
  /** When it was last looked. */
  bytes: number | undefined;
  low = false;
  #cancelLook: (() => void) | undefined;
  #stopped = false;

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

  /**
   * Looks now, and again and again: others write to the same disk, also while nothing is published.
   * @param lookElse what else is looked after then
   */
  async watch(clock: Clock, lookElse: () => Promise<void> | undefined): Promise<void> {
    // A disk that does not say how full it is shows that where it is written to.
    await this.look().catch(() => undefined);
    if (!this.#stopped) await lookElse();
    if (this.#stopped) return;
    this.#cancelLook = clock.startTimer(lookEveryMs, () => void this.watch(clock, lookElse));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelLook?.();
  }
}
