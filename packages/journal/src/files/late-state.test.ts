/** A follower whose state comes late. Goal: nobody waits for it, and what is on the disk is never ahead of the record. */
import { expect, it } from "vitest";
import type { JournalStatus } from "../journal.ts";
import { entry, ManualClock, RecordingFollower, SimulatedDisk, session } from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";
import type { FilesJournalOptions } from "./options.ts";

const kilobyte = "k".repeat(1_000);

class LateFollower extends RecordingFollower {
  /** Gives the state that was asked for last; undefined when none was. */
  answer: ((state: string) => void) | undefined;
  fail: ((error: Error) => void) | undefined;

  override checkpoint(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.answer = (state) => resolve(new TextEncoder().encode(state));
      this.fail = reject;
    });
  }
}

async function open(disk: SimulatedDisk, options: FilesJournalOptions = {}) {
  const fixed = { minimumFreeBytes: 0, clock: new ManualClock(), disk: disk.newProcess() };
  const journal = await openFilesJournal("/store", { segmentBytes: 65_536, ...fixed, ...options });
  const stream = await journal.stream("/");
  return { journal, stream };
}

/** Fills segments until a state is asked for. @returns the head of then */
async function askedFor(
  { stream }: Awaited<ReturnType<typeof open>>,
  follower: LateFollower,
): Promise<number> {
  stream.follow(follower);
  while (follower.answer === undefined) await follower.append(stream, entry(kilobyte));
  // The record with which the next segment begins was on its way.
  return stream.head - 1;
}

const microtasks = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await Promise.resolve();
};

it("comes back as of when it was asked for, with what came later; commits do not wait", async () => {
  const disk = new SimulatedDisk();
  const opened = await open(disk);
  const follower = new LateFollower();
  const head = await askedFor(opened, follower);
  await follower.append(opened.stream, session("meanwhile"), entry("x"), session("too"));
  const names = async () => (await disk.clone().newProcess().list("/store")).join(" ");
  await microtasks(1_000);
  expect(await names()).not.toContain("000000000002.checkpoint");
  follower.answer?.("with meanwhile");
  await microtasks(1_000);
  expect(await names()).toContain("000000000002.checkpoint");

  const { stream } = await open(disk);
  const { checkpoint, records } = stream.follow(new RecordingFollower());
  expect(Buffer.from(checkpoint?.state ?? []).toString()).toBe("with meanwhile");
  expect(checkpoint?.offset).toBe(head);
  expect(records.map(({ body }) => Buffer.from(body).toString())).toEqual(["meanwhile", "too"]);
});

it("is written when all that may be in it is on the disk, whatever a commit survives", async () => {
  const disk = new SimulatedDisk();
  const opened = await open(disk, { durability: "process" });
  const follower = new LateFollower();
  await askedFor(opened, follower);
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
  const follower = new LateFollower();
  await askedFor(opened, follower);
  follower.fail?.(new Error("too long for a string"));
  await microtasks(1_000);
  expect(told.map(({ state }) => state)).toEqual(["failed"]);
  expect(told[0]?.error?.message).toContain("too long for a string");
});
