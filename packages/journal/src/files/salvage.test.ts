/** A salvage that is killed: what it has taken out by then must still be told, by whichever run comes to its end. */
import { expect, it } from "vitest";
import {
  entry,
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
