/**
 * Receipts on their way into the journal. Goal: what clients are known to have is stored together, once in a while, and
 * nothing is stored that says nothing new. Method: a store whose delays the test ends, and that writes down its records.
 */
import { expect, it } from "vitest";
import type { Backfill, NotedBackfill } from "./backfill.ts";
import { ReceiptStore } from "./receipt-store.ts";
import { Session } from "./session.ts";
import type { SessionChange } from "./session-changes.ts";

function setUp() {
  const changes: SessionChange[] = [];
  const delays: { readonly ms: number; readonly run: () => void }[] = [];
  const arrived: (readonly [session: string, receipt: number])[] = [];
  const store = new ReceiptStore(
    {
      change: (change) => {
        changes.push(change);
        return Promise.resolve();
      },
    },
    (ms, run) => void delays.push({ ms, run }),
    ({ key, receipt }) => void arrived.push([key, receipt]),
  );
  /** The delays that were asked for since the last time are over. @returns how long they were */
  const pass = (): number[] =>
    delays.splice(0).map(({ ms, run }) => {
      run();
      return ms;
    });
  return { store, changes, delays, arrived, pass };
}

/** A session whose client is known to have everything up to `receipt`, and that is stored. */
function sessionAt(key: string, receipt: number): Session {
  const session = new Session(key, `pid ${key}`, `id ${key}`, undefined, 0);
  session.start = 1;
  session.receipt = receipt;
  session.storedReceipt = receipt;
  return session;
}

it("stores all of an interval in one record, the newest of each session", () => {
  const { store, changes, arrived, pass } = setUp();
  const [a, b] = [sessionAt("a", 5), sessionAt("b", 5)];
  store.add(a, 6);
  store.add(b, 7);
  store.add(a, 9);
  // Whoever waits for a receipt does not wait for the record.
  expect(arrived).toEqual([
    ["a", 6],
    ["b", 7],
    ["a", 9],
  ]);
  expect(changes).toEqual([]);
  // Asked for with the first one alone.
  expect(pass()).toEqual([1_000]);
  expect(changes).toEqual([
    {
      type: "receipts",
      receipts: [
        ["a", 9],
        ["b", 7],
      ],
    },
  ]);
});

it("begins another interval with the first receipt after it, and stores what came since then alone", () => {
  const { store, changes, delays, pass } = setUp();
  const [a, b] = [sessionAt("a", 5), sessionAt("b", 5)];
  store.add(a, 6);
  pass();
  expect(delays).toEqual([]);
  store.add(b, 8);
  expect(pass()).toEqual([1_000]);
  expect(changes).toEqual([
    { type: "receipts", receipts: [["a", 6]] },
    { type: "receipts", receipts: [["b", 8]] },
  ]);
});

it("takes nothing of a receipt that is not newer, but that its client was told of what it had missed", () => {
  const { store, changes, delays, arrived } = setUp();
  for (const offset of [5, 4]) {
    const session = sessionAt("a", 5);
    session.untold = { from: 2, reason: "retention" };
    store.add(session, offset);
    expect([session.receipt, session.untold]).toEqual([5, undefined]);
  }
  expect([arrived, delays]).toEqual([[], []]);
  store.store();
  expect(changes).toEqual([]);
});

it("takes a newer one for the proof that its client was told, too", () => {
  const { store } = setUp();
  const session = sessionAt("a", 5);
  session.untold = { reason: "reset" };
  store.add(session, 6);
  expect([session.receipt, session.untold]).toEqual([6, undefined]);
});

it("stores nothing of a session that has ended meanwhile", () => {
  const { store, changes, pass } = setUp();
  const [ended, other] = [sessionAt("ended", 5), sessionAt("other", 5)];
  store.add(ended, 6);
  store.add(other, 6);
  ended.end = 7;
  pass();
  expect(changes).toEqual([{ type: "receipts", receipts: [["other", 6]] }]);
});

it("stores nothing that has come out of the lane meanwhile", () => {
  const { store, changes, pass } = setUp();
  const [stored, other] = [sessionAt("stored", 5), sessionAt("other", 5)];
  store.add(stored, 6);
  store.add(other, 6);
  stored.storedReceipt = 6;
  pass();
  expect(changes).toEqual([{ type: "receipts", receipts: [["other", 6]] }]);
});

it("appends nothing when nothing is due", () => {
  const { store, changes, pass } = setUp();
  store.store();
  const [a, ended] = [sessionAt("a", 5), sessionAt("ended", 5)];
  store.add(a, 6);
  store.store();
  expect(changes).toHaveLength(1);
  // What was stored before its time is not due again, and whatever comes then has a time of its own.
  expect(pass()).toEqual([1_000]);
  expect(changes).toHaveLength(1);
  store.add(ended, 6);
  ended.end = 7;
  expect(pass()).toEqual([1_000]);
  expect(changes).toHaveLength(1);
});

it("stores also what comes after it was told to store before its time", () => {
  const { store, changes, pass } = setUp();
  const session = sessionAt("a", 5);
  store.add(session, 6);
  store.store();
  store.add(session, 7);
  pass();
  expect(changes).toEqual([
    { type: "receipts", receipts: [["a", 6]] },
    { type: "receipts", receipts: [["a", 7]] },
  ]);
});

/** Older entries of so many rooms, of which `sent` says how far they had been handed over. */
function owed(rooms: number, sent: (room: number) => number): NotedBackfill[] {
  return Array.from({ length: rooms }, (_, room) => {
    const backfill: Backfill = { room: `room ${room}`, next: 10, until: 100, sent: 100 };
    return { backfill, sent: sent(room) };
  });
}

it.each([
  [1, [1]],
  [250, [250]],
  [251, [250, 1]],
  [600, [250, 250, 100]],
])("stores the arrival of older entries of %i rooms at once, in records of %j", (rooms, sizes) => {
  const { store, changes, delays } = setUp();
  const noted = owed(rooms, (room) => 11 + (room % 50));
  store.addBackfills(sessionAt("a", 5), noted);
  expect(delays).toEqual([]);
  const records = changes.map((change) => {
    expect(change).toMatchObject({ type: "backfills", session: "a" });
    return change.type === "backfills" ? change.arrived : [];
  });
  expect(records.map(({ length }) => length)).toEqual(sizes);
  expect(records.flat()).toEqual(
    noted.map(({ backfill, sent }) => [backfill.room, sent, backfill.until]),
  );
  // The same receipt again proves nothing more.
  store.addBackfills(sessionAt("a", 5), noted);
  expect(changes).toHaveLength(sizes.length);
});

it("stores of older entries only what had not arrived", () => {
  const { store, changes } = setUp();
  const noted = owed(4, (room) => 8 + room);
  store.addBackfills(sessionAt("a", 5), noted);
  expect(changes).toEqual([{ type: "backfills", session: "a", arrived: [["room 3", 11, 100]] }]);
  expect(noted.map(({ backfill }) => backfill.next)).toEqual([10, 10, 10, 11]);
  store.addBackfills(sessionAt("a", 5), []);
  expect(changes).toHaveLength(1);
});
