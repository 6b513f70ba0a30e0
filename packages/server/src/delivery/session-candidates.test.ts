/**
 * Whom an entry may be for. Goal: the look-up by tags finds all that a look at each session finds, in the same order, and
 * keeps nothing of rooms that a session has forgotten. Method: random changes, beside that look.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Addressed } from "./session.ts";
import type { SessionChange } from "./session-changes.ts";
import { SessionTable } from "./session-table.ts";

const limits = { count: 3, characters: 10_000 };
const pieces = { pieceOfWork: 1_000, rest: () => Promise.resolve() };
const rooms = ["x", "y", "z"];
const key = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h");
const some = fc.subarray(rooms, { minLength: 1 });

type Step = SessionChange | { readonly first: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constantFrom("join" as const, "leave" as const),
    session: key,
    rooms: some,
  }),
  fc.record({
    type: fc.constant("leave" as const),
    session: key,
    rooms: some,
    at: fc.nat(60),
  }),
  fc
    .tuple(key, fc.nat(60))
    .map(([session, receipt]): Step => ({ type: "receipts", receipts: [[session, receipt]] })),
  fc.record({ type: fc.constant("end" as const), session: key }),
  // A checkpoint: what is older than `first` is forgotten.
  fc.nat(60).map((first) => ({ first })),
);

const tag = fc.constantFrom(...rooms, "nobody's", "\u0000sa", "\u0000uuser");
const entries = fc.array(
  fc.record({
    offset: fc.nat(80),
    tags: fc.uniqueArray(tag, { maxLength: 2 }),
    except: fc.subarray(rooms, { maxLength: 1 }),
  }),
  { minLength: 20, maxLength: 20 },
);

function begun(): SessionTable {
  const table = new SessionTable(limits);
  for (const [n, session] of ["h", "g", "f", "e", "d", "c", "b", "a"].entries()) {
    const identity = { user: n === 3 ? "user" : undefined, device: undefined };
    const names = { session, pid: `${session}-pid`, socketId: `${session}-id`, identity };
    table.apply({ type: "start", ...names, rooms: n % 2 === 0 ? ["x"] : [] }, n + 1, 0);
  }
  return table;
}

function expectSame(table: SessionTable, asked: readonly Addressed[]) {
  const all = [...table.byKey.values()];
  for (const entry of asked) {
    const found = [...table.candidates(entry)].filter((each) => each.receives(entry));
    const expected = all.filter((each) => each.receives(entry));
    expect(found.map((each) => each.key)).toEqual(expected.map((each) => each.key));
  }
  for (const room of rooms) {
    const former = new Set(all.flatMap((each) => [...(each.former?.of(room) ?? [])]));
    const expected = all.filter((each) => each.memberships.has(room) && !each.isIn(room));
    expect([...former].map((each) => each.key).sort()).toEqual(
      expected.map((each) => each.key).sort(),
    );
  }
}

it("has all that a look at each session finds, in the order of the sessions", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { maxLength: 40, size: "max" }),
      entries,
      async (all, asked) => {
        const table = begun();
        let offset = table.byKey.size;
        for (const step of all) {
          if ("first" in step) await table.encode(step.first, () => "epoch", pieces);
          else table.apply(step, ++offset, 0);
          expectSame(table, asked);
        }
        const state = await table.encode(0, () => "epoch", pieces);
        const restored = new SessionTable(limits);
        restored.restore({ checkpoint: { offset, state }, records: [] }, () => "epoch");
        expectSame(restored, asked);
      },
    ),
  );
});

it("has those only who are in the room or were", () => {
  const table = begun();
  table.apply({ type: "join", session: "a", rooms: ["own"] }, 10, 0);
  table.apply({ type: "join", session: "h", rooms: ["own"] }, 11, 0);
  table.apply({ type: "leave", session: "h", rooms: ["own"] }, 12, 0);
  const keys = [...table.candidates({ offset: 11, tags: ["own"], except: [] })].map((s) => s.key);
  expect(keys).toEqual(["h", "a"]);
});
