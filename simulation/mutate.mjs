/**
 * `node simulation/mutate.mjs [--seeds 20000] [--only word] [--part 2/7]`: plants each fault of faults.ts into the code,
 * one after the other, and runs seeds until it is found. Exits with 1 when one is not.
 */
import { pathToFileURL } from "node:url";
import { bundle } from "./bundle.mjs";

const file = await bundle({ entry: "mutate.ts", outfile: `mutate-${process.pid}.mjs` });
const { mutate } = await import(pathToFileURL(file).href);
process.exitCode = await mutate(process.argv.slice(2), bundle);
