/**
 * The public API as a committed text: `npm run api` writes docs/reference/api/*.api.md, `--check` (part of
 * `npm run check`) fails when they are not what the sources say, so that a changed API is seen in a diff.
 * Reads the declarations that `tsc --build` made.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { compareApiReport } from "./api-extractor.ts";

const root = process.cwd();
const check = process.argv.includes("--check");
const build = join(root, "packages/server/build");
mkdirSync(join(root, "docs/reference/api"), { recursive: true });

const changed = [
  { entry: join(build, "index.d.ts"), name: "holdfast" },
  { entry: join(build, "engine-entry.d.ts"), name: "holdfast-engine" },
  { entry: join(build, "journal-entry.d.ts"), name: "holdfast-journal" },
].filter(({ entry, name }) => compareApiReport(root, entry, name, !check));

for (const { name } of changed) {
  const report = `docs/reference/api/${name}.api.md`;
  console.log(check ? `${report} is not what the sources say` : `${report} written`);
}
if (check && changed.length > 0) {
  console.error(
    "The public API changed. If that is meant, run `npm run api` and commit the report.",
  );
  process.exitCode = 1;
}
