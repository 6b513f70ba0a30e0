/**
 * `node bench/run.mjs [--quick] [--only W1,W2] [--peers holdfast,ws] [--reps 5] [--check]`, or with `--durable` what a
 * store costs and gives; `--all` is one after the other: see README.md.
 */
import { load } from "./bootstrap.mjs";

const words = process.argv.slice(2);
const rest = words.filter((word) => word !== "--durable" && word !== "--all");
const benchFolder = import.meta.dirname;
let exitCode = 0;

if (!words.includes("--durable")) {
  const { run } = await load("run.ts");
  exitCode = await run({ benchFolder, words: rest });
}
if (words.includes("--durable") || words.includes("--all")) {
  const { runDurable } = await load("durable/run.ts");
  exitCode = Math.max(exitCode, await runDurable({ benchFolder, words: rest }));
}
process.exitCode = exitCode;
