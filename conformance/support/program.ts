/**
 * Makes programs of the repository runnable in processes of their own: Node 20 reads no TypeScript. The sources of the
 * packages are bundled in, so nothing needs to be built before; what comes from npm stays outside.
 */
import { build, type Plugin } from "esbuild";

const packagesOutside: Plugin = {
  name: "packages-outside",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path }) =>
      /^(holdfast|@holdfast\/)/.test(path) ? undefined : { external: true },
    );
  },
};

/** Bundles each program to `<folder>/<its name>.mjs`. The folder has to be below the root, where they find node_modules. */
export async function bundlePrograms(paths: readonly string[], folder: string): Promise<void> {
  await build({
    entryPoints: [...paths],
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
}
