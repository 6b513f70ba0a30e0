/** The newest blocks in memory. Goal: memory is used again, but not while anybody writes or tells from it. */
import { expect, it } from "vitest";
import type { Block } from "./block.ts";
import { BlockCache } from "./block-cache.ts";
import { Segment } from "./segment.ts";

const capacity = 1024;

/** Fills blocks one behind the other. */
function filled(cache: BlockCache, segment: Segment, count: number, from = 0): Block[] {
  return Array.from({ length: count }, (_, n) => {
    const block = cache.newBlock(segment, (from + n) * capacity, capacity);
    block.length = capacity;
    return block;
  });
}

it("takes the memory of the block that went, once all of it was told", () => {
  const cache = new BlockCache(3 * capacity);
  const segment = new Segment(1, 1024 * capacity, 0);
  const [first] = filled(cache, segment, 3);
  segment.end = capacity;
  cache.settle(segment);
  const [fourth, fifth] = filled(cache, segment, 2, 3);
  // The first goes when the fourth is made, so the fifth has its memory; nobody else.
  expect(fourth?.memory).not.toBe(first?.memory);
  expect(fifth?.memory).toBe(first?.memory);
  expect(fifth?.start).toBe(4 * capacity);
  expect(cache.find(1, 0)).toBeUndefined();
  expect(cache.find(1, 4 * capacity)).toBe(fifth);
  const later = filled(cache, segment, 3, 5);
  expect(later.every(({ memory }) => memory !== first?.memory)).toBe(true);
});

it("leaves memory alone of which the last frame was not told", () => {
  const cache = new BlockCache(2 * capacity);
  const segment = new Segment(1, 1024 * capacity, 0);
  const [first] = filled(cache, segment, 2);
  segment.end = capacity - 8;
  cache.settle(segment);
  const later = filled(cache, segment, 8, 2);
  expect(later.every(({ memory }) => memory !== first?.memory)).toBe(true);
});

it("takes memory of a segment before the one that is told, and gives a smaller block memory of its own", () => {
  const cache = new BlockCache(2 * capacity);
  const former = new Segment(1, 2 * capacity, 0);
  const segment = new Segment(2, 1024 * capacity, 0);
  const [first] = filled(cache, former, 2);
  cache.settle(segment);
  filled(cache, segment, 1);
  const small = cache.newBlock(segment, capacity, capacity / 2);
  expect(small.memory).not.toBe(first?.memory);
  expect(small.capacity).toBe(capacity / 2);
});
