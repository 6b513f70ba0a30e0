/** What a salvage tells: of files that are missing, and, killed, of what it has taken out by then, by whichever run comes to its end. */
import { expect, it } from "vitest";
import {
  entry,
  everything,
  ManualClock,
  RecordingFollower,
  SeededRandom,
  SimulatedDisk,
} from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";
import { salvage } from "./salvage.ts";
import { verify } from "./verify.ts";

const small = { segmentBytes: 64 * 1024, minimumFreeBytes: 0 };

async function open(disk: SimulatedDisk) {
  const random = new SeededRandom(disk.calls + 1);
  const options = { ...small, clock: new ManualClock(), random, disk: disk.newProcess() };
  const journal = await openFilesJournal("/store", options);
  return { journal, stream: await journal.stream("/") };
}

const run = (disk: SimulatedDisk) =>
  salvage("/store", { ...small, clock: new ManualClock(), disk: disk.newProcess() });

/**
 * Goal: what was lost ends the epoch. Method: the last record is damaged; a salvage is killed before each of its calls
 * in turn; the store that is left opens with another epoch, or not before it was salvaged again, with another epoch.
 */
it("begins another epoch, however often it is killed before", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream } = await open(disk);
  const follower = new RecordingFollower();
  stream.follow(follower);
  for (const text of ["first", "second", "third"]) await follower.append(stream, entry(text));
  await journal.close();
  const bytes = disk.bytes("/store/000000000001.segment");
  bytes.fill(7, Buffer.from(bytes).indexOf("second") - 42);

  const images: SimulatedDisk[] = [];
  const whole = disk.clone();
  whole.onCall = ({ number }) => {
    if (number > 0) images.push(whole.clone());
    return undefined;
  };
  await run(whole);
  expect(images.length).toBeGreaterThan(10);
  for (const [index, image] of images.entries()) {
    let left = await open(image).catch((error: unknown) => {
      expect(error).toMatchObject({ code: "HF_STORE_CORRUPT" });
    });
    if (left === undefined) {
      const { problems } = await verify("/store", { disk: image.newProcess() });
      expect(problems.some(({ harmless }) => !harmless)).toBe(true);
      await run(image);
      left = await open(image);
    }
    expect([index, left.stream.epochs.length > 1, left.stream.epochs[0]?.end]).toEqual([
      index,
      true,
      1,
    ]);
    await left.journal.close();
  }
});

/**
 * Goal: a file that is missing is told, wherever it was, and ends the epoch. Method: the oldest segment, the one at which
 * reading begins, all of them, or all checkpoints are gone, of a store of one segment and of one with several.
 */
it.each([
  ["the only segment with records", 3, /000000000001\.segment$/, 0],
  ["the oldest segment", 150, /000000000001\.segment$/, 0],
  ["the segment at which reading begins", 150, /000000000003\.segment$/, undefined],
  ["every segment", 150, /\.segment$/, 0],
  ["the oldest segment, and every checkpoint", 150, /000000000001\.segment$|checkpoint$/, 0],
])("tells that %s is missing, and begins another epoch", async (_, count, gone, completeTo) => {
  const disk = new SimulatedDisk();
  const { journal, stream } = await open(disk);
  const follower = new RecordingFollower();
  stream.follow(follower);
  for (let n = 0; n < count; n++) await follower.append(stream, entry("k".repeat(1_000)));
  const [former] = stream.epochs;
  await journal.close();
  for (const path of disk.paths()) if (gone.test(path)) disk.remove(path);
  expect((await verify("/store", { disk: disk.newProcess() })).problems).not.toEqual([]);

  const { problems, streams } = await run(disk);
  expect(problems[0]).toMatchObject({ what: expect.stringContaining("it is missing") });
  const known = streams.find(({ name }) => name === "/");
  if (completeTo !== undefined) expect(known?.completeTo ?? 0).toBe(completeTo);
  expect((await verify("/store", { disk: disk.newProcess() })).problems).toEqual([]);

  const left = await open(disk);
  expect(left.stream.epochs.at(-1)?.id).not.toBe(former?.id);
  const { entries, gaps } = await left.stream.read(everything);
  const isThere = new Set(entries.map(({ offset }) => offset));
  const end = left.stream.epochs.find(({ id }) => id === former?.id)?.end ?? 0;
  for (let offset = 1; offset <= count; offset++) {
    const isTold = offset > end || gaps.some(({ from, to }) => offset > from && offset <= to);
    expect([offset, isThere.has(offset) || isTold]).toEqual([offset, true]);
  }
  await left.journal.close();
});

/**
 * Goal: what stood right before a checkpoint within a segment is not forgotten because the checkpoint knows it. Method: one
 * is made behind three entries, the last ones of which are damaged; later ones are whole, in this segment and in others.
 */
it.each([
  ["one of them, and one comes after them", 1, 2],
  ["two of them, and one comes after them", 1, 3],
  ["two of them, and a segment comes after them", 80, 3],
])("tells that what is before the checkpoint is lost: %s", async (_, after, lostTo) => {
  const disk = new SimulatedDisk();
  const tags = ["room"];
  const { journal, stream } = await open(disk);
  const follower = new RecordingFollower();
  stream.follow(follower);
  for (const text of ["first", "second", "third"]) {
    await follower.append(stream, entry(text, { tags }));
  }
  await journal.close();
  const second = await open(disk);
  // The checkpoint of the opening stays the newest one.
  follower.checkpoint = () => new Promise(() => {});
  second.stream.follow(follower);
  for (let n = 0; n < after; n++) {
    await follower.append(second.stream, entry("k".repeat(1_000), { tags }));
  }
  const image = disk.clone();
  const bytes = image.bytes("/store/000000000001.segment");
  const place = (text: string): number => Buffer.from(bytes).indexOf(text);
  bytes.fill(7, place("second") - 42, place(lostTo === 2 ? "second" : "third") + 5);

  const { streams } = await run(image);
  expect(streams).toEqual([{ name: "/", completeTo: 1 }]);
  // Opened twice: what was lost is as well known when the checkpoint is a later one.
  await (await open(image)).journal.close();
  const left = await open(image);
  expect(left.stream.head).toBe(3 + after);
  expect(left.stream.epochs[0]?.end).toBe(1);
  const { entries, gaps } = await left.stream.read({ ...everything, tags: new Set(tags) });
  expect(gaps).toEqual([{ from: 1, to: lostTo, reason: "corrupt" }]);
  expect(entries.length).toBe(3 + after - (lostTo - 1));
  await left.journal.close();
});
