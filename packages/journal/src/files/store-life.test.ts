/** What the suite of the seam cannot ask for: classes and epochs, a full store, formats, verify and salvage of a healthy store. */
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Durability, Journal, Stream } from "../journal.ts";
import {
  entry,
  everything,
  ManualClock,
  RecordingFollower,
  SeededRandom,
  SimulatedDisk,
  session,
} from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";
import type { FilesJournalOptions } from "./options.ts";
import { salvage } from "./salvage.ts";
import { verify } from "./verify.ts";

const small = { segmentBytes: 64 * 1024, minimumFreeBytes: 0 };

async function open(
  disk: SimulatedDisk,
  options: FilesJournalOptions = {},
): Promise<{ journal: Journal; stream: Stream; follower: RecordingFollower; clock: ManualClock }> {
  const clock = new ManualClock();
  const random = new SeededRandom(disk.calls + 1);
  const settings = { ...small, clock, random, ...options, disk: disk.newProcess() };
  const journal = await openFilesJournal("/store", settings);
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  return { journal, stream, follower, clock };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

it.each<
  [Durability, "same epoch" | "new epoch", "same epoch" | "new epoch", "same epoch" | "new epoch"]
>([
  ["disk", "same epoch", "same epoch", "same epoch"],
  ["process", "same epoch", "same epoch", "new epoch"],
  ["memory", "new epoch", "new epoch", "new epoch"],
])(
  "class %s: closed %s, killed %s, power cut %s (I12)",
  async (durability, closed, killed, cut) => {
    for (const [how, expected] of [
      ["closed", closed],
      ["killed", killed],
      ["cut", cut],
    ] as const) {
      const disk = new SimulatedDisk();
      const first = await open(disk, { durability });
      await first.follower.append(first.stream, entry("a"), entry("b"));
      const [epoch] = first.stream.epochs;
      if (how === "closed") await first.journal.close();
      const left = how === "cut" ? disk.afterPowerCut("lose all") : disk;
      const again = await open(left, { durability });
      expect([how, again.stream.epochs[0]?.id]).toEqual([how, epoch?.id]);
      expect([how, again.stream.epochs.length === 1 ? "same epoch" : "new epoch"]).toEqual([
        how,
        expected,
      ]);
      const lost = how === "cut" && durability !== "disk";
      expect([how, again.stream.head]).toEqual([how, lost ? 0 : 2]);
      if (expected === "new epoch") expect(again.stream.epochs[0]?.end).toBe(again.stream.head);
      await again.journal.close();
    }
  },
);

/**
 * Goal: no two copies of a store give the same position to different records. Method: a store is copied while it is open or
 * closed; both copies are opened, and get other records.
 */
it.each([["open"], ["closed"]])("a copy of one that was %s has epochs of its own", async (how) => {
  const disk = new SimulatedDisk();
  const first = await open(disk);
  await first.follower.append(first.stream, entry("a"), entry("b"));
  const [epoch] = first.stream.epochs;
  if (how === "closed") await first.journal.close();
  const copy = await open(disk.clone(), { random: new SeededRandom(99) });
  const here = how === "closed" ? await open(disk) : first;
  // Nothing is written before it has to be, and what is told until then is in both.
  expect(copy.stream.epochs).toEqual([epoch]);
  expect([copy.stream.openedAt, copy.stream.head]).toEqual([2, 2]);
  for (const { stream, follower } of [copy, here]) {
    await follower.append(stream, session("c"));
    await follower.append(stream, entry("d"), entry("e"));
  }
  const ids = [copy, here].map(({ stream }) => stream.epochs.at(-1)?.id);
  expect(new Set(ids).size).toBe(2);
  expect(copy.stream.epochs).toEqual([
    { ...epoch, end: 2 },
    { id: ids[0], start: 2, end: undefined },
  ]);
});

it("begins the epoch of an opening once, also when one is asked for meanwhile", async () => {
  const disk = new SimulatedDisk();
  const first = await open(disk);
  await first.follower.append(first.stream, entry("a"));
  await first.journal.close();
  const { journal, stream, follower } = await open(disk);
  const told = follower.append(stream, entry("b"));
  await Promise.all([stream.beginEpoch(1), told]);
  const ends = stream.epochs.map(({ start, end }) => [start, end]);
  expect(ends).toEqual([
    [0, 1],
    [1, undefined],
  ]);
  await journal.close();
  const again = await open(disk);
  expect(again.stream.epochs).toEqual(stream.epochs);
});

it("no epoch ends later than what is left, when some of several are lost", async () => {
  const disk = new SimulatedDisk();
  for (const count of [50, 90, 10]) {
    const { journal, stream, follower } = await open(disk);
    for (let n = 0; n < count; n++) await follower.append(stream, entry("k".repeat(1_000)));
    await journal.close();
  }
  disk.remove("/store/000000000003.segment");
  const { streams } = await salvage("/store", { ...small, disk: disk.newProcess() });
  const left = streams[0]?.completeTo ?? 150;
  expect(left).toBeLessThan(140);
  const again = await open(disk);
  expect(again.stream.head).toBe(left);
  for (const { end = left } of again.stream.epochs) expect(end).toBeLessThanOrEqual(left);
});

it("has room for the epoch of an opening on a full disk, or refuses what would need it", async () => {
  const disk = new SimulatedDisk({ capacity: 4 * 64 * 1024 });
  const { journal, stream, follower } = await open(disk, { retention: { entries: 10_000 } });
  const kilobyte = "k".repeat(1_000);
  for (let full = false; !full; ) {
    const [fate] = await follower.append(stream, entry(kilobyte));
    full = fate?.kind === "refused";
  }
  const kept = stream.head;
  await journal.close();
  for (let life = 1; life <= 3; life++) {
    const again = await open(disk, { retention: { entries: 10_000 } });
    const fates = await again.follower.append(again.stream, session("s"), entry(kilobyte));
    expect(fates.map(({ kind }) => kind)).toEqual(["committed", "refused"]);
    expect([again.stream.head, again.stream.epochs.length]).toEqual([kept + life, life + 1]);
    await again.journal.close();
  }
});

/**
 * Goal: nothing is built on what only the kernel's memory has. Method: a flush fails; the next process reads what was
 * to be flushed, which the kernel takes for written now; it commits more, and the power is cut.
 */
it("writes again what a flush that failed has left", async () => {
  const disk = new SimulatedDisk();
  // More than the sector that is written again with what follows.
  const large = "b".repeat(4_000);
  const first = await open(disk);
  await first.follower.append(first.stream, entry("a"));
  disk.onCall = ({ name }) => (name === "flush" ? { error: "EIO" } : undefined);
  const [fate] = await first.follower.append(first.stream, entry(large));
  expect(fate).toMatchObject({ kind: "refused", error: { code: "HF_STORE_FAILED" } });
  disk.onCall = undefined;
  const second = await open(disk);
  await second.follower.append(second.stream, entry("c"));
  const third = await open(disk.afterPowerCut("lose all"));
  const { entries } = await third.stream.read(everything);
  expect(entries.map(({ body }) => Buffer.from(body).toString())).toEqual(["a", large, "c"]);
  await third.journal.close();
});

it("flushes what class process has written, each second", async () => {
  const disk = new SimulatedDisk();
  const { stream, follower, clock } = await open(disk, { durability: "process" });
  await follower.append(stream, entry("a"));
  clock.advance(1_000);
  await new Promise((resolve) => setImmediate(resolve));
  const again = await open(disk.afterPowerCut("lose all"), { durability: "process" });
  expect(again.stream.head).toBe(1);
});

it("refuses entries when it is full, takes sessions, and goes on without a restart", async () => {
  const disk = new SimulatedDisk({ capacity: 4 * 64 * 1024 });
  const { journal, stream, follower, clock } = await open(disk, {
    retention: { entries: 10_000 },
    ...{},
  });
  const states: string[] = [];
  journal.onStatus = ({ state }) => states.push(state);
  const kilobyte = "k".repeat(1_000);
  let refused = 0;
  for (let n = 0; n < 400 && refused === 0; n++) {
    const [fate] = await follower.append(stream, entry(kilobyte));
    if (fate?.kind !== "refused") continue;
    refused++;
    expect(fate.error).toMatchObject({ code: "HF_STORE_FULL", retryAfterMs: 1_000 });
  }
  expect(refused).toBe(1);
  expect(states).toEqual(["full"]);
  expect(journal.status.state).toBe("full");
  const head = stream.head;
  const fates = await follower.append(stream, session("s"), entry(kilobyte), session("t"));
  expect(fates.map(({ kind }) => kind)).toEqual(["committed", "refused", "committed"]);
  expect((await stream.read(everything)).entries.length).toBe(head);

  disk.capacity *= 2;
  clock.advance(1_100);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(states).toEqual(["full", "open"]);
  expect((await follower.append(stream, entry(kilobyte)))[0]?.kind).toBe("committed");
  await journal.close();
});

it("tells when space gets low, and when there is enough again, long before it is full", async () => {
  const disk = new SimulatedDisk({ capacity: 4_000_000 });
  const lowFreeBytes = 1_000_000;
  const { journal, stream, follower, clock } = await open(disk, { lowFreeBytes });
  const told: unknown[] = [];
  journal.onStatus = ({ state, low }) => told.push([state, low]);
  const free = () => disk.capacity - disk.usedBytes;
  const leaveFree = async (bytes: number) => {
    disk.capacity = disk.usedBytes + bytes;
    clock.advance(10_000);
    await settle();
  };
  await settle();
  expect(journal.status).toMatchObject({ low: false, freeBytes: free() });
  // Somebody else writes to the disk while nothing is published.
  await leaveFree(lowFreeBytes - 1);
  expect(told).toEqual([["open", true]]);
  expect(journal.status.freeBytes).toBe(lowFreeBytes - 1);
  // A little more is no news, nor is less.
  await leaveFree(1.2 * lowFreeBytes);
  await leaveFree(lowFreeBytes / 2);
  expect(told).toHaveLength(1);
  expect((await follower.append(stream, entry("a")))[0]?.kind).toBe("committed");
  await leaveFree(2 * lowFreeBytes);
  expect(told).toEqual([
    ["open", true],
    ["open", false],
  ]);
  await journal.close();
  await leaveFree(1);
  expect(told.slice(2)).toEqual([["closed", false]]);
});

it("fails when the file that it writes is not there any more: removed, renamed or replaced", async () => {
  for (const take of ["remove", "put"] as const) {
    const disk = new SimulatedDisk();
    const { journal, stream, follower, clock } = await open(disk);
    expect((await follower.append(stream, entry("a")))[0]?.kind).toBe("committed");
    await settle();
    clock.advance(10_000);
    await settle();
    expect(journal.status.state).toBe("open");
    const last = disk.paths().findLast((path) => path.endsWith(".segment")) ?? "";
    expect(disk.paths().filter((path) => path.endsWith(".segment")).length).toBe(2);
    const written = last.replace("2.segment", "1.segment");
    if (take === "remove") disk.remove(written);
    else disk.put(written, disk.bytes(written));
    expect((await follower.append(stream, entry("b")))[0]?.kind).toBe("committed");
    clock.advance(10_000);
    await settle();
    const { state, error } = journal.status;
    expect([state, error?.code]).toEqual(["failed", "HF_STORE_FAILED"]);
    expect(error?.message).toMatch(/1\.segment was removed, renamed or replaced/);
    expect(await follower.append(stream, entry("c"))).toMatchObject([
      { kind: "refused", error: { code: "HF_STORE_READ_ONLY" } },
    ]);
    await journal.close();
  }
});

it("fails soon when somebody removes or moves its folder", async () => {
  for (const how of ["remove", "move"] as const) {
    const above = await mkdtemp(join(tmpdir(), "holdfast-gone-"));
    const clock = new ManualClock();
    const journal = await openFilesJournal(join(above, "data"), { ...small, clock });
    const stream = await journal.stream("/");
    const follower = new RecordingFollower();
    stream.follow(follower);
    if (how === "remove") await rm(join(above, "data"), { recursive: true });
    else await rename(join(above, "data"), join(above, "elsewhere"));
    expect((await follower.append(stream, entry("a")))[0]?.kind).toBe("committed");
    const failed = new Promise<void>((resolve) => {
      journal.onStatus = ({ state }) => state === "failed" && resolve();
    });
    clock.advance(10_000);
    await failed;
    expect(journal.status.error?.message).toContain("removed, renamed or replaced");
    await journal.close();
    await rm(above, { recursive: true });
  }
});

it("makes room by itself where retention can", async () => {
  const disk = new SimulatedDisk({ capacity: 6 * 64 * 1024 });
  const { journal, stream, follower, clock } = await open(disk, { retention: { entries: 60 } });
  const kilobyte = "k".repeat(1_000);
  let refused = 0;
  for (let n = 0; n < 600; n++) {
    const [fate] = await follower.append(stream, entry(kilobyte));
    if (fate?.kind === "refused") refused++;
    if (n % 5 === 0) clock.advance(1_100);
    if (n % 5 === 0)
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(refused).toBe(0);
  expect(stream.tail).toBeGreaterThan(500);
  await journal.close();
});

it("refuses what is appended faster than the disk takes it", async () => {
  const { journal, stream, follower } = await open(new SimulatedDisk(), {
    pendingMaxBytes: 10_000,
  });
  for (let n = 0; n < 20; n++) stream.append([entry("k".repeat(1_000))]);
  await follower.told(20);
  const kinds = follower.fates.map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === "committed").length).toBe(9);
  expect(kinds.filter((kind) => kind === "refused").length).toBe(11);
  await journal.close();
});

