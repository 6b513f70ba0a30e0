/** A part of a segment in memory: what is being written, what was written a moment ago, or what was read. */

export class Block {
  /** Where in the segment it begins; a multiple of 8, so that words of the file are words of the memory. */
  readonly start: number;
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly view: DataView;
  /** How much of it is filled. */
  length = 0;

  constructor(start: number, capacity: number) {
    // Memory of its own, not of the pool: aligned, and zeroed, so that nothing of the process gets to the disk.
    const memory = new ArrayBuffer((capacity + 7) & ~7);
    this.start = start;
    this.bytes = Buffer.from(memory);
    this.words = new Int32Array(memory);
    this.view = new DataView(memory);
  }

  get capacity(): number {
    return this.bytes.length;
  }

  get end(): number {
    return this.start + this.length;
  }
}
