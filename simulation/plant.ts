/** Bundles the simulation with one fault in it, and looks for it. */
import { rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";
import type { Found } from "./campaign.ts";
import type { Fault } from "./faults.ts";
import { runWorker } from "./workers.ts";

export type Bundle = (options: {
  readonly entry: string;
  readonly outfile: string;
  readonly plugins: readonly Plugin[];
}) => Promise<string>;

/** Puts the fault into its file while that is bundled. @throws Error when the code is not there, or not once */
function planted(fault: Fault): Plugin {
  return {
    name: "plant",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (!path.endsWith(fault.file)) return undefined;
        const text = await readFile(path, "utf8");
        const places = text.split(fault.code).length - 1;
        if (places !== 1) throw new Error(`${places} places in ${fault.file} have ${fault.code}`);
        return { contents: text.replace(fault.code, () => fault.without), loader: "ts" };
      });
    },
  };
}

export interface Search {
  readonly fault: Fault;
  readonly found: Found | undefined;
  readonly seeds: number;
}

/** Runs seeds until the fault shows. */
export async function search(
  bundle: Bundle,
  fault: Fault,
  { number, seeds }: { readonly number: number; readonly seeds: number },
): Promise<Search> {
  const outfile = `fault-${process.pid}-${number}.mjs`;
  const program = await bundle({ entry: "main.mjs", outfile, plugins: [planted(fault)] });
  try {
    const figures = await runWorker(program, [
      "--first",
      `--seeds=${seeds}`,
      ...(fault.words ?? []),
    ]);
    return { fault, found: figures.found[0], seeds: figures.seeds };
  } finally {
    rmSync(program, { force: true });
  }
}
