/** Reads a segment frame by frame: to recover, to make an index again, to verify. */
import type { DiskFile } from "../disk.ts";
import type { EntryRecord, SessionRecord } from "../journal.ts";
import { Block } from "./block.ts";
import {
  FrameHead,
  type FrameKind,
  frameAt,
  frameKinds,
  lengthAt,
  noFrame,
  readBody,
  readEntry,
  readHead,
  readSession,
} from "./frame.ts";

/** One frame, with what it holds taken out. */
export interface ScannedFrame {
  readonly kind: FrameKind;
  readonly place: number;
  readonly length: number;
  readonly endsBatch: boolean;
  /** All of the segment before this place was on the disk when the frame was written. */
  readonly flushed: number;
  readonly stream: number;
  readonly offset: number;
  readonly ageMs: number;
  /** Its body is a view of a large block: take a copy to keep it. */
  readonly entry: EntryRecord | undefined;
  readonly session: SessionRecord | undefined;
  /** The JSON value of a control frame. */
  readonly control: unknown;
}

const chunkBytes = 2 * 1024 * 1024;
const sectorBytes = 512;

/** Reads parts of one segment into blocks, forward. */
export class SegmentScanner {
  readonly #file: DiskFile;
  readonly #seed: number;
  readonly #size: number;
  #block = new Block(0, 8);
  readonly #head = new FrameHead();

  constructor(file: DiskFile, seed: number, size: number) {
    this.#file = file;
    this.#seed = seed;
    this.#size = size;
  }

  /** @returns the whole frame at `place`, or the member of `noFrame` that says what is there instead */
  async frame(place: number): Promise<ScannedFrame | number> {
    const length = await this.#check(place);
    if (length <= 0) return length;
    const block = this.#block;
    const head = this.#head;
    const index = place - block.start;
    readHead(block, index, head);
    const { kind, endsBatch, flushed, stream, offset, ageMs } = head;
    const entry = kind === frameKinds.entry ? readEntry(block, index) : undefined;
    if (kind === frameKinds.entry && entry === undefined) return noFrame.sum;
    const session = kind === frameKinds.session ? readSession(block, index) : undefined;
    const control = kind === frameKinds.control ? parse(readBody(block, index)) : undefined;
    const common = { kind, place, length, endsBatch, flushed, stream, offset, ageMs };
    return { ...common, entry, session, control };
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

  /** @returns the first whole frame from `place` on, however much damage is before it */
  async nextFrame(place: number): Promise<ScannedFrame | undefined> {
    for (let at = place; at < this.#size; ) {
      const frame = await this.frame(at);
      if (typeof frame !== "number") return frame;
      if (frame === noFrame.empty) at = Math.max(at + 8, (await this.firstWritten(at)) & ~7);
      else at += 8;
    }
    return undefined;
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

  async #check(place: number): Promise<number> {
    await this.#load(place, 8);
    const index = place - this.#block.start;
    const claimed = lengthAt(this.#block, index);
    if (claimed <= 0) return claimed;
    if (place + claimed > this.#size) return noFrame.short;
    await this.#load(place, claimed);
    return frameAt(this.#block, place - this.#block.start, this.#seed);
  }

  /** Makes the block contain `count` bytes at `place`, or all that there are. */
  async #load(place: number, count: number): Promise<void> {
    const end = Math.min(place + count, this.#size);
    if (place >= this.#block.start && end <= this.#block.end) return;
    const wanted = Math.min(Math.max(count, chunkBytes), this.#size - place);
    const block = new Block(place, wanted);
    // What is missing at the end counts as zeros.
    await this.#file.read(block.bytes.subarray(0, wanted), place);
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
