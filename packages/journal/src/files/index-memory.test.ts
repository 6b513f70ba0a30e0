/** Which indexes and filters are in memory. Goal: never more than was said, and a filter only where it tells all. */
import { expect, it } from "vitest";
import { IndexMemory } from "./index-memory.ts";
import { Segment } from "./segment.ts";
import { SegmentIndex } from "./segment-index.ts";
import { keyOf } from "./tag-filter.ts";

const tagsOf = 100;

function loaded(number: number): Segment {
  const segment = new Segment(number, 64 * 1024, 1);
  segment.index = new SegmentIndex();
  for (let n = 0; n < tagsOf; n++) segment.index.add(1, n + 1, n * 100, 0, [`${number}:${n}`]);
  return segment;
}

const indexBytes = loaded(1).index?.bytes ?? 0;
const filterBytes = loaded(1).index?.filter().bytes ?? 0;
const bytesOf = (segments: readonly Segment[]): number =>
  segments.reduce((sum, { index, filter }) => sum + (index?.bytes ?? 0) + (filter?.bytes ?? 0), 0);
const filtered = (segments: readonly Segment[]): number[] =>
  segments.filter(({ filter }) => filter !== undefined).map(({ number }) => number);

it("leaves a filter where an index goes, and takes no more than it may", () => {
  const most = 3 * indexBytes + 1_000;
  const memory = new IndexMemory(most);
  const segments: Segment[] = [];
  for (let number = 1; number <= 10; number++) {
    const segment = loaded(number);
    segments.push(segment);
    memory.loaded(segment);
    expect(bytesOf(segments)).toBeLessThanOrEqual(most);
  }
  for (const { number, index, filter } of segments) {
    expect(index !== undefined || filter !== undefined).toBe(true);
    for (let n = 0; n < tagsOf; n++) {
      expect(filter?.mayHave(keyOf(1, `${number}:${n}`)) ?? true).toBe(true);
    }
  }
});

it("drops the filters of the oldest segments when there are too many, and makes none instead of a newer one", () => {
  // A quarter of it is what three filters take.
  const memory = new IndexMemory(3 * filterBytes * 4);
  const segments = Array.from({ length: 12 }, (_, n) => loaded(n + 1));
  for (const segment of segments) memory.loaded(segment);
  const kept = filtered(segments);
  expect(kept).toHaveLength(3);
  const last = kept.at(-1) ?? 0;
  expect(kept).toEqual([last - 2, last - 1, last]);

  const [first, second] = segments;
  for (const segment of [first, second]) {
    if (segment === undefined) continue;
    segment.index = loaded(segment.number).index;
    memory.loaded(segment);
  }
  expect(first?.index).toBeUndefined();
  expect(first?.filter).toBeUndefined();
  expect(filtered(segments)).toContain(last);
});

it("makes no filter of an index with holes: who reads is told of them, whatever it wants", () => {
  const memory = new IndexMemory(2 * indexBytes);
  const segments = Array.from({ length: 4 }, (_, n) => loaded(n + 1));
  segments[0]?.index?.holes.push({ stream: 1, from: 4, to: 5 });
  for (const segment of segments) memory.loaded(segment);
  expect(segments[0]?.index).toBeUndefined();
  expect(segments[0]?.filter).toBeUndefined();
  expect(segments[1]?.filter).toBeDefined();
});

it("forgets what a removed segment took", () => {
  const most = 3 * filterBytes * 4;
  const memory = new IndexMemory(most);
  const alive: Segment[] = [];
  for (let number = 1; number <= 100; number++) {
    const segment = loaded(number);
    alive.push(segment);
    memory.loaded(segment);
    if (alive.length <= 2) continue;
    const oldest = alive.shift();
    if (oldest !== undefined) memory.forget(oldest);
    expect(oldest?.filter).toBeUndefined();
    // Were the removed ones still counted, there would be room for no other.
    const [next] = alive;
    expect(next?.index !== undefined || next?.filter !== undefined).toBe(true);
  }
});

it("has no filters where there is no memory for them", () => {
  const memory = new IndexMemory(0);
  const segments = Array.from({ length: 3 }, (_, n) => loaded(n + 1));
  for (const segment of segments) memory.loaded(segment);
  expect(filtered(segments)).toEqual([]);
  expect(segments.map(({ index }) => index !== undefined)).toEqual([false, false, true]);
});
