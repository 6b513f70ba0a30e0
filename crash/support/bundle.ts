/**
 * Makes the programs of the crash tests runnable: Node 20 reads no TypeScript. The sources of the packages are bundled
 * in, so nothing needs to be built before; what comes from npm stays outside.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";

/** Tests and scripts start in the root of the repository; a bundle of this file does not know where it came from. */
export const root = process.cwd();

/** A folder of their own below the repository, where they find node_modules. */
const folder = join(root, "temp/crash", `programs-${process.pid}`);

const packagesOutside: Plugin = {
  name: "packages-outside",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path }) =>
      /^(holdfast|@holdfast\/)/.test(path) ? undefined : { external: true },
    );
  },
};

export interface Programs {
  readonly server: string;
  readonly clients: string;
  remove(): void;
}

export async function bundlePrograms(): Promise<Programs> {
  const names = ["server-program", "client-program"] as const;
  await build({
    entryPoints: names.map((name) => join(root, "crash/programs", `${name}.ts`)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@holdfast/source"],
    plugins: [packagesOutside],
    logLevel: "error",
  });
  return {
    server: join(folder, "server-program.mjs"),
    clients: join(folder, "client-program.mjs"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
