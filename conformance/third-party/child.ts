/** A server in a process of its own, which says over IPC on which port it listens. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { within } from "../support/clients.ts";

export interface ChildServer {
  readonly url: string;
  /** Asks it to close, and waits until it has ended by itself; gives its exit code. */
  stop(): Promise<number | null>;
}

const startLimitMs = 20_000;

export async function startChild(
  file: string,
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ChildServer> {
  const child = fork(file, { cwd, env: { ...process.env, ...env }, execArgv: [] });
  const exited = once(child, "exit") as Promise<[number | null]>;
  try {
    const ready = Promise.race([
      once(child, "message") as Promise<[{ port: number }]>,
      exited.then(([code]) => Promise.reject(new Error(`it ended with code ${code}`))),
    ]);
    const [{ port }] = await within(ready, `${file} to listen`, startLimitMs);
    return {
      url: `http://127.0.0.1:${port}`,
      async stop() {
        if (child.connected) child.send("stop");
        try {
          const [code] = await within(exited, `the end of ${file}`);
          return code;
        } finally {
          if (child.exitCode === null) child.kill("SIGKILL");
        }
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}
