/** The index of a segment. Goal: what it says that it takes in memory is what it takes, whatever the tags are. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { ReadRequest } from "../journal.ts";
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
  // Measured on Node 20: 56 and 373 bytes an entry.
  expect(few.bytes / rows).toBeGreaterThan(45);
  expect(few.bytes / rows).toBeLessThan(65);
  expect(many.bytes / rows).toBeGreaterThan(300);
  expect(many.bytes / rows).toBeLessThan(420);
});

it("counts less for what comes from a file: nobody has asked for its lists yet", () => {
  const bytesOf = (index: SegmentIndex): number =>
    (SegmentIndex.decode(wrapped(index), 1, 1_000)?.bytes ?? 0) / rows;
  // Measured on Node 20: 32 and 112 bytes an entry.
  expect(bytesOf(indexOf((n) => `room-${n % 100}`))).toBeGreaterThan(31);
  expect(bytesOf(indexOf((n) => `room-${n % 100}`))).toBeLessThan(36);
  expect(bytesOf(indexOf((n) => `room-${n}`))).toBeGreaterThan(95);
  expect(bytesOf(indexOf((n) => `room-${n}`))).toBeLessThan(125);
});

const anyEntry = fc.record({
  stream: fc.nat(2),
  tags: fc.array(fc.constantFrom("", "a", "b", "\ud800", "1"), { maxLength: 3 }),
});
const anyEntries = fc.array(anyEntry, { maxLength: 40 });
const anyRequest: fc.Arbitrary<ReadRequest> = fc.record({
  from: fc.nat(50),
  direction: fc.constantFrom("forward", "backward"),
  tags: fc.option(
    fc
      .uniqueArray(fc.constantFrom("", "a", "b", "\ud800", "1", "none"))
      .map((tags) => new Set(tags)),
    {
      nil: undefined,
    },
  ),
  untagged: fc.boolean(),
  maxBytes: fc.constant(1),
  maxEntries: fc.constant(1),
});

it("has the same rows when it comes from its file, and when more are added then", () => {
  fc.assert(
    fc.property(anyEntries, anyEntries, fc.array(anyRequest), (before, after, requests) => {
      const grown = new SegmentIndex();
      for (const [n, { stream, tags }] of before.entries()) grown.add(stream, n + 1, n, 0, tags);
      const read = SegmentIndex.decode(wrapped(grown), 1, 1_000);
      const compare = (): void => {
        for (const request of requests) {
          for (const stream of [0, 1, 2, 3]) {
            expect([...(read?.rowsOf(stream, request) ?? [-1])]).toEqual([
              ...grown.rowsOf(stream, request),
            ]);
          }
        }
        expect(read?.keyCount).toBe(grown.keyCount);
      };
      compare();
      for (const index of [grown, read]) {
        for (const [n, { stream, tags }] of after.entries()) {
          index?.add(stream, before.length + n + 1, before.length + n, 0, tags);
        }
      }
      compare();
      expect(read && wrapped(read).equals(wrapped(grown))).toBe(true);
    }),
  );
});
