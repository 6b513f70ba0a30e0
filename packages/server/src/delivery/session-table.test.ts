/**
 * What records lead to. Since when a session is offline: by a clock that does not jump, also when its record says another
 * time. What is owed of older entries, and what of it has arrived.
 */
import { expect, it } from "vitest";
import { decodeChange } from "./session-changes.ts";
import { SessionTable } from "./session-table.ts";

const weekMs = 7 * 86_400_000;

function stage() {
  const table = new SessionTable({ count: 10, characters: 1000 });
  const change = { session: "a", pid: "pid", socketId: "id", rooms: [] };
  table.apply({ type: "start", ...change }, 1, 2 * weekMs);
  return { table, since: () => table.byKey.get("a")?.offlineSinceMs };
}

it("takes the time of the disconnection, not of its record: the wall clock may have been set", () => {
  const { table, since } = stage();
  table.apply({ type: "disconnect", session: "a", atMs: 2 * weekMs + 5 }, 2, weekMs);
  expect(since()).toBe(2 * weekMs + 5);
});

it("takes the time of the record where an older version has written it", () => {
  const { table, since } = stage();
  table.apply({ type: "disconnect", session: "a" }, 2, 2 * weekMs + 9);
  expect(since()).toBe(2 * weekMs + 9);
});

it("has nobody offline since the start of its session: it is connected then", () => {
  expect(stage().since()).toBeUndefined();
});

it("owes no more what has arrived, in some rooms at once or in one as older versions have written it", () => {
  const { table } = stage();
  table.apply({ type: "join", session: "a", rooms: ["x", "y", "z"], since: 0 }, 9, 0);
  const owed = () => table.byKey.get("a")?.backfills?.map(({ room, next }) => [room, next]);
  const [until = 0] = table.byKey.get("a")?.backfills?.map((backfill) => backfill.until) ?? [];
  const arrived = [["x", until, until] as const, ["y", 3, until] as const];
  table.apply({ type: "backfills", session: "a", arrived }, 10, 0);
  expect(owed()).toEqual([
    ["y", 3],
    ["z", 0],
  ]);
  const former = { type: "backfill", session: "a", room: "y", next: until, until };
  table.apply(decodeChange(Buffer.from(JSON.stringify(former))), 11, 0);
  expect(owed()).toEqual([["z", 0]]);
});

it("finds a session by the ids of its sockets, whatever else is asked for", () => {
  const { table } = stage();
  const session = table.byKey.get("a");
  const long = "x".repeat(34);
  expect(table.bySocketId("id")).toBe(session);
  expect(table.bySocketId(long)).toBeUndefined();
  if (session !== undefined) table.name(session, "another id", undefined);
  expect(table.bySocketId("another id")).toBe(session);
  for (const other of ["", "no", "longer", long, 2, true, null, undefined, { length: 2 }]) {
    expect(table.bySocketId(other as string)).toBeUndefined();
  }
});
