/** Groups that are full go to the disk while the turn that makes them goes on, and while the one before is told. */
import { expect, it } from "vitest";
import {
  type DiskCall,
  entry,
  ManualClock,
  RecordingFollower,
  SimulatedDisk,
} from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";
import type { FilesJournalOptions } from "./options.ts";

const kilobyte = "k".repeat(1_000);

async function open(disk: SimulatedDisk, options: FilesJournalOptions = {}) {
  const process = disk.newProcess();
  const fixed = { minimumFreeBytes: 0, clock: new ManualClock(), disk: process };
  const journal = await openFilesJournal("/store", { groupBytes: 4_500, ...fixed, ...options });
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  // The first record of an opening has an epoch before it.
  await follower.append(stream, entry("first"));
  return { journal, stream, follower };
}

/** Writes down what is done to the record from now on. */
function watch(disk: SimulatedDisk): string[] {
  const calls: string[] = [];
  disk.onCall = ({ name, path }: DiskCall) => {
    if (path.endsWith(".segment")) calls.push(name);
    return undefined;
  };
  return calls;
}

function failWrite(disk: SimulatedDisk, nth: number): void {
  let writes = 0;
  disk.onCall = ({ name, path }) =>
    name === "write" && path.endsWith(".segment") && ++writes === nth
      ? { error: "EIO" }
      : undefined;
}

const texts = (follower: RecordingFollower): string[] =>
  follower.fates.map(({ kind, record }) => `${kind} ${new TextDecoder().decode(record.body)}`);

const range = (count: number, of: (n: number) => string): string[] =>
  Array.from({ length: count }, (_, n) => of(n));

it("is written in the midst of a turn, and what comes after it with the next", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream, follower } = await open(disk);
  const calls = watch(disk);
  const written: number[] = [];
  for (let n = 0; n < 12; n++) {
    stream.append([entry(kilobyte + String(n))]);
    written.push(calls.length);
  }
  // Five of them are more than 4,500 bytes. The second group waits for the flush of the first.
  expect(written).toEqual([0, 0, 0, 0, ...Array.from({ length: 8 }, () => 1)]);
  await follower.told(13);
  expect(calls).toEqual(["write", "flush", "write", "flush"]);
  expect(texts(follower).slice(1)).toEqual(range(12, (n) => `committed ${kilobyte}${n}`));
  await journal.close();
});

it("goes to the disk before the group that is on it is told", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream, follower } = await open(disk);
  const calls = watch(disk);
  const callsWhenTold: number[] = [];
  follower.onFate = () => callsWhenTold.push(calls.length);
  for (let n = 0; n < 10; n++) stream.append([entry(kilobyte + String(n))]);
  await follower.told(11);
  // write and flush of the first, write of the second: then the first is told.
  expect(callsWhenTold.slice(0, 5)).toEqual([3, 3, 3, 3, 3]);
  await journal.close();
});

it("never ends within a batch", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream, follower } = await open(disk);
  const calls = watch(disk);
  stream.append(range(20, (n) => kilobyte + String(n)).map((text) => entry(text)));
  await follower.told(21);
  expect(calls).toEqual(["write", "flush"]);
  await journal.close();
});

it("waits for the end of the turn where no flush is waited for", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream, follower } = await open(disk, { durability: "process" });
  const calls = watch(disk);
  for (let n = 0; n < 12; n++) stream.append([entry(kilobyte)]);
  expect(calls).toEqual([]);
  await follower.told(13);
  expect(calls).toEqual(["write"]);
  await journal.close();
});

it.each([
  ["the first", 1],
  ["the second, when the first is on the disk and not told yet", 2],
])("acknowledges nothing when its write fails at once: %s", async (_which, nth) => {
  const disk = new SimulatedDisk();
  const { journal, stream, follower } = await open(disk);
  failWrite(disk, nth);
  for (let n = 0; n < 12; n++) stream.append([entry(String(n) + kilobyte)]);
  await follower.told(13);
  expect(texts(follower).slice(1)).toEqual(range(12, (n) => `refused ${n}${kilobyte}`));
  expect(journal.status.state).toBe("failed");
  await journal.close();
});

it("does not fail while others are told: they would be acknowledged after an error", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream, follower } = await open(disk);
  failWrite(disk, 2);
  follower.onFate = ({ kind }) => {
    if (kind !== "committed") return;
    for (let n = 0; n < 5; n++) stream.append([entry(`again ${kilobyte}`)]);
  };
  for (let n = 0; n < 3; n++) stream.append([entry(String(n))]);
  await follower.told(4 + 3 * 5);
  const kinds = follower.fates.slice(1).map(({ kind }) => kind);
  expect(kinds).toEqual([...range(3, () => "committed"), ...range(15, () => "refused")]);
  await journal.close();
});

it("is refused after the call that has filled it, and what the call repeats with it", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream, follower } = await open(disk);
  const messageId = (id: string) => ({ messageId: { producer: "p", id, digest: "d" } });
  await follower.append(stream, entry("old", messageId("old")));
  failWrite(disk, 1);
  const full = kilobyte.repeat(5);
  stream.append([
    entry(full, messageId("new")),
    entry(full, messageId("new")),
    entry("old", messageId("old")),
  ]);
  // Only a journal in memory tells within the call.
  expect(follower.fates).toHaveLength(2);
  await follower.told(5);
  expect(follower.fates.slice(2).map(({ kind }) => kind)).toEqual(range(3, () => "refused"));
  await journal.close();
});

it("is refused once, when it had waited for space", async () => {
  const disk = new SimulatedDisk({ capacity: 18 * 1024 * 1024 });
  const { journal, stream, follower } = await open(disk);
  // Larger than the segment that was made ahead, and than what is left of the disk.
  stream.append([entry("x".repeat(11 * 1024 * 1024))]);
  stream.append([entry(kilobyte.repeat(5))]);
  stream.append([entry("last")]);
  failWrite(disk, 1);
  await follower.told(4);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(follower.fates.slice(1).map(({ kind }) => kind)).toEqual(range(3, () => "refused"));
  await journal.close();
});

it("goes on where a write has taken a part of it", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream, follower } = await open(disk);
  let writes = 0;
  disk.onCall = ({ name, path }) =>
    name === "write" && path.endsWith(".segment") && ++writes < 4 ? { short: true } : undefined;
  for (let n = 0; n < 12; n++) stream.append([entry(String(n) + kilobyte)]);
  await follower.told(13);
  expect(writes).toBeGreaterThan(3);
  expect(texts(follower).slice(1)).toEqual(range(12, (n) => `committed ${n}${kilobyte}`));
  await journal.close();
});
