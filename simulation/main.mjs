/** What a bundle of the simulation does when it is started as a program. */
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2));
