/**
 * The state of all sessions, written down in pieces while it changes. Goal: with the records that came after it was begun it
 * gives back what there is, whatever those did and wherever the pieces fell.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { textOf } from "./once-table.ts";
import { encodeChange, type SessionChange } from "./session-changes.ts";
import { SessionTable } from "./session-table.ts";
import { storedSession } from "./stored-session.ts";

const epochOf = () => "epoch";

const limits = { count: 3, characters: 10_000 };

const keys = fc.constantFrom("a", "b", "c", "d", "e");
const room = fc.constantFrom("x", "y");
const text = fc.constantFrom("p", "q", "r");

const changes: fc.Arbitrary<SessionChange> = fc.oneof(
  keys.map((session): SessionChange => {
    const names = { pid: `${session}0`, socketId: `${session}-id` };
    return { type: "start", session, ...names, rooms: ["x"], slot: 0 };
  }),
  fc.record(
    {
      type: fc.constant("join" as const),
      session: keys,
      rooms: fc.array(room, { minLength: 1, maxLength: 2 }),
      since: fc.constant(1),
    },
    { requiredKeys: ["type", "session", "rooms"] },
  ),
  fc.record({
    type: fc.constant("leave" as const),
    session: keys,
    rooms: fc.array(room, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ type: fc.constant("name" as const), session: keys, pid: text }),
  fc.record({ type: fc.constant("pid" as const), session: keys, pid: text }),
  fc.record({ type: fc.constant("connect" as const), session: keys, socketId: text }),
  fc.record({ type: fc.constant("disconnect" as const), session: keys, atMs: fc.nat(9) }),
  fc.record({ type: fc.constant("data" as const), session: keys, data: fc.nat(9) }),
  fc.record({ type: fc.constant("skip" as const), session: keys, offset: fc.nat(9) }),
  fc
    .tuple(keys, fc.nat(60))
    .map(([key, receipt]): SessionChange => ({ type: "receipts", receipts: [[key, receipt]] })),
  fc.record({
    type: fc.constantFrom("attempt" as const),
    producer: text,
    event: text,
    id: text,
  }),
  fc.record({
    type: fc.constant("once" as const),
    producer: text,
    event: text,
    id: text,
    reply: fc.constant([1]),
  }),
  fc.record({ type: fc.constant("end" as const), session: keys }),
);

/** A session starts once, and nothing of it comes before that: each start of a key is another session. */
function possible(all: readonly SessionChange[]): SessionChange[] {
  const started = new Map<string, number>();
  const named = (key: string): string => `${key}${started.get(key) ?? 0}`;
  return all.flatMap((change): SessionChange[] => {
    if (change.type === "receipts") {
      return [{ ...change, receipts: change.receipts.map(([key, at]) => [named(key), at]) }];
    }
    if (!("session" in change)) return [change];
    if (change.type === "start") {
      started.set(change.session, (started.get(change.session) ?? 0) + 1);
      const session = named(change.session);
      return [{ ...change, session, pid: `${session}-pid`, socketId: `${session}-id` }];
    }
    const session = named(change.session);
    return session.endsWith("0") ? [] : [{ ...change, session }];
  });
}

function contents(table: SessionTable): unknown {
  const sessions = [...table.byKey.values()]
    .map(storedSession)
    .sort((one, other) => one.key.localeCompare(other.key));
  // JSON, as it is written: what is undefined is not there.
  return JSON.parse(JSON.stringify({ sessions, once: table.once.lines() }));
}

/** Writes the state down, and lets `between` happen in each rest. */
async function written(table: SessionTable, pieceOfWork: number, between: () => void) {
  const rest = async () => between();
  return table.encode(0, epochOf, { pieceOfWork, rest });
}

it("gives back what there is, with the records that came after it was begun", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(changes, { maxLength: 40, size: "max" }),
      fc.array(changes, { maxLength: 40, size: "max" }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 12 }),
      async (before, after, pieceOfWork, inEachRest) => {
        const all = possible([...before, ...after]);
        const begun = possible(before).length;
        const live = new SessionTable(limits);
        let applied = 0;
        const apply = (count: number) => {
          for (const change of all.slice(applied, applied + count))
            live.apply(change, ++applied, 0);
        };
        apply(begun);
        const state = await written(live, pieceOfWork, () => apply(inEachRest));
        apply(all.length);

        const again = new SessionTable(limits);
        const records = all.slice(begun).map((change, index) => ({
          kind: "session" as const,
          body: encodeChange(change),
          offset: begun + 1 + index,
          timeMs: 0,
        }));
        again.restore({ checkpoint: { offset: begun, state }, records }, epochOf);
        expect(contents(again)).toEqual(contents(live));
      },
    ),
    { numRuns: 2_000 },
  );
});

it("takes what has an offset that a lost record had: it is of another epoch", async () => {
  const table = new SessionTable(limits);
  const names = { session: "s", pid: "p", socketId: "i" };
  table.apply({ type: "start", ...names, rooms: [] }, 1, 0);
  const join = (room: string): SessionChange => ({ type: "join", session: "s", rooms: [room] });
  const state = await written(table, 1, () => table.apply(join("lost"), 2, 0));
  const again = new SessionTable(limits);
  const records = [
    { kind: "session" as const, body: encodeChange(join("new")), offset: 2, timeMs: 0 },
  ];
  again.restore({ checkpoint: { offset: 1, state }, records }, () => "another");
  expect([...(again.byKey.get("s")?.memberships.keys() ?? [])]).toContain("new");
});

it("is written in as many turns as there are pieces", async () => {
  const table = new SessionTable({ count: 10, characters: 10_000 });
  for (let n = 0; n < 10; n++) {
    const session = `s${n}`;
    table.apply({ type: "start", session, pid: session, socketId: session, rooms: [] }, n + 1, 0);
    table.once.keep({ producer: "server", event: "pay", id: String(n) }, ["paid"]);
    table.once.begin({ producer: "server", event: "begun", id: String(n) });
  }
  let rests = 0;
  await written(table, 3, () => rests++);
  expect(rests).toBe(10);
});

it('reads what the versions before have written: all in one text, or all of what "once" has answered', () => {
  const table = new SessionTable(limits);
  table.apply({ type: "start", session: "s", pid: "p", socketId: "i", rooms: ["x"] }, 1, 0);
  table.once.keep({ producer: "server", event: "pay", id: "1" }, ["paid"]);
  table.once.begin({ producer: "server", event: "pay", id: "2" });
  const sessions = [...table.byKey.values()].map(storedSession);
  const replies = [[textOf({ producer: "server", event: "pay", id: "1" }), '["paid"]']];
  const attempts = [[textOf({ producer: "server", event: "pay", id: "2" }), 1]];
  const once = { replies, attempts };
  const first = JSON.stringify({ version: 1, sessions, once });
  const second = [{ version: 2, once }, ...sessions].map((line) => JSON.stringify(line)).join("\n");
  for (const state of [first, second]) {
    const again = new SessionTable(limits);
    again.restore({ checkpoint: { offset: 1, state: Buffer.from(state) }, records: [] }, epochOf);
    expect(contents(again)).toEqual(contents(table));
  }
});
