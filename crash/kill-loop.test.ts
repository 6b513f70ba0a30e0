/**
 * The kill loop in its short form; `npm run verify:long` has the long one. The original goes through it first: a
 * harness that sees it lose nothing would see nothing.
 */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leftOut } from "../conformance/support/needs.ts";
import { describeFirst } from "./history/verdict.ts";
import { describeRun, type KillLoopOptions, keepHistory, runKillLoop } from "./kill-loop.ts";
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

describe("the original", () => {
  it("loses events when it is killed, and the harness sees it", async () => {
    const options = { ...usual, kills: 8, target: "socket.io" } as const;
    const result = await runKillLoop(programs, options);
    console.log(`socket.io: ${describeRun(result, options)}`);
    const { figures, violations } = result.verdict;
    expect(figures.kills).toBe(8);
    expect(figures.acked).toBeGreaterThan(100);
    expect(figures.lost).toBeGreaterThan(0);
    expect(figures.silentGaps).toBeGreaterThan(0);
    expect(violations.some(({ rule }) => rule === "I8")).toBe(true);
  });
});

const runs: [what: string, options: Partial<KillLoopOptions>][] = [
  ["45 kills", { kills: 45 }],
  [
    "15 kills, positions in the events, nothing flushed",
    { kills: 15, offsets: "argument", durability: "process" },
  ],
  ["cut connections, in memory", { kills: 15, durability: "memory" }],
];

describe("ours", () => {
  it.each(runs)("loses, repeats and invents nothing: %s", async (what, chosen) => {
    const options = { ...usual, ...chosen };
    const result = await runKillLoop(programs, options);
    const { verdict, lines } = result;
    console.log(`${what}: ${describeRun(result, options)}`);
    if (verdict.violations.length > 0) console.log(keepHistory(lines, `seed-${seed}`));
    expect(describeFirst(verdict, lines)).toBe("");
    expect(result.stuck).toBeUndefined();
    expect(verdict.figures.acked).toBeGreaterThan(4 * options.kills);
    expect(verdict.figures.kills).toBe(options.durability === "memory" ? 0 : options.kills);
  });
});
