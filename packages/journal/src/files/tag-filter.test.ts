/** The filter of a segment's tags. Goal: it never says no of what it has, or entries would be lost; and seldom yes of others. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { everything } from "../testing/index.ts";
import { SegmentIndex } from "./segment-index.ts";
import { keyOf, keysOf, TagFilter } from "./tag-filter.ts";

/** Any code units: halves of surrogate pairs, too, and long ones. */
const anyTag = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) });
const anyTags = fc.array(fc.oneof(anyTag, fc.string(), fc.constantFrom("", "a", "room:1")));
const anyStream = fc.oneof(fc.nat(3), fc.nat(0xffffffff));

it("has all that an index has, whatever the streams and tags are", () => {
  const anyEntry = fc.record({ stream: anyStream, tags: anyTags });
  fc.assert(
    fc.property(fc.array(anyEntry, { minLength: 1 }), (entries) => {
      const index = new SegmentIndex();
      for (const [n, { stream, tags }] of entries.entries()) index.add(stream, n + 1, n, 0, tags);
      const filter = index.filter();
      for (const { stream, tags } of entries) {
        if (tags.length === 0) expect(filter.mayHave(keyOf(stream, undefined))).toBe(true);
        for (const tag of tags) expect(filter.mayHave(keyOf(stream, tag))).toBe(true);
      }
    }),
  );
});

it("has all that was added, when that is more than was said, too", () => {
  fc.assert(
    fc.property(fc.nat(20), fc.array(fc.integer()), (said, keys) => {
      const filter = new TagFilter(said);
      for (const key of keys) filter.add(key);
      for (const key of keys) expect(filter.mayHave(key)).toBe(true);
    }),
  );
});

it.each([100, 1_000, 50_000])("is seldom wrong of other tags: %i of them", (count) => {
  const filter = new TagFilter(count);
  for (let n = 0; n < count; n++) filter.add(keyOf(1, `room:${n}`));
  const share = (has: (n: number) => boolean): number => {
    const asked = 200_000;
    let wrong = 0;
    for (let n = 0; n < asked; n++) if (has(n)) wrong++;
    return wrong / asked;
  };
  // By theory 0.06 %; tags of one room and its neighbours differ in a character.
  expect(share((n) => filter.mayHave(keyOf(1, `room:${n + count}`)))).toBeLessThan(0.002);
  expect(share((n) => filter.mayHave(keyOf(2, `room:${n}`)))).toBeLessThan(0.002);
  expect(share((n) => filter.mayHave(keyOf(n + 2, undefined)))).toBeLessThan(0.002);
});

it("is as large as it says", () => {
  for (const keys of [0, 1, 2, 3, 1_000, 50_001]) {
    expect(new TagFilter(keys).bytes).toBe(TagFilter.bytesFor(keys));
  }
});

it("has keys for what is wanted, and none when that is everything", () => {
  expect(keysOf(1, everything)).toBeUndefined();
  const tags = new Set(["a", "b"]);
  const tagged = [keyOf(1, "a"), keyOf(1, "b")];
  expect(keysOf(1, { ...everything, tags, untagged: false })).toEqual(tagged);
  expect(keysOf(1, { ...everything, tags, untagged: true })).toEqual([
    ...tagged,
    keyOf(1, undefined),
  ]);
  expect(keysOf(1, { ...everything, tags: new Set(), untagged: false })).toEqual([]);
});
