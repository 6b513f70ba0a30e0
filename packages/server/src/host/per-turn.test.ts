/** So many things in a turn: the first ones at once, the others in their order, and each turn as many again. */
import { expect, it } from "vitest";
import { PerTurn } from "./per-turn.ts";

const tick = () => new Promise<void>((resolve) => process.nextTick(resolve));

function setUp(max: number) {
  const turns: (() => void)[] = [];
  const perTurn = new PerTurn(max, (run) => void turns.push(run));
  /** The next turn of the event loop. @returns whether anything was to run in it */
  const turn = async (): Promise<boolean> => {
    const runs = turns.splice(0);
    for (const run of runs) run();
    await tick();
    return runs.length > 0;
  };
  return { perTurn, turn };
}

it("does so many at once, and so many more in each turn", async () => {
  const { perTurn, turn } = setUp(3);
  const done: number[] = [];
  for (let number = 1; number <= 8; number++) perTurn.add(() => done.push(number));
  expect(done).toEqual([]);
  await tick();
  expect(done).toEqual([1, 2, 3]);
  await turn();
  expect(done).toEqual([1, 2, 3, 4, 5, 6]);
  // Whoever comes now has its place behind those who wait.
  perTurn.add(() => done.push(9));
  perTurn.add(() => done.push(10));
  await turn();
  expect(done).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await turn();
  expect(done).toHaveLength(10);
  await turn();
  expect(await turn()).toBe(false);
  perTurn.add(() => done.push(11));
  await tick();
  expect(done).toHaveLength(11);
});
