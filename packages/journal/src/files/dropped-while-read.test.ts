/**
 * Retention removes what a page is being read from. Goal: the page is as it was asked for or tells the gap, never wrong
 * bytes, an entry twice or an error; the page after it tells what has gone. Method: the read is held before each of its
 * calls to the disk in turn, retention goes on until nothing more happens, and then the read does.
 */
import { expect, it } from "vitest";
import type { Disk } from "../disk.ts";
import type { Page, ReadRequest, Stream } from "../journal.ts";
import {
  entry,
  everything,
  ManualClock,
  RecordingFollower,
  SimulatedDisk,
  session,
} from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";
import { overlapBytes, windowBytes } from "./read-cache.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Calls to a disk: each is done a turn later, or when it is let go. */
class Calls {
  #running = 0;
  #held: (() => void)[] | undefined;

  readonly schedule = (run: () => void): void => {
    if (this.#held !== undefined) {
      this.#held.push(run);
      return;
    }
    this.#running++;
    setImmediate(() => {
      this.#running--;
      run();
    });
  };

  /** From now on each waits until it is let go. */
  hold(): void {
    this.#held = [];
  }

  /** Lets go the one that has waited longest. @returns whether there was one */
  async letOne(): Promise<boolean> {
    const run = this.#held?.shift();
    run?.();
    await turn();
    return run !== undefined;
  }

  /** Holds none from now on. @returns lets go those that are held now */
  holdNoMore(): () => void {
    const held = this.#held ?? [];
    this.#held = undefined;
    return () => held.forEach(this.schedule);
  }

  /** Resolves when nothing is left to happen: the clock stands, and all that promises bring is in the turn. */
  async quiet(): Promise<void> {
    do await turn();
    while (this.#running > 0);
  }
}

/** Whoever reads from a file that is closed meanwhile gets what another one has: its descriptor is given out again. */
function reusingDescriptors(disk: Disk): Disk {
  const open = disk.open.bind(disk);
  disk.open = async (path, mode) => {
    const file = await open(path, mode);
    const read = file.read.bind(file);
    const close = file.close.bind(file);
    let closed = false;
    file.read = async (target, position) => {
      const count = await read(target, position);
      if (!closed) return count;
      const other = await open("/store/000000000007.segment", "read");
      return other.read(target, position);
    };
    file.close = () => {
      closed = true;
      return close();
    };
    return file;
  };
  return disk;
}

/** About seven segments, of which retention keeps the last two or three. */
const count = 430;

const bodyOf = (offset: number): string => `${offset} `.padEnd(1_000, `${offset}.`);

type IsEntry = (offset: number) => boolean;

async function open(disk: SimulatedDisk, entries: number) {
  const clock = new ManualClock();
  const journal = await openFilesJournal("/store", {
    segmentBytes: 64 * 1024,
    minimumFreeBytes: 0,
    cacheBytes: 0,
    readCacheBytes: windowBytes + overlapBytes,
    retention: { entries },
    clock,
    disk: reusingDescriptors(disk.newProcess()),
  });
  return { journal, stream: await journal.stream("/"), clock };
}

/** A store that was closed before retention had anything to drop: its next process has no index in memory. */
async function stored(isEntry: IsEntry): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const { journal, stream } = await open(disk, count);
  const follower = new RecordingFollower();
  stream.follow(follower);
  for (let offset = 1; offset <= count; offset++) {
    const make = isEntry(offset) ? entry : session;
    await follower.append(stream, make(bodyOf(offset)));
  }
  await journal.close();
  return disk;
}

const firstSegment = (disk: SimulatedDisk) =>
  disk.paths().find((path) => path.endsWith(".segment"));

/** Each entry of what the page speaks of is in it, with its own bytes, or in a gap, and only what is dropped is in one. */
function expectHonest(
  page: Page,
  { from, direction }: ReadRequest,
  tail: number,
  isEntry: IsEntry,
) {
  const [first, last] = direction === "forward" ? [from + 1, page.next] : [page.next, from - 1];
  const expected: number[] = [];
  for (let offset = first; offset <= last; offset++) {
    const isGone = page.gaps.some((gap) => offset > gap.from && offset <= gap.to);
    if (isEntry(offset) && !isGone) expected.push(offset);
  }
  if (direction === "backward") expected.reverse();
  expect(page.entries.map(({ offset }) => offset)).toEqual(expected);
  for (const { offset, body } of page.entries) {
    expect(Buffer.from(body).toString()).toBe(bodyOf(offset));
  }
  for (const { to, reason } of page.gaps) {
    expect(reason).toBe("retention");
    expect(to).toBeLessThan(tail);
  }
}

/** Reads on behind a page, to the end. @returns the gaps that are told */
async function readOn(stream: Stream, request: ReadRequest, isEntry: IsEntry) {
  const gaps: Page["gaps"][number][] = [];
  const { direction } = request;
  let { from } = request;
  while (direction === "forward" ? from < stream.head : from > 1) {
    const page = await stream.read({ ...request, from });
    expectHonest(page, { ...request, from }, stream.tail, isEntry);
    gaps.push(...page.gaps);
    from = page.next;
  }
  return gaps;
}

interface Case {
  readonly direction: ReadRequest["direction"];
  readonly isEntry: IsEntry;
  readonly keptEntries: number;
  /** Whether what is dropped is dropped before the page is asked for, and only its files go meanwhile. */
  readonly dropped: boolean;
  /** Whether indexes are in memory: then it is only the entries that are read from the disk. */
  readonly indexed: boolean;
}

