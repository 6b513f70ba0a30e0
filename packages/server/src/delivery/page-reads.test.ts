/** Pages that are read for many: how many at once, whose turn it is, and how much one turn of the event loop does. */
import type { Page } from "@holdfast/journal";
import { expect, it } from "vitest";
import { type PageReader, PageReads } from "./page-reads.ts";

const page: Page = { entries: [], next: 0, gaps: [] };

function setUp(max: number) {
  const turns: (() => void)[] = [];
  const reads = new PageReads(max, (run) => void turns.push(run));
  const done: number[] = [];
  const onDisk: ((page: Page) => void)[] = [];
  /** Somebody who wants one page: what is in memory is there at once. */
  const want = (number: number, inMemory: boolean): void => {
    const request = () => (inMemory ? page : new Promise<Page>((resolve) => onDisk.push(resolve)));
    const reader: PageReader = {
      again: () => want(number, inMemory),
      taken: () => void done.push(number),
      failed: () => void done.push(-number),
    };
    if (reads.read(request, reader) !== undefined) done.push(number);
  };
  /** The next turn of the event loop. @returns whether anything ran in it */
  const turn = (): boolean => {
    const runs = turns.splice(0);
    for (const run of runs) run();
    return runs.length > 0;
  };
  const answer = async (): Promise<void> => {
    onDisk.shift()?.(page);
    await Promise.resolve();
  };
  return { want, turn, answer, done, onDisk };
}

it("reads so many at once, and the others in their order", async () => {
  const { want, turn, answer, done, onDisk } = setUp(2);
  for (const number of [1, 2, 3, 4]) want(number, false);
  expect(onDisk).toHaveLength(2);
  await answer();
  expect(done).toEqual([1]);
  // Whoever comes now does not go before those who wait.
  want(5, true);
  expect(turn()).toBe(true);
  expect(onDisk).toHaveLength(2);
  await answer();
  await answer();
  turn();
  expect(done).toEqual([1, 2, 3, 5]);
  await answer();
  expect(done).toEqual([1, 2, 3, 5, 4]);
  turn();
  expect(turn()).toBe(false);
});

it("lets on only some in one turn, though all that they want is in memory", async () => {
  const { want, turn, answer, done } = setUp(1);
  want(0, false);
  for (let number = 1; number <= 100; number++) want(number, true);
  await answer();
  const perTurn: number[] = [];
  for (let before = done.length; turn(); before = done.length) perTurn.push(done.length - before);
  expect(perTurn.slice(0, 4)).toEqual([32, 32, 32, 4]);
  expect(done).toEqual(Array.from({ length: 101 }, (_, number) => number));
});

it("gives only some in one turn, whoever asks", async () => {
  const { want, turn, done } = setUp(1);
  for (let number = 1; number <= 50; number++) want(number, true);
  expect(done).toHaveLength(32);
  expect(turn()).toBe(true);
  expect(done).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(turn()).toBe(true);
  expect(turn()).toBe(false);
});
