/** Where numbers end: what a frame cannot say is refused, and what may wait for a segment has a bound. */
import { expect, it } from "vitest";
import {
  entry,
  everything,
  ManualClock,
  RecordingFollower,
  SimulatedDisk,
  session,
} from "../testing/index.ts";
import { bodies, offsets } from "../testing/suite-tools.ts";
import { frameBound, frameMaxBytes, unframeable } from "./frame.ts";
import { openFilesJournal } from "./open.ts";

/** Two bytes for each character: many of them are more than the length of a frame can say, and fewer than the limit. */
it("refuses texts that are longer in a frame than a frame can be", () => {
  const wide = "漢".repeat(16_383);
  const fits = entry("", { tags: Array.from({ length: 4_095 }, () => wide) });
  const tooLong = entry("", { tags: Array.from({ length: 4_097 }, () => wide) });
  expect(frameBound(fits)).toBeLessThan(frameMaxBytes);
  expect(unframeable(fits)).toBeUndefined();
  expect(frameBound(tooLong)).toBeGreaterThan(frameMaxBytes);
  expect(unframeable(tooLong)).toMatch(/bytes; at most/);
});

const kilobyte = "k".repeat(1_000);

/** Holds back every segment that is made, until it is told to go on. */
async function withoutSegment(pendingMaxBytes: number) {
  const held: (() => void)[] = [];
  let holds = false;
  const disk = new SimulatedDisk({
    schedule: (act) => {
      if (holds) held.push(act);
      else queueMicrotask(act);
    },
  });
  const journal = await openFilesJournal("/store", {
    segmentBytes: 64 * 1024,
    minimumFreeBytes: 0,
    pendingMaxBytes,
    clock: new ManualClock(),
    disk: disk.newProcess(),
  });
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  return {
    disk,
    journal,
    stream,
    follower,
    hold: () => {
      holds = true;
    },
    goOn: () => {
      holds = false;
      for (const act of held.splice(0)) queueMicrotask(act);
    },
  };
}

it("counts what waits for a segment once, and refuses what is more, the last of it", async () => {
  const { journal, stream, follower, hold, goOn } = await withoutSegment(140_000);
  hold();
  // 64 KiB have room, the next segment is there; the rest waits for the one after it.
  for (let n = 0; n < 160; n++) stream.append([entry(kilobyte)]);
  stream.append([session("s")]);
  goOn();
  await follower.told(161);
  const kinds = follower.fates.map(({ kind }) => kind);
  const refused = kinds.indexOf("refused");
  expect(refused).toBeGreaterThan(100);
  expect(kinds.slice(0, refused).every((kind) => kind === "committed")).toBe(true);
  expect(kinds.slice(refused, 160).every((kind) => kind === "refused")).toBe(true);
  expect(kinds[160]).toBe("committed");
  expect(stream.head).toBe(refused + 1);
  await journal.close();
});

/**
 * Goal: what waits is taken in the order in which it came, once, also when somebody appends from within. Method: entries wait
 * for a segment for which there is no space; whoever is told that the store is full appends a session record at once.
 */
it("takes what waits in its order, and what is appended meanwhile after it", async () => {
  const { journal, stream, follower, disk, hold, goOn } = await withoutSegment(1_000_000);
  hold();
  // The next segment is there: these fill both.
  for (let n = 0; n < 200; n++) stream.append([entry(`${n} ${kilobyte}`)]);
  stream.append([session("before")]);
  disk.onCall = ({ name, path }) =>
    name === "create" && path.includes(".segment") ? { error: "ENOSPC" } : undefined;
  const states: string[] = [];
  journal.onStatus = ({ state }) => {
    states.push(state);
    if (state === "full") stream.append([session("from within"), entry("from within")]);
  };
  goOn();
  await follower.told(203);
  expect(states).toEqual(["full"]);
  const texts = follower.fates.map(({ record }) => Buffer.from(record.body).toString());
  const numbers = texts.slice(0, 200).map((text) => Number.parseInt(text, 10));
  expect(numbers).toEqual(Array.from({ length: 200 }, (_, n) => n));
  expect(texts.slice(200)).toEqual(["before", "from within", "from within"]);
  const kinds = follower.fates.map(({ kind }) => kind);
  const refused = kinds.indexOf("refused");
  expect(refused).toBeGreaterThan(90);
  expect(kinds.slice(refused, 200).every((kind) => kind === "refused")).toBe(true);
  expect(stream.head).toBe(kinds.filter((kind) => kind === "committed").length);

  // Nothing waits any more: what comes now is taken, or refused, within its turn.
  stream.append([entry("afterwards")]);
  await follower.told(204);
  expect(follower.fates.length).toBe(204);
  await journal.close();
});

/** Alone and small a record is taken in one step: what is too much for the store is so there too. */
it("refuses a single record that is too large, whatever it is that makes it so", async () => {
  const settings = { segmentBytes: 256 * 1024, minimumFreeBytes: 0, entryMaxBytes: 1_000 };
  const disk = new SimulatedDisk().newProcess();
  const journal = await openFilesJournal("/store", { ...settings, clock: new ManualClock(), disk });
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  stream.append([entry("k".repeat(1_001))]);
  stream.append([session("k".repeat(1_001))]);
  stream.append([entry("", { tags: ["t".repeat(1_001)] })]);
  stream.append([entry("k".repeat(1_000))]);
  await follower.told(4);
  const kinds = follower.fates.map(({ kind }) => kind);
  expect(kinds).toEqual(["refused", "refused", "refused", "committed"]);
  await journal.close();
});

it("refuses a single entry with a tag that is too long for a frame", async () => {
  const settings = { segmentBytes: 256 * 1024, minimumFreeBytes: 0 };
  const disk = new SimulatedDisk().newProcess();
  const journal = await openFilesJournal("/store", { ...settings, clock: new ManualClock(), disk });
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  stream.append([entry("", { tags: ["t".repeat(16_384)] })]);
  stream.append([entry("", { tags: ["t".repeat(16_383)] })]);
  await follower.told(2);
  expect(follower.fates.map(({ kind }) => kind)).toEqual(["refused", "committed"]);
  await journal.close();
});

it("goes on as if it had not come when an entry cannot be written", async () => {
  const disk = new SimulatedDisk();
  const open = () =>
    openFilesJournal("/store", {
      minimumFreeBytes: 0,
      clock: new ManualClock(),
      disk: disk.newProcess(),
    });
  const journal = await open();
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  await follower.append(stream, entry("before"));
  // What no type allows: it is found out while the frame is made.
  const odd = { ...entry("odd"), expiresMs: 1n as unknown as number };
  expect(() => stream.append([odd])).toThrow(TypeError);
  const [fate] = await follower.append(stream, entry("after"));
  expect(fate?.record.offset).toBe(2);
  for (const opened of [journal, undefined]) {
    const one = opened ?? (await open());
    const page = await (await one.stream("/")).read(everything);
    expect([page.gaps, bodies(page), offsets(page)]).toEqual([[], ["before", "after"], [1, 2]]);
    await one.close();
  }
});
