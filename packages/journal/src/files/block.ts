/** A part of a segment in memory: what is being written, what was written a moment ago, or what was read. */

/** @returns how many bytes of memory a block of this capacity has */
export function memoryFor(capacity: number): number {
  return (capacity + 7) & ~7;
}

export class Block {
  /** Where in the segment it begins; a multiple of 8, so that words of the file are words of the memory. */
  readonly start: number;
  readonly bytes: Buffer;
  readonly words: Int32Array<ArrayBuffer>;
  readonly view: DataView;
  /** How much of it is filled. */
  length = 0;

  /** @param memory of a block that nobody has any more, of the same capacity */
  constructor(start: number, capacity: number, memory?: ArrayBuffer) {
    // Not of the pool of buffers: aligned, and without anything of the process that might get to the disk.
    const own = memory ?? new ArrayBuffer(memoryFor(capacity));
    this.start = start;
    this.bytes = Buffer.from(own);
    this.words = new Int32Array(own);
    this.view = new DataView(own);
  }

  get memory(): ArrayBuffer {
    return this.words.buffer;
  }

  get capacity(): number {
    return this.bytes.length;
  }

  get end(): number {
    return this.start + this.length;
  }
}
