/** The newest entries in memory: how many are kept, and what is known not to be there. */
import { expect, it } from "vitest";
import { LaneEntry } from "./lane-records.ts";
import { OutgoingPacket } from "./outgoing-packet.ts";
import { RecentEntries } from "./recent-entries.ts";

/** An entry that takes 108 bytes. */
function entryAt(offset: number): LaneEntry {
  const packet = new OutgoingPacket("message", "x".repeat(100));
  const content = { tags: [], except: [], body: packet.textBytes(), format: 0 };
  const entry = new LaneEntry({ ...content, messageId: undefined, expiresMs: undefined }, packet);
  entry.offset = offset;
  return entry;
}

function offsetsAfter(recent: RecentEntries, offset: number): number[] {
  const offsets: number[] = [];
  recent.visitAfter(offset, (entry) => offsets.push(entry.offset) > 0);
  return offsets;
}

it("keeps as many as it may, and knows what it does not have any more", () => {
  const recent = new RecentEntries(1e6, 3, 10);
  for (const offset of [11, 12, 14]) recent.push(entryAt(offset));
  expect(recent.covers(10)).toBe(true);
  recent.push(entryAt(15));
  expect(recent.covers(10)).toBe(false);
  expect(recent.covers(11)).toBe(true);
  expect(offsetsAfter(recent, 11)).toEqual([12, 14, 15]);
  expect(recent.countAfter(12)).toBe(2);
});

it("keeps no more bytes than it may, but for the newest entry", () => {
  const recent = new RecentEntries(250, 100, 0);
  for (const offset of [1, 2, 3]) recent.push(entryAt(offset));
  expect(offsetsAfter(recent, 0)).toEqual([2, 3]);
  const small = new RecentEntries(50, 100, 0);
  small.push(entryAt(1));
  expect(offsetsAfter(small, 0)).toEqual([1]);
});

it("goes on like that for thousands", () => {
  const recent = new RecentEntries(1e6, 7, 0);
  for (let offset = 1; offset <= 5000; offset++) {
    recent.push(entryAt(offset));
    expect(recent.countAfter(0)).toBe(Math.min(offset, 7));
  }
  expect(offsetsAfter(recent, 0)).toEqual([4994, 4995, 4996, 4997, 4998, 4999, 5000]);
});
