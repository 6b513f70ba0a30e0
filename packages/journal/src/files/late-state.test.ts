/**
 * A follower whose state comes late. Goal: nobody waits for it, what is on the disk is never ahead of the record, and one
 * state at a time is in memory, however fast segments get full.
 */
import { expect, it } from "vitest";
import type { JournalStatus, Stream } from "../journal.ts";
import {
  entry,
  everything,
  ManualClock,
  RecordingFollower,
  SimulatedDisk,
  session,
} from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";
import type { FilesJournalOptions } from "./options.ts";

const kilobyte = "k".repeat(1_000);

class LateFollower extends RecordingFollower {
  /** Gives the state that was asked for last; undefined when none was. */
  answer: ((state: string) => void) | undefined;
  fail: ((error: Error) => void) | undefined;
  /** The head of the stream each time that the state was asked for. */
  readonly askedAt: number[] = [];
  readonly #stream: Stream;

  constructor(stream: Stream) {
    super();
    this.#stream = stream;
    stream.follow(this);
  }

  override checkpoint(): Promise<Uint8Array> {
    this.askedAt.push(this.#stream.head);
    return new Promise((resolve, reject) => {
      this.answer = (state) => resolve(new TextEncoder().encode(state));
      this.fail = reject;
    });
  }
}

async function open(disk: SimulatedDisk, options: FilesJournalOptions = {}) {
  const clock = new ManualClock();
  const fixed = { minimumFreeBytes: 0, clock, disk: disk.newProcess() };
  const journal = await openFilesJournal("/store", { segmentBytes: 65_536, ...fixed, ...options });
  const stream = await journal.stream("/");
  return { journal, stream, clock };
}

/** Fills segments until a state is asked for. */
async function untilAsked(stream: Stream): Promise<LateFollower> {
  const follower = new LateFollower(stream);
  while (follower.answer === undefined) await follower.append(stream, entry(kilobyte));
  return follower;
}

const namesOf = (disk: SimulatedDisk, kind: string): number[] =>
  disk
    .paths()
    .filter((path) => path.endsWith(`.${kind}`))
    .map((path) => Number.parseInt(path.slice("/store/".length), 10));

const microtasks = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await Promise.resolve();
};

it("comes back as of when it was asked for, with what came later; commits do not wait", async () => {
  const disk = new SimulatedDisk();
  const opened = await open(disk);
  const follower = await untilAsked(opened.stream);
  await follower.append(opened.stream, session("meanwhile"), entry("x"), session("too"));
  await microtasks(1_000);
  expect(namesOf(disk, "checkpoint")).toEqual([1]);
  follower.answer?.("with meanwhile");
  await microtasks(1_000);
  expect(namesOf(disk, "checkpoint")).toEqual([2]);

  const { stream } = await open(disk);
  const { checkpoint, records } = stream.follow(new RecordingFollower());
  expect(Buffer.from(checkpoint?.state ?? []).toString()).toBe("with meanwhile");
  expect([checkpoint?.offset]).toEqual(follower.askedAt);
  expect(records.map(({ body }) => Buffer.from(body).toString())).toEqual(["meanwhile", "too"]);
});

/** What a segment that is full leaves behind: its message ids, too, so that a checkpoint has files to name. */
async function fillSegments(
  { stream, follower }: { stream: Stream; follower: LateFollower },
  disk: SimulatedDisk,
  count: number,
): Promise<void> {
  const until = Math.max(...namesOf(disk, "segment")) + count;
  while (!namesOf(disk, "segment").includes(until)) {
    const id = String(stream.head);
    const messageId = { producer: "p", id, digest: id };
    await follower.append(stream, entry(kilobyte, { messageId }), session(id));
    await microtasks(100);
  }
}

