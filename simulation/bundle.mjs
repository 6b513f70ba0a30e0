/**
 * The simulation as one file for Node, in `temp/simulation/`. The stock client comes in its build without debug
 * output; whatever reaches for a real network stays outside, and is never called.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const client = (name) => join(root, "node_modules", name, "build/esm/index.js");

/** @returns the path of the bundle */
export async function bundle({
  entry = "run.ts",
  outfile = `run-${process.pid}.mjs`,
  plugins = [],
} = {}) {
  const file = join(root, "temp/simulation", outfile);
  await build({
    absWorkingDir: root,
    entryPoints: [join(root, "simulation", entry)],
    outfile: file,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@holdfast/source"],
    alias: {
      "socket.io-client": client("socket.io-client"),
      "engine.io-client": client("engine.io-client"),
    },
    external: ["ws", "xmlhttprequest-ssl", "debug", "cors", "cookie", "negotiator", "vitest"],
    sourcemap: "inline",
    logLevel: "error",
    plugins,
  });
  process.setMaxListeners(0);
  process.once("exit", () => rmSync(file, { force: true }));
  return file;
}
