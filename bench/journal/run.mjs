/** `node bench/journal/run.mjs [folder] [--reps 3]`: what a durable append costs, against a bare flush, and recovery. See bench/README.md. */
import { load } from "../bootstrap.mjs";

const { run } = await load("journal/append.ts");
await run(process.argv.slice(2));