it.each([
  [{ segmentBytes: 1 }, '"segmentBytes" is 1'],
  [{ entryMaxBytes: 1e12 }, '"entryMaxBytes"'],
])("refuses options that make no sense: %j", async (options, message) => {
  const disk = new SimulatedDisk().newProcess();
  await expect(openFilesJournal("/store", { ...options, disk })).rejects.toMatchObject({
    code: "HF_STORE_INVALID",
    message: expect.stringContaining(message),
  });
});

it("says that the disk is too full to begin, and begins when there is room", async () => {
  const disk = new SimulatedDisk({ capacity: 10 });
  await expect(openFilesJournal("/store", { disk: disk.newProcess() })).rejects.toMatchObject({
    code: "HF_STORE_FULL",
    message: expect.stringMatching(/\/store.*ENOSPC/),
  });
  disk.capacity = Number.POSITIVE_INFINITY;
  const { journal } = await open(disk);
  await journal.close();
});

const fixture = new URL("./fixtures/format-1/", import.meta.url).pathname;

/** The store in fixtures/format-1 was written by the first version of this format. It has to be read for ever. */
it("reads a store of format 1", async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-format-"));
  try {
    await cp(fixture, folder, { recursive: true });
    expect((await verify(folder)).problems).toEqual([]);
    const journal = await openFilesJournal(folder, small);
    const stream = await journal.stream("/");
    const follower = new RecordingFollower();
    const restored = stream.follow(follower);
    expect(Buffer.from(restored.checkpoint?.state ?? []).toString()).toBe("state at 101");
    const { entries } = await stream.read(everything);
    expect(entries.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 100 }, (_, n) => n + 1),
    );
    expect(entries[7]).toMatchObject({
      tags: ["room:2", "räum"],
      except: ["session:1"],
      format: 3,
      messageId: { producer: "user:1", id: "id-7", digest: "d" },
      expiresMs: 1_800_000_000_007,
    });
    expect(Buffer.from(entries[7]?.body ?? []).toString()).toBe(`body 7 ${"x".repeat(2_000)}`);
    const messageId = { producer: "user:1", id: "id-7", digest: "d" };
    const [fate] = await follower.append(stream, entry("body 7", { messageId }));
    expect(fate).toMatchObject({ kind: "duplicate", offset: 8 });
    expect(stream.epochs[0]?.id).toBe("qBKJgb0g50neV6Ae");
    await journal.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it("refuses a newer format, and touches nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-format-"));
  try {
    await cp(fixture, folder, { recursive: true });
    const store = join(folder, "store");
    const bytes = await readFile(store);
    bytes.writeUInt32LE(2, 8);
    await writeFile(store, bytes);
    const before = await readdir(folder);
    for (const run of [openFilesJournal, salvage, verify]) {
      await expect(run(folder, small)).rejects.toMatchObject({ code: "HF_STORE_FORMAT" });
    }
    expect(await readdir(folder)).toEqual(before);
    expect(await readFile(store)).toEqual(bytes);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it("salvages what is past retention, too", async () => {
  const disk = new SimulatedDisk();
  const retention = { ageMs: Number.POSITIVE_INFINITY };
  const first = await open(disk, { retention });
  await first.follower.append(first.stream, entry("old"));
  first.clock.advance(30 * 86_400_000);
  await first.follower.append(first.stream, entry("new"));
  await first.journal.close();
  await salvage("/store", { ...small, clock: new ManualClock(), disk: disk.newProcess() });
  const again = await open(disk, { retention });
  expect((await again.stream.read(everything)).entries).toHaveLength(2);
});

it("verify tells of each damage once, and where it is", async () => {
  const disk = new SimulatedDisk();
  const first = await open(disk);
  await first.follower.append(first.stream, entry("first"), entry("second"), entry("third"));
  await first.journal.close();
  const segment = "/store/000000000001.segment";
  const bytes = disk.bytes(segment);
  const at = Buffer.from(bytes).indexOf("second");
  bytes[at] = 0;
  const { problems, records } = await verify("/store", { disk: disk.newProcess() });
  expect(problems).toMatchObject([{ file: "000000000001.segment", harmless: false }]);
  const [{ from = 0, to = 0 } = {}] = problems;
  expect([from <= at, at < to, to - from < 200, records]).toEqual([true, true, true, 2]);
  // Without any of it there is still why the store is refused.
  disk.remove(segment);
  const gone = await verify("/store", { disk: disk.newProcess() });
  expect(gone.problems.length).toBeGreaterThan(0);
});

it("makes no store where there is none to salvage or verify", async () => {
  const disk = new SimulatedDisk();
  await disk.newProcess().makeFolder("/store");
  for (const folder of ["/store", "/nowhere"]) {
    for (const run of [salvage, verify]) {
      await expect(run(folder, { ...small, disk: disk.newProcess() })).rejects.toMatchObject({
        code: "HF_STORE_INVALID",
        message: expect.stringContaining(`there is no store in ${folder}`),
      });
    }
  }
  expect(disk.paths()).toEqual([]);
});

it("salvages nothing of a healthy store", async () => {
  const disk = new SimulatedDisk();
  const first = await open(disk);
  await first.follower.append(first.stream, entry("a"), entry("b"));
  await first.journal.close();
  expect(await verify("/store", { disk: disk.newProcess() })).toMatchObject({
    records: 2,
    problems: [],
  });
  const report = await salvage("/store", { ...small, disk: disk.newProcess() });
  expect(report).toEqual({ problems: [], streams: [{ name: "/", completeTo: 2 }] });
  const again = await open(disk);
  expect(again.stream.epochs).toHaveLength(1);
  expect((await again.stream.read(everything)).entries).toHaveLength(2);
});
