/** Makes the programs of the crash tests runnable. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { bundlePrograms as bundleTo } from "../../conformance/support/program.ts";

/** Tests and scripts start in the root of the repository; a bundle of this file does not know where it came from. */
export const root = process.cwd();

/** A folder of their own below the repository, where they find node_modules. */
const folder = join(root, "temp/crash", `programs-${process.pid}`);

export interface Programs {
  readonly server: string;
  readonly clients: string;
  remove(): void;
}

export async function bundlePrograms(): Promise<Programs> {
  const names = ["server-program", "client-program"] as const;
  const paths = names.map((name) => join(root, "crash/programs", `${name}.ts`));
  await bundleTo(paths, folder);
  return {
    server: join(folder, "server-program.mjs"),
    clients: join(folder, "client-program.mjs"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
