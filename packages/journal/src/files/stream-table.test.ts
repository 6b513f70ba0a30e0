/** The table of streams. Goal: a server with very many namespaces is not slower for each of them than one with few. */
import { expect, it } from "vitest";
import { defaultDeduplication } from "../deduplication.ts";
import type { StreamHost } from "./files-stream.ts";
import { StreamTable } from "./stream-table.ts";

const host: StreamHost = {
  append: () => undefined,
  read: () => ({ entries: [], next: 0, gaps: [] }),
  beginEpoch: () => Promise.resolve(),
};

const settings = { deduplication: defaultDeduplication, streamsMax: 100_000 };

const facts = (number: number, name: string) => ({
  ...{ number, name, head: 0, tail: 1, epochs: [], state: undefined, sessions: [] },
});

it("gives numbers, and finds by them, without looking at the others", () => {
  const table = new StreamTable(host, settings, []);
  const before = process.cpuUsage();
  for (let n = 1; n <= 50_000; n++) table.add(table.next(`/${n}`, "epoch"));
  for (let n = 1; n <= 50_000; n++) expect(table.numbered(n)?.name === `/${n}`).toBe(true);
  // A look at all of them each time is 2,500,000,000 steps.
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(5_000);
});

it("gives a number that no stream has, nor had when one could not be made", () => {
  const table = new StreamTable(host, settings, [facts(7, "/a"), facts(3, "/b")]);
  const stream = table.next("/c", "epoch");
  table.add(stream);
  expect([stream.number, table.numbered(8)]).toEqual([8, stream]);
  table.giveUp("/c", stream);
  expect([table.numbered(8), table.named("/c")]).toEqual([undefined, undefined]);
  expect(table.next("/d", "epoch").number).toBe(9);
});
