/** Which entries are handed over together. Each member of the room is to be owed all of them, or none. */
import { expect, it } from "vitest";
import { EntryRun } from "./entry-run.ts";
import { LaneEntry } from "./lane-records.ts";
import { OutgoingPacket } from "./outgoing-packet.ts";

const burst = 16 * 1024;

interface Shape {
  readonly tags?: readonly string[];
  readonly except?: readonly string[];
  readonly expiresMs?: number;
  readonly characters?: number;
}

function entryOf({ tags = ["a"], except = [], expiresMs, characters = 10 }: Shape = {}): LaneEntry {
  const packet = new OutgoingPacket("message", "x".repeat(characters));
  const content = { tags, except, body: packet.textBytes(), format: 0, expiresMs };
  return new LaneEntry({ ...content, messageId: undefined }, packet);
}

const alone: [string, Shape][] = [
  ["another room", { tags: ["b"] }],
  ["two rooms", { tags: ["a", "b"] }],
  ["everybody", { tags: [] }],
  ["all but some", { except: ["b"] }],
  ["a while only", { expiresMs: 1 }],
];

it.each(alone)("does not go on with what is for %s", (_name, shape) => {
  const run = new EntryRun(entryOf());
  expect(run.takes(entryOf(shape), burst)).toBe(false);
  expect(run.packets).toBeUndefined();
});

it.each(alone.slice(1))("goes on with nothing after what is for %s", (_name, shape) => {
  expect(new EntryRun(entryOf(shape)).takes(entryOf(shape), burst)).toBe(false);
});

it("does not go on with, or after, what asks for answers", () => {
  const acks = { id: 1, packet: entryOf().packet, ack: () => {}, sessions: new Set<never>() };
  const asking = entryOf();
  asking.acks = acks;
  expect(new EntryRun(entryOf()).takes(asking, burst)).toBe(false);
  expect(new EntryRun(asking).takes(entryOf(), burst)).toBe(false);
});

it("is at most so many bytes, but for a first entry that is larger", () => {
  const run = new EntryRun(entryOf({ characters: 7_000 }));
  expect(run.takes(entryOf({ characters: 7_000 }), burst)).toBe(true);
  expect(run.takes(entryOf({ characters: 7_000 }), burst)).toBe(false);
  expect(run.takes(entryOf({ characters: 1_000 }), burst)).toBe(true);
  expect(run.packets).toHaveLength(3);
  expect(run.bytes).toBe(run.packets?.packets.reduce((sum, { size }) => sum + size, 0));
  expect(new EntryRun(entryOf({ characters: 20_000 })).takes(entryOf(), burst)).toBe(false);
});

it("is at most 64 entries, in their order", () => {
  const entries = Array.from({ length: 70 }, () => entryOf());
  const [first, ...rest] = entries as [LaneEntry, ...LaneEntry[]];
  const run = new EntryRun(first);
  const taken = rest.filter((entry) => run.takes(entry, burst));
  expect(taken).toEqual(entries.slice(1, 64));
  expect(run.packets?.packets).toEqual(entries.slice(0, 64).map(({ packet }) => packet));
  expect(run.last).toBe(entries[63]);
});