it.each(["disk", "process"] as const)(
  "class %s: is asked for once while segments get full; then it is asked for as of then, and old segments go",
  async (durability) => {
    const disk = new SimulatedDisk();
    const options = { durability, retention: { entries: 50 } };
    const { stream, clock } = await open(disk, options);
    const follower = await untilAsked(stream);
    await fillSegments({ stream, follower }, disk, 5);
    clock.advance(1_000);
    await microtasks(1_000);
    // Their indexes and ids do not wait for the state; what a checkpoint is still to be made for stays.
    expect([follower.askedAt.length, namesOf(disk, "checkpoint")]).toEqual([1, [1]]);
    expect(namesOf(disk, "index")).toEqual([1, 2, 3, 4, 5, 6]);
    expect(namesOf(disk, "ids")).toEqual([2, 3, 4, 5, 6]);
    expect(namesOf(disk, "segment")[0]).toBe(1);

    follower.answer?.("first");
    await microtasks(1_000);
    expect([follower.askedAt.length, namesOf(disk, "checkpoint")]).toEqual([2, [2]]);
    // It was asked for in the midst of a segment.
    expect(follower.askedAt[1]).toBe(stream.head);
    await follower.append(stream, session("later"));
    follower.answer?.("second");
    await microtasks(1_000);
    expect([follower.askedAt.length, namesOf(disk, "checkpoint")]).toEqual([2, [3]]);
    clock.advance(1_000);
    await microtasks(1_000);
    expect(namesOf(disk, "segment")[0]).toBeGreaterThan(4);

    for (const left of [disk.clone(), disk.afterPowerCut("lose all")]) {
      const again = await open(left, options);
      const { checkpoint, records } = again.stream.follow(new RecordingFollower());
      expect(Buffer.from(checkpoint?.state ?? []).toString()).toBe("second");
      expect(checkpoint?.offset).toBe(follower.askedAt[1]);
      expect(records.map(({ body }) => Buffer.from(body).toString())).toEqual(["later"]);
      expect([again.stream.head, again.stream.tail]).toEqual([stream.head, stream.tail]);
      const { entries, gaps } = await again.stream.read(everything);
      expect([entries.length, gaps.map(({ reason }) => reason)]).toEqual([50, ["retention"]]);
      const repeated = new LateFollower(again.stream);
      const messageId = { producer: "p", id: "120", digest: "120" };
      const fates = await repeated.append(again.stream, entry("again", { messageId }));
      expect(fates.map(({ kind }) => kind)).toEqual(["duplicate"]);
    }
  },
);

it("ends with the state that is being made and the last one, whatever has got full meanwhile", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream } = await open(disk);
  const follower = await untilAsked(stream);
  await fillSegments({ stream, follower }, disk, 3);
  const closing = journal.close();
  await microtasks(1_000);
  follower.answer?.("the one that was made");
  await microtasks(1_000);
  expect(follower.askedAt.slice(1)).toEqual([stream.head]);
  follower.answer?.("the last one");
  await closing;
  expect(namesOf(disk, "checkpoint")).toEqual([3]);

  const again = await open(disk);
  const { checkpoint, records } = again.stream.follow(new RecordingFollower());
  expect(Buffer.from(checkpoint?.state ?? []).toString()).toBe("the last one");
  expect([checkpoint?.offset, records]).toEqual([stream.head, []]);
});

it("is written when all that may be in it is on the disk, whatever a commit survives", async () => {
  const disk = new SimulatedDisk();
  const opened = await open(disk, { durability: "process" });
  const follower = await untilAsked(opened.stream);
  await follower.append(opened.stream, session("in it"));
  const { head } = opened.stream;
  follower.answer?.("with it");
  await microtasks(1_000);

  const { stream } = await open(disk.afterPowerCut("lose all"), { durability: "process" });
  const { checkpoint } = stream.follow(new RecordingFollower());
  expect(Buffer.from(checkpoint?.state ?? []).toString()).toBe("with it");
  expect(stream.head).toBe(head);
});

it("ends the journal when the follower cannot say it", async () => {
  const opened = await open(new SimulatedDisk());
  const told: JournalStatus[] = [];
  opened.journal.onStatus = (status) => told.push(status);
  const follower = await untilAsked(opened.stream);
  follower.fail?.(new Error("too long for a string"));
  await microtasks(1_000);
  expect(told.map(({ state }) => state)).toEqual(["failed"]);
  expect(told[0]?.error?.message).toContain("too long for a string");
});
