/** Since when a session is offline: by a clock that does not jump, also when its record says another time. */
import { expect, it } from "vitest";
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
