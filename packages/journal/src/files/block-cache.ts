/** The newest parts of the journal in memory: the blocks from which they were written. Whoever is nearly live reads here. */
import { Block } from "./block.ts";
import type { Segment } from "./segment.ts";

export class BlockCache {
  readonly #maxBytes: number;
  readonly #blocks: { readonly segment: number; readonly block: Block }[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Makes the block that is filled next. The oldest ones go, but never the one before it. */
  newBlock(segment: Segment, start: number, capacity: number): Block {
    const block = new Block(start, Math.min(capacity, segment.size - start + 8));
    this.#blocks.push({ segment: segment.number, block });
    this.#bytes += block.capacity;
    while (this.#bytes > this.#maxBytes && this.#blocks.length > 2) {
      this.#bytes -= this.#blocks.shift()?.block.capacity ?? 0;
    }
    return block;
  }

  /** @returns the block in which the frame at a place is */
  find(segment: number, place: number): Block | undefined {
    for (let index = this.#blocks.length - 1; index >= 0; index--) {
      const cached = this.#blocks[index];
      if (cached === undefined || cached.segment !== segment) continue;
      if (place >= cached.block.start && place < cached.block.end) return cached.block;
    }
    return undefined;
  }
}
