/**
 * Node 20 cannot run TypeScript, so the bench is bundled before it starts.
 *
 * Everything lands in `bench/build/` (ignored by git); packages stay external and are resolved from
 * node_modules, as an app would.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const benchFolder = import.meta.dirname;

export async function load(entry) {
  const folders = ["peers", "durable/peers"];
  const peers = (
    await Promise.all(
      folders.map(async (folder) =>
        (await readdir(join(benchFolder, folder))).map((file) => `${folder}/${file}`),
      ),
    )
  ).flat();
  await build({
    absWorkingDir: benchFolder,
    entryPoints: [entry, ...peers],
    outbase: ".",
    outdir: "build",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "esm",
    logLevel: "warning",
  });
  return import(join(benchFolder, "build", entry.replace(/\.ts$/, ".mjs")));
}
