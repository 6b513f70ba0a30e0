/** Pages that are partly in memory: what was read a moment ago is there at once, and what is not is read once. */
import { expect, it } from "vitest";
import type { ReadRequest, Stream } from "../journal.ts";
import {
  entry,
  everything,
  ManualClock,
  RecordingFollower,
  SimulatedDisk,
} from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";

const count = 2_000;
const bytes = 5_000_000;

interface Filling {
  readonly readCacheBytes?: number;
  /** How long the bodies are, about. */
  readonly bodyBytes?: number;
}

/** A journal of five megabytes in one segment, of which only the newest are in memory; and how its disk is read. */
async function filled({ readCacheBytes, bodyBytes = bytes / count }: Filling = {}) {
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
  const open = () =>
    openFilesJournal("/store", {
      segmentBytes: 16 * 1024 * 1024,
      minimumFreeBytes: 0,
      cacheBytes: 0,
      ...(readCacheBytes !== undefined && { readCacheBytes }),
      clock: new ManualClock(),
      disk: disk.newProcess(),
    });
  const journal = await open();
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  const total = Math.round(bytes / bodyBytes);
  for (let n = 0; n < total; n += 100) {
    const some = Array.from({ length: Math.min(100, total - n) }, (_, index) => {
      const length = Math.round(bodyBytes * (0.5 + (((n + index) * 37) % 100) / 100));
      return follower.append(stream, entry("k".repeat(length)));
    });
    await Promise.all(some);
  }
  return { journal, stream, open, reads: () => reads, mostAtOnce: () => mostOfTurn };
}

async function offsetsOf(stream: Stream, wanted: ReadRequest): Promise<number[]> {
  const { entries, gaps } = await stream.read(wanted);
  expect(gaps).toEqual([]);
  return entries.map(({ offset }) => offset);
}

it("is there at once when it was read a moment ago, also what stands across two windows", async () => {
  const { journal, stream, reads } = await filled();
  expect(stream.read(everything)).toBeInstanceOf(Promise);
  await stream.read(everything);
  const before = reads();
  expect(stream.read(everything)).not.toBeInstanceOf(Promise);
  expect(reads()).toBe(before);
  await journal.close();
});

it.each(["forward", "backward"] as const)(
  "goes on on the disk where memory ends, with nothing twice and nothing left out: %s",
  async (direction) => {
    const forward = Array.from({ length: count }, (_, index) => index + 1);
    const expected = direction === "forward" ? forward : forward.reverse();
    const wanted: ReadRequest = {
      ...everything,
      from: direction === "forward" ? 0 : count + 1,
      direction,
    };
    const { journal, open } = await filled();
    await journal.close();
    for (const part of [1, 50, 600, 1_999]) {
      const again = await open();
      const stream = await again.stream("/");
      expect(await offsetsOf(stream, { ...wanted, maxEntries: part })).toEqual(
        expected.slice(0, part),
      );
      expect(await offsetsOf(stream, wanted)).toEqual(expected);
      await again.close();
    }
  },
);

it.each([2_000, 8_000, 20_000, 60_000])(
  "reads of bodies of %i bytes not much more than it gives, and less the next time",
  async (bodyBytes) => {
    const { journal, stream, reads } = await filled({ bodyBytes });
    const page: ReadRequest = { ...everything, maxBytes: 256 * 1024 };
    const before = reads();
    await stream.read(page);
    const first = reads() - before;
    await stream.read(page);
    // 256 KiB are four or five windows; and one more read for each frame that stands across the end of one.
    expect(first).toBeLessThanOrEqual(11);
    expect(reads() - before - first).toBeLessThanOrEqual(8);
    await journal.close();
  },
);

it("reads nothing for one entry but where that stands", async () => {
  const { journal, stream, reads } = await filled();
  const before = reads();
  await stream.read({ ...everything, maxEntries: 1 });
  expect(reads() - before).toBe(1);
  await journal.close();
});

it.each([
  { readCacheBytes: 32 * 1024 * 1024, atOnce: 4 },
  // What is read ahead would be gone before it is wanted.
  { readCacheBytes: 256 * 1024, atOnce: 1 },
])(
  "reads ahead where there is room for it: $readCacheBytes",
  async ({ readCacheBytes, atOnce }) => {
    const { journal, stream, mostAtOnce } = await filled({ readCacheBytes });
    const page = await stream.read(everything);
    expect(page.entries).toHaveLength(count);
    expect(mostAtOnce()).toBeLessThanOrEqual(atOnce);
    expect(mostAtOnce() > 1).toBe(atOnce > 1);
    await journal.close();
  },
);
