/** A process that dies between two steps of its upkeep or of its start: the next one opens, and promises no less. */
import { expect, it } from "vitest";
import type { Journal, Stream } from "../journal.ts";
import {
  entry,
  ManualClock,
  RecordingFollower,
  SeededRandom,
  SimulatedDisk,
  session,
} from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";
import type { FilesJournalOptions } from "./options.ts";

const clock = new ManualClock();

async function open(
  disk: SimulatedDisk,
  options: FilesJournalOptions = {},
): Promise<{ journal: Journal; stream: Stream; follower: RecordingFollower }> {
  clock.dropTimers();
  const random = new SeededRandom(disk.calls + 1);
  const small = { segmentBytes: 64 * 1024, minimumFreeBytes: 0, clock, random };
  const journal = await openFilesJournal("/store", {
    ...small,
    ...options,
    disk: disk.newProcess(),
  });
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  return { journal, stream, follower };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const segments = (disk: SimulatedDisk): string[] =>
  disk.paths().filter((path) => path.endsWith(".segment"));

const kilobyte = "k".repeat(1_000);

it.each([
  ["session records alone", 0],
  ["entries that are dropped, and session records", 1],
])("drops a segment of %s with its tail, also when it was killed before", async (_, entries) => {
  const disk = new SimulatedDisk();
  const retention = { entries: 10, ageMs: 1_000 };
  const first = await open(disk, { retention });
  for (let n = 0; n < entries; n++) await first.follower.append(first.stream, entry("a"));
  clock.advance(2_000);
  await settle();
  for (let n = 0; n < 70; n++) await first.follower.append(first.stream, session(kilobyte));
  await first.follower.append(first.stream, entry("b"));
  await settle();
  expect(segments(disk).length).toBeGreaterThan(1);

  await open(disk, { retention: { entries: 10 } });
  clock.advance(1_100);
  await settle();
  expect(segments(disk)[0]).not.toBe("/store/000000000001.segment");

  const third = await open(disk, { retention: { entries: 10 } });
  expect(third.stream.head).toBe(entries + 71);
  await third.journal.close();
});

/** What is unlinked may be gone at once, without a flush; what says that nobody needs it must be on the disk by then. */
it.each(["process", "memory"] as const)(
  "class %s: flushes what retention has dropped before its file goes",
  async (durability) => {
    const disk = new SimulatedDisk();
    const options = { durability, retention: { entries: 10 } };
    const { stream, follower } = await open(disk, options);
    for (let n = 0; n < 200; n++) {
      await follower.append(stream, entry(kilobyte));
      await settle();
    }
    let left: SimulatedDisk | undefined;
    disk.onCall = ({ name, path }) => {
      if (name === "unlink" && path.endsWith(".segment") && left === undefined) {
        left = disk.afterPowerCut("lose all");
        left.remove(path);
      }
      return undefined;
    };
    clock.advance(1_100);
    await settle();
    expect(left).toBeDefined();
    if (left === undefined) return;
    const again = await open(left, options);
    expect(again.stream.tail).toBe(191);
    await again.journal.close();
  },
);

/**
 * Goal: records that a power cut has taken are never forgotten. Method: class process, power cut; the next start is
 * killed before each of its calls in turn; the one after that must have another epoch.
 */
it("begins another epoch, however often the start that has to is killed", async () => {
  const disk = new SimulatedDisk();
  const options = { durability: "process" } as const;
  const first = await open(disk, options);
  await first.follower.append(first.stream, entry("a"));
  const left = disk.afterPowerCut("lose all");
  const epochs: number[] = [];
  for (let calls = 1; ; calls++) {
    const start = left.clone();
    start.bootId = left.bootId;
    let killed: SimulatedDisk | undefined;
    start.onCall = ({ number }) => {
      if (number === calls) killed = start.clone();
      return undefined;
    };
    await (await open(start, options)).journal.close();
    if (killed === undefined) break;
    const again = await open(killed, options);
    epochs.push(again.stream.epochs.length);
    await again.journal.close();
  }
  expect(epochs.length).toBeGreaterThan(5);
  expect(epochs.filter((count) => count < 2)).toEqual([]);
});

it("tells of what is on the disk before it tells that the write behind it failed", async () => {
  const held: (() => void)[] = [];
  const disk = new SimulatedDisk({ schedule: (run) => held.push(run) });
  const opening = open(disk);
  let opened = false;
  const done = opening.then(() => {
    opened = true;
  });
  while (!opened) {
    held.shift()?.();
    await settle();
  }
  await done;
  const { stream, follower } = await opening;
  held.length = 0;

  // The first is written and waits for its flush; the second is appended meanwhile, and its write fails.
  stream.append([entry("first")]);
  await settle();
  stream.append([entry("second")]);
  await settle();
  disk.onCall = ({ name }) => (name === "write" ? { error: "EIO" } : undefined);
  while (held.length > 0) held.shift()?.();
  await settle();

  expect(follower.fates.map(({ kind }) => kind)).toEqual(["committed", "refused"]);
});

it("opens again whenever it is killed while files of message ids wait for space", async () => {
  const pending: (() => void)[] = [];
  const disk = new SimulatedDisk({ schedule: (act) => void pending.push(act) });
  const run = async (until: () => boolean): Promise<void> => {
    for (let turn = 0; turn < 5_000 && !until(); turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      pending.shift()?.();
    }
  };
  let opened: Awaited<ReturnType<typeof open>> | undefined;
  void open(disk).then((life) => {
    opened = life;
  });
  await run(() => opened !== undefined);
  if (opened === undefined) throw new Error("it did not open");
  const { stream, follower } = opened;

  // Several segments fill up meanwhile: their checkpoints wait behind the ids of the first.
  disk.onCall = ({ name, path }) =>
    name === "create" && path.endsWith(".ids.temp") ? { error: "ENOSPC" } : undefined;
  const count = 10;
  for (let n = 0; n < count; n++) {
    const messageId = { producer: "p", id: String(n), digest: "d" };
    stream.append([entry(kilobyte.repeat(20), { messageId })]);
    await run(() => follower.fates.length > n);
  }
  expect(segments(disk).length).toBeGreaterThan(2);
  disk.onCall = undefined;
  clock.advance(1_000);

  const images: SimulatedDisk[] = [];
  let quiet = 0;
  await run(() => {
    images.push(disk.afterPowerCut("keep all").clone({ schedule: queueMicrotask }));
    quiet = pending.length > 0 ? 0 : quiet + 1;
    return quiet > 50;
  });
  for (const image of images) {
    const again = await open(image);
    expect(again.stream.head).toBe(count);
    await again.journal.close();
  }
  expect(images.length).toBeGreaterThan(60);
});
