/**
 * Runs one of the TypeScript scripts in this folder: `node scripts/run.mjs <name> [arguments]`.
 *
 * Node 20 cannot read TypeScript by itself, so the script is bundled first, into temp/scripts/; packages
 * stay outside of the bundle. Scripts start in the root of the repository, wherever they are called from.
 */
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const name = process.argv[2] ?? "";
if (!/^[a-z][a-z0-9-]*$/.test(name)) {
  console.error("usage: node scripts/run.mjs <name of a script in scripts/> [arguments]");
  process.exit(2);
}

process.chdir(root);
const outfile = join(root, "temp", "scripts", `${name}-${process.pid}.mjs`);
mkdirSync(dirname(outfile), { recursive: true });
await build({
  entryPoints: [join(root, "scripts", `${name}.ts`)],
  outfile,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  sourcemap: "inline",
  logLevel: "error",
});
process.once("exit", () => rmSync(outfile, { force: true }));
process.setSourceMapsEnabled(true);
process.argv.splice(1, 2, outfile);
await import(pathToFileURL(outfile).href);
