/** The journal in memory: the suite of the seam, and what is its own: all is committed within the call. */
import { expect, it } from "vitest";
import {
  entry,
  type JournalPlace,
  journalSuite,
  ManualClock,
  RecordingFollower,
  SeededRandom,
  session,
} from "../testing/index.ts";
import { MemoryJournal } from "./memory-journal.ts";

function newPlace(): Promise<JournalPlace> {
  const clock = new ManualClock();
  return Promise.resolve({
    clock,
    open: (options) =>
      Promise.resolve(new MemoryJournal({ clock, random: new SeededRandom(1), ...options })),
    settle: () => Promise.resolve(),
    remove: () => Promise.resolve(),
  });
}

journalSuite({ name: "memory", persistent: false, slackEntries: 0, newPlace });

it("commits, reads and tells within the call", async () => {
  const journal = new MemoryJournal({ epochId: "epoch-of-this-test" });
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  expect(stream.follow(follower)).toEqual({ checkpoint: undefined, records: [] });
  stream.append([entry("a"), session("b")]);
  expect(follower.fates.map(({ kind }) => kind)).toEqual(["committed", "committed"]);
  const request = { from: 0, direction: "forward", tags: undefined, untagged: true } as const;
  expect(stream.read({ ...request, maxBytes: 1, maxEntries: 1 })).toMatchObject({ next: 2 });
  expect(stream.epochs[0]?.id).toBe("epoch-of-this-test");
  await journal.close();
});

it("finds a page among many entries without looking at the others", async () => {
  const journal = new MemoryJournal();
  const stream = await journal.stream("/");
  const other = Array.from({ length: 1_000 }, () => entry("x", { tags: ["busy"] }));
  stream.append([entry("first", { tags: ["quiet"] })]);
  for (let round = 0; round < 200; round++) stream.append(other);
  stream.append([entry("last", { tags: ["quiet"] })]);
  const request = { from: 0, direction: "forward", untagged: true } as const;
  const find = () =>
    stream.read({ ...request, tags: new Set(["quiet"]), maxBytes: 1e6, maxEntries: 10 });
  expect(await find()).toMatchObject({ entries: [{ offset: 1 }, { offset: 200_002 }] });

  const before = process.cpuUsage();
  for (let n = 0; n < 1_000; n++) await find();
  // A look at all of them is 200,000 steps: 1,000 reads would take seconds.
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000);
  await journal.close();
});

it("stops its timer when it is closed", async () => {
  const clock = new ManualClock();
  const journal = new MemoryJournal({ clock });
  const stream = await journal.stream("/");
  stream.append([entry("a")]);
  expect(clock.pendingTimers).toBe(1);
  await journal.close();
  expect(clock.pendingTimers).toBe(0);
});
