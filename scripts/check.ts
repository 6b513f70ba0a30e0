/**
 * The gate before a commit: `npm run check`. Format, lint with types, layers, types, the API report, then unit and
 * tidy tests. A step runs even when an earlier one failed. `--static` leaves the tests out.
 */
import { existsSync } from "node:fs";
import { run } from "./run-command.ts";

const bin = "node_modules/.bin";
const layered = [
  "packages",
  "conformance",
  "crash",
  "prove",
  "bench",
  "examples",
  "scripts",
  "simulation",
].filter((folder) => existsSync(folder));

const steps: (readonly [name: string, command: string, args: readonly string[]])[] = [
  ["format", `${bin}/biome`, ["ci", ...(process.stdout.isTTY ? [] : ["--colors=off"])]],
  ["lint", `${bin}/oxlint`, ["--type-aware", "--deny-warnings"]],
  ["layers", `${bin}/depcruise`, ["--config", ".dependency-cruiser.cjs", ...layered]],
  ["types", `${bin}/tsc`, ["--build"]],
  ["api", process.execPath, ["scripts/run.mjs", "api-report", "--check"]],
];
if (!process.argv.includes("--static")) {
  steps.push(["unit", process.execPath, ["scripts/run.mjs", "test", "--only", "unit"]]);
}

const failed: string[] = [];
const times: string[] = [];
for (const [name, command, args] of steps) {
  console.log(`\n== ${name}`);
  const { ok, seconds } = await run(command, args);
  times.push(`${name} ${seconds.toFixed(1)} s`);
  if (!ok) failed.push(name);
}
console.log(`\ncheck: ${times.join(", ")}`);
console.log(failed.length === 0 ? "check: green" : `check: failed in ${failed.join(", ")}`);
if (failed.length > 0) process.exitCode = 1;
