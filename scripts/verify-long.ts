/**
 * `npm run verify:long`: the long forms of what `npm test` runs short. Hours, for a night.
 *
 *   npm run verify:long                         everything
 *   npm run verify:long -- --only crash         one of them
 */
import { parseArgs } from "node:util";
import { run } from "./run-command.ts";

interface Step {
  readonly name: string;
  readonly what: string;
  readonly args: readonly string[];
  readonly hoursMax: number;
}

const vitest = "node_modules/vitest/vitest.mjs";

const steps: readonly Step[] = [
  {
    name: "journal",
    what: "power cuts at every call, every disk call failing, damage at every record",
    args: [vitest, "run", "--no-file-parallelism", ".durability."],
    hoursMax: 3,
  },
  {
    name: "decoders",
    what: "200,000 inputs for each decoder of the journal",
    args: [vitest, "run", "--project", "protocol", "packages/journal/src/files/decoders"],
    hoursMax: 1,
  },
  {
    name: "upgrades",
    what: "10,000 schedules of the upgrade to WebSocket, with a fault at each of its steps",
    args: [vitest, "run", "--project", "behaviour", "conformance/behaviour/upgrade/schedules"],
    hoursMax: 2,
  },
  {
    name: "simulation",
    what: "20,000 seeds of the real server, the stock client, and everything that goes wrong between them",
    args: ["simulation/run.mjs", "--seeds", "20000"],
    hoursMax: 6,
  },
  {
    name: "simulation-wide",
    what: "20,000 seeds with the journal in files and power cuts, handlers with once, and what else is wide",
    args: ["simulation/run.mjs", "--wide", "--seeds", "20000"],
    hoursMax: 6,
  },
  {
    name: "crash",
    what: "1,000 kills, positions as markers, everything flushed",
    args: ["scripts/run.mjs", "crash", "--kills", "1000"],
    hoursMax: 3,
  },
  {
    name: "crash-argument",
    what: "300 kills, positions in the events, nothing flushed",
    args: ["scripts/run.mjs", "crash", "--kills", "300", "--offsets", "argument"].concat([
      "--durability",
      "process",
    ]),
    hoursMax: 1,
  },
  {
    name: "planted",
    what: "the planted faults, each looked for in up to 20,000 seeds: all of them must be found",
    args: ["simulation/mutate.mjs"],
    hoursMax: 6,
  },
  {
    name: "guards",
    what: "the guards against hostile bytes taken out one by one: each must be missed by a test of its number",
    args: ["scripts/run.mjs", "mutate-security"],
    hoursMax: 2,
  },
];

const hourMs = 3_600_000;

const { values } = parseArgs({ options: { only: { type: "string" } } });
const chosen = steps.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) {
  console.error(`--only ${values.only}: expected one of ${steps.map(({ name }) => name).join()}`);
  process.exit(2);
}

// Tests that have a long form read this.
process.env["HOLDFAST_LONG"] = "1";
const failed: string[] = [];
for (const { name, what, args, hoursMax } of chosen) {
  console.log(`\n== ${name}: ${what}`);
  const { ok, seconds } = await run(process.execPath, args, { timeoutMs: hoursMax * hourMs });
  console.log(`${name}: ${ok ? "passed" : "FAILED"} after ${(seconds / 60).toFixed(1)} minutes`);
  if (!ok) failed.push(name);
}
if (failed.length > 0) {
  console.error(`FAILED ${failed.join(", ")}`);
  process.exitCode = 1;
}
