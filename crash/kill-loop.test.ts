/**
 * The kill loop in its short form; `npm run verify:long` has the long one. The original goes through it first: a
 * harness that sees it lose nothing would see nothing.
 */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leftOut } from "../conformance/support/needs.ts";
import { describeFigures } from "./history/verdict.ts";
import { type KillLoopOptions, type KillLoopResult, runKillLoop } from "./kill-loop.ts";
import { bundlePrograms, type Programs } from "./support/bundle.ts";

/** Runs a failure again, as far as the machine lets it. */
const seed = Number(process.env["HOLDFAST_CRASH_SEED"] ?? randomInt(2 ** 31));

let programs: Programs;
beforeAll(async () => {
  programs = await bundlePrograms();
});
afterAll(() => programs.remove());

const usual: KillLoopOptions = {
  seed,
  kills: 60,
  target: "holdfast",
  offsets: "event",
  durability: "disk",
  python: !leftOut("python"),
  eventsPerSecond: 400,
  limitMs: 280_000,
};

function print(name: string, { verdict, readyMs, healMs }: KillLoopResult): void {
  const p99 = readyMs[Math.ceil(readyMs.length * 0.99) - 1] ?? Number.NaN;
  const times = `ready p99 ${Math.round(p99)} ms, healed in ${Math.round(healMs)} ms`;
  const figures = describeFigures(verdict.figures);
  console.log(`${name}, HOLDFAST_CRASH_SEED=${seed}: ${figures}, ${times}`);
}

describe("the original", () => {
  it("loses events when it is killed, and the harness sees it", async () => {
    const options = { ...usual, kills: 8, target: "socket.io" } as const;
    const result = await runKillLoop(programs, options);
    print("socket.io", result);
    const { figures, violations } = result.verdict;
    expect(figures.kills).toBe(8);
    expect(figures.acked).toBeGreaterThan(100);
    expect(figures.lost).toBeGreaterThan(0);
    expect(figures.silentGaps).toBeGreaterThan(0);
    expect(violations.some(({ rule }) => rule === "I8")).toBe(true);
  });
});
