/** Runs other programs for the scripts: no input, output straight to the terminal. */
import { spawn, spawnSync } from "node:child_process";

/** Runs a program to its end; when it fails, this process ends with the same code. */
export function runOrExit(command: string, args: readonly string[]): void {
  const { status, error } = spawnSync(command, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: environment(),
  });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Colours are for terminals: in a log they only get in the way. */
function environment(): NodeJS.ProcessEnv {
  if (process.stdout.isTTY) return process.env;
  const { FORCE_COLOR: _, ...rest } = process.env;
  return { ...rest, NO_COLOR: "1" };
}

export interface Finished {
  readonly ok: boolean;
  readonly seconds: number;
}

/** Runs a program to its end, or until `timeoutMs` is over, and tells how it went. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number } = {},
): Promise<Finished> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["ignore", "inherit", "inherit"],
      env: environment(),
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    });
    child.once("error", reject);
    child.once("close", (code) =>
      resolve({ ok: code === 0, seconds: (performance.now() - start) / 1000 }),
    );
  });
}
