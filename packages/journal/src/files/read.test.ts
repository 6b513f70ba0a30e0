/** Pages that are partly in memory: what was read a moment ago is there at once, and what is not is read once. */
import { expect, it } from "vitest";
import type { ReadRequest, Stream } from "../journal.ts";
import { entry, ManualClock, RecordingFollower, SimulatedDisk } from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";

const request = {
  from: 0,
  direction: "forward",
  tags: undefined,
  untagged: true,
  maxBytes: 1e9,
  maxEntries: 1e6,
} satisfies ReadRequest;

const count = 2_000;

/** A journal of five megabytes in one segment, of which only the newest are in memory; and how often its disk is read. */
async function filled(readCacheBytes?: number) {
  const disk = new SimulatedDisk({ schedule: (run) => void setImmediate(run) });
  let reads = 0;
  let readsOfTurn = 0;
  let mostOfTurn = 0;
  disk.onCall = ({ name }) => {
    if (name !== "read") return undefined;
    reads++;
    if (readsOfTurn === 0) {
      setImmediate(() => {
        mostOfTurn = Math.max(mostOfTurn, readsOfTurn);
        readsOfTurn = 0;
      });
    }
    readsOfTurn++;
    return undefined;
  };
  const options = {
    segmentBytes: 16 * 1024 * 1024,
    minimumFreeBytes: 0,
    cacheBytes: 0,
    ...(readCacheBytes !== undefined && { readCacheBytes }),
    clock: new ManualClock(),
    disk: disk.newProcess(),
  };
  const journal = await openFilesJournal("/store", options);
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  for (let n = 0; n < count; n += 100) {
    const some = Array.from({ length: 100 }, (_, index) => {
      return follower.append(stream, entry("k".repeat(1_000 + (((n + index) * 37) % 3_000))));
    });
    await Promise.all(some);
  }
  return { journal, stream, reads: () => reads, mostAtOnce: () => mostOfTurn };
}

async function offsetsOf(stream: Stream, wanted: ReadRequest): Promise<number[]> {
  const { entries, gaps } = await stream.read(wanted);
  expect(gaps).toEqual([]);
  return entries.map(({ offset }) => offset);
}

it("is there at once when it was read a moment ago, also what stands across two windows", async () => {
  const { journal, stream, reads } = await filled();
  expect(stream.read(request)).toBeInstanceOf(Promise);
  await stream.read(request);
  const before = reads();
  expect(stream.read(request)).not.toBeInstanceOf(Promise);
  expect(reads()).toBe(before);
  await journal.close();
});

it.each(["forward", "backward"] as const)(
  "goes on on the disk where memory ends, with nothing twice and nothing left out: %s",
  async (direction) => {
    const forward = Array.from({ length: count }, (_, index) => index + 1);
    const expected = direction === "forward" ? forward : forward.reverse();
    for (const part of [1, 50, 600, 1_999]) {
      const { journal, stream } = await filled();
      const from = direction === "forward" ? 0 : count + 1;
      const wanted: ReadRequest = { ...request, from, direction };
      expect(await offsetsOf(stream, { ...wanted, maxEntries: part })).toEqual(
        expected.slice(0, part),
      );
      expect(await offsetsOf(stream, wanted)).toEqual(expected);
      await journal.close();
    }
  },
);

it.each([
  { readCacheBytes: 32 * 1024 * 1024, atOnce: 4 },
  // What is read ahead would be gone before it is wanted.
  { readCacheBytes: 256 * 1024, atOnce: 1 },
])(
  "reads ahead where there is room for it: $readCacheBytes",
  async ({ readCacheBytes, atOnce }) => {
    const { journal, stream, mostAtOnce } = await filled(readCacheBytes);
    const page = await stream.read(request);
    expect(page.entries).toHaveLength(count);
    expect(mostAtOnce()).toBeLessThanOrEqual(atOnce);
    expect(mostAtOnce() > 1).toBe(atOnce > 1);
    await journal.close();
  },
);