/** @returns what has become of the page that was held before its nth call, and whether it has so many */
async function readHeldAt(nth: number, image: SimulatedDisk, calls: Calls, held: Case) {
  const { direction, isEntry, keptEntries, dropped, indexed } = held;
  const { journal, stream, clock } = await open(image, keptEntries);
  // Leaves one window of what was read in memory.
  if (indexed) await stream.read(everything);
  await calls.quiet();
  let trim = () => clock.advance(1_100);
  if (dropped) {
    calls.hold();
    trim();
    await turn();
    while (stream.tail === 1) expect(await calls.letOne()).toBe(true);
    trim = calls.holdNoMore();
  }
  expect(firstSegment(image)).toBe("/store/000000000001.segment");

  const forward = direction === "forward";
  const from = forward ? 0 : count + 1;
  const request: ReadRequest = { ...everything, direction, from, maxEntries: 130 };
  calls.hold();
  const reading = Promise.resolve(stream.read(request));
  // It rejects, if it does, where it is awaited.
  reading.catch(() => undefined);
  await turn();
  let isHeld = true;
  for (let n = 0; n < nth && isHeld; n++) isHeld = await calls.letOne();
  const goOn = calls.holdNoMore();
  trim();
  await calls.quiet();
  goOn();
  const page = await reading;
  await calls.quiet();

  expect(firstSegment(image)).not.toBe("/store/000000000001.segment");
  const { tail } = stream;
  const isWhole = page.gaps.length === 0;
  expectHonest(page, request, tail, isEntry);
  // What was read before it went is not told; all else that has gone is, once.
  const gone = { from: 0, to: tail - 1, reason: "retention" };
  const rest = forward ? { ...gone, from: page.next } : { ...gone, to: page.next - 1 };
  const told = await readOn(stream, { ...request, from: page.next }, isEntry);
  expect([...page.gaps, ...told]).toEqual([isWhole ? rest : gone]);
  expect(await readOn(stream, request, isEntry)).toEqual([gone]);
  await journal.close();
  return { isHeld, became: isWhole ? "whole" : "a gap" };
}

const cases = (["forward", "backward"] as const).flatMap((direction) =>
  [false, true].flatMap((indexed) =>
    [false, true].map((dropped) => ({ direction, indexed, dropped })),
  ),
);

it.each([
  ["entries", () => true],
  ["entries and session records", (offset: number) => offset % 2 === 0],
] as const)("tells of %s either what they were or that they are gone", async (_what, isEntry) => {
  const disk = await stored(isEntry);
  for (const one of cases) {
    const outcomes = new Set<string>();
    for (let nth = 0; ; nth++) {
      const calls = new Calls();
      const image = disk.clone({ schedule: calls.schedule });
      const { isHeld, became } = await readHeldAt(nth, image, calls, {
        ...one,
        isEntry,
        keptEntries: 50,
      });
      outcomes.add(became);
      if (!isHeld) break;
    }
    // Of what is gone when it is asked for nothing is read, though its files are there.
    const possible = one.dropped ? ["a gap"] : ["a gap", "whole"];
    expect([one, [...outcomes].sort()]).toEqual([one, possible]);
  }
});

/** Between the commit of the tails and the end of the files the tail is where it will be, and behind it are session records. */
it("reads a page while files of session records alone go", async () => {
  const isEntry = (offset: number) => offset <= 100 || offset > 300;
  const disk = await stored(isEntry);
  for (const direction of ["forward", "backward"] as const) {
    for (let nth = 0, isHeld = true; isHeld; nth++) {
      const calls = new Calls();
      const image = disk.clone({ schedule: calls.schedule });
      const one = { direction, isEntry, keptEntries: 130, indexed: false, dropped: true };
      ({ isHeld } = await readHeldAt(nth, image, calls, one));
    }
  }
});

it("reads a page of a stream whose entries stay, while its session records go with those of another", async () => {
  const disk = new SimulatedDisk();
  const first = await open(disk, 10_000);
  const other = await first.journal.stream("/other");
  const [follower, otherFollower] = [new RecordingFollower(), new RecordingFollower()];
  first.stream.follow(follower);
  other.follow(otherFollower);
  for (let n = 1; n <= count; n++) {
    if (n > 380) await follower.append(first.stream, entry(bodyOf(n)));
    else if (n % 10 === 0) await follower.append(first.stream, session(bodyOf(n)));
    else await otherFollower.append(other, entry(bodyOf(n)));
  }
  await first.journal.close();
  for (let nth = 0, isHeld = true; isHeld; nth++) {
    const calls = new Calls();
    const image = disk.clone({ schedule: calls.schedule });
    const { journal, stream, clock } = await open(image, 50);
    await calls.quiet();
    calls.hold();
    const reading = Promise.resolve(stream.read({ ...everything, maxEntries: 130 }));
    reading.catch(() => undefined);
    await turn();
    for (let n = 0; n < nth && isHeld; n++) isHeld = await calls.letOne();
    const goOn = calls.holdNoMore();
    clock.advance(1_100);
    await calls.quiet();
    goOn();
    const { entries, gaps } = await reading;
    expect(gaps).toEqual([]);
    const bodies = entries.map(({ body }) => Buffer.from(body).toString());
    expect(bodies).toEqual(Array.from({ length: 50 }, (_, n) => bodyOf(381 + n)));
    expect(firstSegment(image)).not.toBe("/store/000000000001.segment");
    await journal.close();
  }
});
