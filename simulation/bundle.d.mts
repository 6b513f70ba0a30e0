/** Types of bundle.mjs, which Node must be able to run as it is. */
import type { Plugin } from "esbuild";

export function bundle(options?: {
  readonly entry?: string;
  readonly outfile?: string;
  readonly plugins?: readonly Plugin[];
}): Promise<string>;
