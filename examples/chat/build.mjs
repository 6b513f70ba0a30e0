/** Turns the TypeScript of the server and of the page into what Node 20 and browsers run. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const folder = fileURLToPath(new URL(".", import.meta.url));

const server = {
  entryPoints: ["src/server.ts"],
  outfile: "build/server.js",
  platform: "node",
  target: "node20",
  packages: "external",
};

const page = { entryPoints: ["src/page.ts"], outfile: "build/page.js", target: "es2022" };

export async function build() {
  const common = { absWorkingDir: folder, bundle: true, format: "esm", logLevel: "warning" };
  for (const part of [server, page]) {
    const { outputFiles } = await esbuild.build({ ...common, ...part, write: false });
    for (const { path, contents } of outputFiles) await replace(path, contents);
  }
}

/** In one step: a chat that runs from the same folder never reads half a file. */
async function replace(path, contents) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.${process.pid}`, contents);
  await rename(`${path}.${process.pid}`, path);
}
