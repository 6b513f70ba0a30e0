/** Turns the TypeScript of the server and of the page into what Node 20 and browsers run. */
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const folder = fileURLToPath(new URL(".", import.meta.url));

export async function build() {
  const common = { absWorkingDir: folder, bundle: true, format: "esm", logLevel: "warning" };
  await esbuild.build({
    ...common,
    entryPoints: ["src/server.ts"],
    outfile: "build/server.js",
    platform: "node",
    target: "node20",
    packages: "external",
  });
  await esbuild.build({
    ...common,
    entryPoints: ["src/page.ts"],
    outfile: "build/page.js",
    target: "es2022",
  });
}
