/** The memory of blocks is used again. Goal: never while a group of them is on its way to the disk, or is told. */
import { expect, it } from "vitest";
import {
  entry,
  everything,
  ManualClock,
  RecordingFollower,
  SimulatedDisk,
} from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";

const mebibyte = 1024 ** 2;

/** No entry is like another, and three of them are more than a block has. */
const bodyOf = (n: number): string => `${n} `.padEnd(400_000, String.fromCharCode(97 + (n % 26)));

async function open(disk: SimulatedDisk, durability: "disk" | "process") {
  const process = disk.newProcess();
  const journal = await openFilesJournal("/store", {
    minimumFreeBytes: 0,
    clock: new ManualClock(),
    disk: process,
    durability,
    // Each block goes as soon as there are three.
    cacheBytes: 0,
    segmentBytes: 64 * mebibyte,
  });
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  return { journal, stream, follower };
}

it.each(["disk", "process"] as const)(
  "has each entry as it was written (%s)",
  async (durability) => {
    const disk = new SimulatedDisk();
    const { journal, stream, follower } = await open(disk, durability);
    let count = 0;
    // Some wait for others, some come while others are told, and many fill blocks while one group is on its way.
    follower.onFate = () => {
      if (count < 45 && count % 3 === 0) stream.append([entry(bodyOf(count++))]);
    };
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 10; n++) stream.append([entry(bodyOf(count++))]);
      await follower.told(count);
    }
    await journal.close();

    const again = await open(disk, durability);
    const { entries } = await again.stream.read(everything);
    expect(entries.map(({ body }) => new TextDecoder().decode(body))).toEqual(
      follower.fates.map(({ record }) => new TextDecoder().decode(record.body)),
    );
    expect(entries.length).toBe(count);
    await again.journal.close();
  },
);
