/** The index of a segment. Goal: what it says that it takes in memory is what it takes, whatever the tags are. */
import { expect, it } from "vitest";
import { wrap } from "./container.ts";
import { SegmentIndex } from "./segment-index.ts";

const rows = 20_000;

function indexOf(tagOf: (n: number) => string): SegmentIndex {
  const index = new SegmentIndex();
  for (let n = 0; n < rows; n++) index.add(1, n + 1, n * 200, 0, [tagOf(n)]);
  return index;
}

function wrapped(index: SegmentIndex): Buffer {
  const { meta, blobs } = index.contents(1, 1_000);
  return wrap("index", meta, blobs);
}

it("counts tags: an entry for each of many rooms takes much more than many for a few", () => {
  const few = indexOf((n) => `room-${n % 100}`);
  const many = indexOf((n) => `room-${n}`);
  // Measured on Node 20: 54 and 359 bytes an entry.
  expect(few.bytes / rows).toBeGreaterThan(45);
  expect(few.bytes / rows).toBeLessThan(65);
  expect(many.bytes / rows).toBeGreaterThan(300);
  expect(many.bytes / rows).toBeLessThan(420);
  const again = SegmentIndex.decode(wrapped(many), 1, 1_000);
  expect(again?.bytes).toBe(many.bytes);
});
