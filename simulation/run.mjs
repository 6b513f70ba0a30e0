/** Bundles the simulation with the code it simulates, and runs it: Node 20 cannot read TypeScript. See README.md. */
import { pathToFileURL } from "node:url";
import { bundle } from "./bundle.mjs";

const { run } = await import(pathToFileURL(await bundle()).href);
process.exitCode = await run(process.argv.slice(2));
