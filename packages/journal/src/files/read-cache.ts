/**
 * Parts of segments that were read a moment ago. Sessions that come back after a cut or a restart read the same
 * stretch of the record, each for its own tags: it is read from the disk once, not once for each.
 */
import type { Block } from "./block.ts";

/** Windows are the same for all, and begin so far apart: as many readers as possible share one. */
export const windowBytes = 64 * 1024;

/** And go on for so much more: whoever reads a hundred frames would meet one across an end in every fourth page. */
export const overlapBytes = 4 * 1024;

const windowsPerSegment = 2 ** 20;

/** So many more windows are read for a page at the same time, if there is room for those of so many readers. */
const aheadMost = 3;
const readersMost = 64;

export class ReadCache {
  readonly #windowsMax: number;
  /** How many windows may be read for a page besides the one that it waits for. */
  readonly aheadMax: number;
  /** The one used last is last. */
  readonly #windows = new Map<number, Block>();
  readonly #loading = new Map<number, Promise<Block>>();
  #latest = -1;

  constructor(maxBytes: number) {
    this.#windowsMax = Math.floor(maxBytes / (windowBytes + overlapBytes));
    this.aheadMax = Math.min(
      aheadMost,
      Math.max(0, Math.floor(this.#windowsMax / readersMost) - 1),
    );
  }

  /** @returns the window in which a place is, if it was read far enough for that */
  find(segment: number, place: number): Block | undefined {
    const key = keyOf(segment, place);
    const window = this.#windows.get(key);
    if (window === undefined || place >= window.end) return undefined;
    if (key !== this.#latest) {
      this.#latest = key;
      this.#windows.delete(key);
      this.#windows.set(key, window);
    }
    return window;
  }

  /** Has the window read in which a place is; once for all who ask meanwhile. */
  load(segment: number, place: number, read: () => Promise<Block>): Promise<Block> {
    const key = keyOf(segment, place);
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      loading = this.#load(key, read);
      this.#loading.set(key, loading);
    }
    return loading;
  }

  async #load(key: number, read: () => Promise<Block>): Promise<Block> {
    try {
      const window = await read();
      this.#windows.delete(key);
      this.#windows.set(key, window);
      for (const oldest of this.#windows.keys()) {
        if (this.#windows.size <= this.#windowsMax) break;
        this.#windows.delete(oldest);
      }
      return window;
    } finally {
      this.#loading.delete(key);
    }
  }
}

function keyOf(segment: number, place: number): number {
  return segment * windowsPerSegment + Math.floor(place / windowBytes);
}
