/** What is kept of handlers with `once`: how much, and over a checkpoint. */
import { expect, it } from "vitest";
import { type OnceKey, type OnceLine, OnceTable } from "./once-table.ts";

const roomy = { count: 100, characters: 10_000 };

const key = (id: string): OnceKey => ({ producer: "server", event: "pay", id });

it("gives the answer that was kept, and forgets that the handler had begun", () => {
  const table = new OnceTable(roomy);
  table.begin(key("a"));
  table.begin(key("a"));
  expect(table.attempts(key("a"))).toBe(2);
  expect(table.reply(key("a"))).toBeUndefined();
  table.keep(key("a"), [{ receipt: 1 }]);
  expect(table.reply(key("a"))).toEqual([{ receipt: 1 }]);
  expect(table.attempts(key("a"))).toBe(0);
});

it("tells calls apart by producer, event and id", () => {
  const table = new OnceTable(roomy);
  table.keep({ producer: "a", event: "b", id: "c" }, []);
  expect(table.reply({ producer: "b", event: "b", id: "c" })).toBeUndefined();
  expect(table.reply({ producer: "a", event: "c", id: "c" })).toBeUndefined();
  expect(table.reply({ producer: "a", event: "b", id: "b" })).toBeUndefined();
  expect(table.reply({ producer: "a", event: "b", id: "c" })).toEqual([]);
});

it("keeps so many answers, so many characters of them, and so many beginnings", () => {
  const table = new OnceTable({ count: 3, characters: 40 });
  for (const id of ["a", "b", "c", "d"]) {
    table.begin(key(id));
    table.begin(key(`${id}, without an answer`));
    table.keep(key(id), [id]);
  }
  expect(table.reply(key("a"))).toBeUndefined();
  expect(table.reply(key("b"))).toEqual(["b"]);
  expect(table.attempts(key("a, without an answer"))).toBe(0);
  expect(table.attempts(key("d, without an answer"))).toBe(1);
  table.keep(key("long"), ["x".repeat(30)]);
  expect(table.reply(key("c"))).toBeUndefined();
  expect(table.reply(key("long"))).toEqual(["x".repeat(30)]);
});

it("begins with what another has written down", () => {
  const before = new OnceTable(roomy);
  before.begin(key("begun"));
  before.keep(key("done"), ["yes"]);
  const after = new OnceTable(roomy);
  for (const line of JSON.parse(JSON.stringify(before.lines())) as OnceLine[]) after.restore(line);
  expect(after.attempts(key("begun"))).toBe(1);
  expect(after.reply(key("done"))).toEqual(["yes"]);
});
