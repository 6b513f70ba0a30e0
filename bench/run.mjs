/** `node bench/run.mjs [--quick] [--only W1,W2] [--peers holdfast,ws] [--reps 5] [--check]`: see README.md. */
import { load } from "./bootstrap.mjs";

const { run } = await load("run.ts");
process.exitCode = await run({ benchFolder: import.meta.dirname, words: process.argv.slice(2) });
