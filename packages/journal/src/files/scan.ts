/** Reads a segment frame by frame: to recover, to make an index again, to verify. */
import type { DiskFile } from "../disk.ts";
import type { SessionRecord } from "../journal.ts";
import { Block } from "./block.ts";
import {
  type EntryTexts,
  FrameHead,
  frameAt,
  lengthAt,
  noFrame,
  readBody,
  readHead,
  readSession,
  readTexts,
} from "./frame.ts";

const chunkBytes = 2 * 1024 * 1024;
const sectorBytes = 512;

/** Reads parts of one segment into blocks, forward. */
export class SegmentScanner {
  readonly #file: DiskFile;
  readonly #seed: number;
  readonly #size: number;
  #block = new Block(0, 8);
  /** What the frame that was found last says of itself, and where it is. */
  readonly head = new FrameHead();
  place = 0;
  length = 0;
  /** From here on everything stays in memory: the begin of a batch whose end is not found yet. */
  keepFrom = Number.POSITIVE_INFINITY;

  constructor(file: DiskFile, seed: number, size: number) {
    this.#file = file;
    this.#seed = seed;
    this.#size = size;
  }

  /** @returns the length of the whole frame at `place`, or the member of `noFrame` that says what is there instead */
  frame(place: number): number | Promise<number> {
    return this.#isLoaded(place) ? this.#found(place) : this.#loadFrame(place);
  }

  /** Goes to a frame that was found before, and is still in memory. */
  back(place: number): void {
    const index = place - this.#block.start;
    this.place = place;
    this.length = lengthAt(this.#block, index);
    readHead(this.#block, index, this.head);
  }

  /** The texts of the entry that was found last. */
  texts(): EntryTexts | undefined {
    return readTexts(this.#block, this.place - this.#block.start);
  }

  session(): SessionRecord {
    return readSession(this.#block, this.place - this.#block.start);
  }

  /** The JSON value of the control frame that was found last. */
  control(): unknown {
    return parse(readBody(this.#block, this.place - this.#block.start));
  }

  /** @returns the place of the first word from `place` on that is not 0; `until` when there is none before it */
  async firstWritten(place: number, until = this.#size): Promise<number> {
    for (let at = place; at < until; ) {
      await this.#load(at, 8);
      const { words, start, length } = this.#block;
      for (let word = (at - start) >> 2; word < length >> 2; word++) {
        if (words[word] !== 0) return Math.min(until, start + word * 4);
      }
      at = start + length;
    }
    return until;
  }

  /** @returns the place behind the last byte that is not 0, looked for from `place` on */
  async lastWritten(place: number): Promise<number> {
    let last = place;
    for (let at = place; at < this.#size; ) {
      await this.#load(at, 8);
      const { words, start, length } = this.#block;
      for (let word = (length >> 2) - 1; word >= (at - start) >> 2; word--) {
        if (words[word] === 0) continue;
        last = start + word * 4 + 4;
        break;
      }
      at = start + length;
    }
    return last;
  }

  /** Finds the first whole frame from `place` on, however much damage is before it. @returns whether there is one */
  async nextFrame(place: number): Promise<boolean> {
    for (let at = place; at < this.#size; ) {
      const length = await this.frame(at);
      if (length > 0) return true;
      this.keepFrom = at;
      if (length === noFrame.empty) at = Math.max(at + 8, (await this.firstWritten(at)) & ~7);
      else at += 8;
    }
    return false;
  }

  /**
   * Whether what stands at `place` instead of a frame can be what a power cut left of one: of each sector either all
   * that was written, or the zeros that were there before. Anything else is damage.
   */
  async looksTorn(place: number, what: number): Promise<boolean> {
    const sectorEnd = (at: number): number => (Math.floor(at / sectorBytes) + 1) * sectorBytes;
    if (what === noFrame.empty) {
      // The sector was lost as a whole, from here to its end.
      const end = Math.min(this.#size, sectorEnd(place));
      return (await this.firstWritten(place, end)) === end;
    }
    if (what !== noFrame.sum) return false;
    await this.#load(place, 8);
    const end = place + lengthAt(this.#block, place - this.#block.start);
    for (let from = place; from < end; from = sectorEnd(from)) {
      const to = Math.min(end, sectorEnd(from));
      if ((await this.firstWritten(from, to)) === to) return true;
    }
    return false;
  }

  #isLoaded(place: number): boolean {
    const block = this.#block;
    if (place < block.start || place + 8 > block.end) return false;
    const length = lengthAt(block, place - block.start);
    return length <= 0 || place + length <= block.end || place + length > this.#size;
  }

  async #loadFrame(place: number): Promise<number> {
    const keepFrom = Math.min(place, this.keepFrom);
    await this.#load(place, 8, keepFrom);
    const claimed = lengthAt(this.#block, place - this.#block.start);
    if (claimed > 0 && place + claimed <= this.#size) await this.#load(place, claimed, keepFrom);
    return this.#found(place);
  }

  #found(place: number): number {
    const index = place - this.#block.start;
    const length = frameAt(this.#block, index, this.#seed);
    if (length <= 0) return length;
    this.place = place;
    this.length = length;
    readHead(this.#block, index, this.head);
    return length;
  }

  /** Makes the block contain `count` bytes at `place`, or all that there are. */
  async #load(place: number, count: number, start = place): Promise<void> {
    const end = Math.min(place + count, this.#size);
    if (place >= this.#block.start && end <= this.#block.end) return;
    const wanted = Math.min(Math.max(end - start, place - start + chunkBytes), this.#size - start);
    const block = new Block(start, wanted);
    // What is missing at the end counts as zeros.
    await this.#file.read(block.bytes.subarray(0, wanted), start);
    block.length = wanted;
    this.#block = block;
  }
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
}
