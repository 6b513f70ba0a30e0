/** Runs the bundled simulation in processes of their own, as many at once as there are processors. */
import { spawn } from "node:child_process";
import type { Figures } from "./campaign.ts";

export const workerCount = 2;

/** @returns resolves with what the process printed at its end */
export function runWorker(program: string, words: readonly string[]): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--enable-source-maps", program, ...words, "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", () => {
      const last = output.trim().split("\n").at(-1) ?? "";
      if (last.startsWith("{")) resolve(JSON.parse(last) as Figures);
      else reject(new Error(`the simulation ended without figures: ${output.slice(-2000)}`));
    });
  });
}

/** What several processes found, together. */
export function sum(all: readonly Figures[]): Figures {
  const add = (key: "seeds" | "repeated" | "steps" | "deliveries" | "virtualMs") =>
    all.reduce((total, figures) => total + figures[key], 0);
  return {
    seeds: add("seeds"),
    repeated: add("repeated"),
    steps: add("steps"),
    deliveries: add("deliveries"),
    virtualMs: add("virtualMs"),
    found: all.flatMap(({ found }) => found),
  };
}
