/**
 * Which build of ours a run measures: the package's `dist`, unless a source is newer than it; then
 * a bundle of the sources, so that nobody measures yesterday's code.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

export interface HoldfastModule {
  /** undefined: `import("holdfast")`, as an app would. */
  readonly file: string | undefined;
  readonly description: string;
}

async function newestChange(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const times = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".test.ts"))
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).mtimeMs);
  return Math.max(0, ...(await Promise.all(times)));
}

async function changedAt(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;
}

/** Bundles the server of a folder of packages into one file. */
export async function bundleSources(packages: string, file: string): Promise<void> {
  await build({
    entryPoints: [join(packages, "server/src/index.ts")],
    outfile: file,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    conditions: ["@holdfast/source"],
    external: ["ws", "cors", "debug", "cookie", "negotiator"],
    sourcemap: "linked",
    logLevel: "error",
  });
}

export async function findHoldfast(benchFolder: string): Promise<HoldfastModule> {
  const packages = join(benchFolder, "..", "packages");
  const built = await changedAt(join(packages, "server/dist/index.cjs"));
  const changes = ["server/src", "protocol/src", "journal/src"].map((name) =>
    newestChange(join(packages, name)),
  );
  const changed = Math.max(...(await Promise.all(changes)));
  if (built > 0 && built >= changed)
    return { file: undefined, description: "packages/server/dist" };
  const file = join(benchFolder, "build", "holdfast-source.cjs");
  await bundleSources(packages, file);
  return { file, description: "bundled from packages/server/src (newer than dist)" };
}
