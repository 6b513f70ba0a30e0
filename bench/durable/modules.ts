/** The journal package alone, bundled from its sources: what the server has of it in itself. */
import { join } from "node:path";
import { build } from "esbuild";
import type { HoldfastModule } from "../harness/holdfast-module.ts";
import type { Modules } from "./node-peer.ts";

export async function findModules(benchFolder: string, ours: HoldfastModule): Promise<Modules> {
  const journal = join(benchFolder, "build", "journal-source.mjs");
  await build({
    entryPoints: [join(benchFolder, "..", "packages/journal/src/index.ts")],
    outfile: journal,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    logLevel: "error",
  });
  return { holdfast: ours.file, journal };
}
