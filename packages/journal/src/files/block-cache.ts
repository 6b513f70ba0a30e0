/** The newest parts of the journal in memory: the blocks from which they were written. Whoever is nearly live reads here. */
import { Block, memoryFor } from "./block.ts";
import type { Segment } from "./segment.ts";

interface Cached {
  readonly segment: number;
  readonly block: Block;
}

export class BlockCache {
  readonly #maxBytes: number;
  readonly #blocks: Cached[] = [];
  #bytes = 0;
  /** Up to this place everything was told: nobody writes from the blocks before it any more. */
  #settled = { segment: 0, place: 0 };
  /**
   * Of a block that went. New memory would be zeroed, and each of its pages a fault: a twelfth of the time of a commit. Of
   * the old content nothing gets to the disk, because a frame has a value for each of its bytes.
   */
  #spare: ArrayBuffer | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Makes the block that is filled next. The oldest ones go, but never the one before it. */
  newBlock(segment: Segment, start: number, capacity: number): Block {
    const size = Math.min(capacity, segment.size - start + 8);
    const spare = this.#spare?.byteLength === memoryFor(size) ? this.#spare : undefined;
    if (spare !== undefined) this.#spare = undefined;
    const block = new Block(start, size, spare);
    this.#blocks.push({ segment: segment.number, block });
    this.#bytes += block.capacity;
    while (this.#bytes > this.#maxBytes && this.#blocks.length > 2) this.#dropOldest(block);
    return block;
  }

  #dropOldest(newest: Block): void {
    const oldest = this.#blocks.shift();
    if (oldest === undefined) return;
    const { segment, block } = oldest;
    this.#bytes -= block.capacity;
    const settled = this.#settled;
    const isSettled =
      segment < settled.segment || (segment === settled.segment && block.end <= settled.place);
    // One of another size, for a large entry, would be kept for nothing.
    const isUsual = block.memory.byteLength === newest.memory.byteLength;
    if (isSettled && isUsual) this.#spare = block.memory;
  }

  /** All that is committed was told: up to the end of this segment as it is now. */
  settle({ number, end }: Segment): void {
    this.#settled = { segment: number, place: end };
  }

  /** @returns the block in which the frame at a place is; not to be kept, for its memory is used again */
  find(segment: number, place: number): Block | undefined {
    for (let index = this.#blocks.length - 1; index >= 0; index--) {
      const cached = this.#blocks[index];
      if (cached === undefined || cached.segment !== segment) continue;
      if (place >= cached.block.start && place < cached.block.end) return cached.block;
    }
    return undefined;
  }
}
