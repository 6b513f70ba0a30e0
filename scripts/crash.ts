/**
 * The kill loop of crash/ as long as one likes:
 *
 *   node scripts/run.mjs crash --kills 1000 --rate 800
 *   node scripts/run.mjs crash --seed 7 --offsets argument --durability process
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { describeFirst } from "../crash/history/verdict.ts";
import { describeRun, type KillLoopOptions, keepHistory, runKillLoop } from "../crash/kill-loop.ts";
import { bundlePrograms } from "../crash/support/bundle.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "1000" },
    rate: { type: "string", default: "800" },
    seed: { type: "string", default: `${randomInt(2 ** 31)}` },
    offsets: { type: "string", default: "event" },
    durability: { type: "string", default: "disk" },
    target: { type: "string", default: "holdfast" },
    "no-python": { type: "boolean", default: false },
  },
});

/** A kill takes about a second; nothing here may hang. */
const msPerKill = 10_000;

const options = {
  seed: Number(values.seed),
  kills: Number(values.kills),
  target: values.target as KillLoopOptions["target"],
  offsets: values.offsets as KillLoopOptions["offsets"],
  durability: values.durability as KillLoopOptions["durability"],
  python: !values["no-python"],
  eventsPerSecond: Number(values.rate),
  limitMs: 180_000 + Number(values.kills) * msPerKill,
};

const programs = await bundlePrograms();
try {
  const result = await runKillLoop(programs, options);
  console.log(describeRun(result, options));
  const { verdict, lines, stuck } = result;
  if (stuck !== undefined) process.exitCode = 1;
  if (verdict.violations.length > 0) {
    console.log(describeFirst(verdict, lines));
    console.log(`the whole history: ${keepHistory(lines, `seed-${options.seed}`)}`);
    process.exitCode = 1;
  }
} finally {
  programs.remove();
}
