/** Runs the load generator and reads what it says, one line of JSON per event. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { endChild, within } from "./child.ts";

const runLimitMs = 180_000;

/** What the load generator measured in its window, after it checked every delivery. */
export interface LoadResult {
  readonly delivered: number;
  /** Deliveries of the whole run, warm-up included, whose bytes and order were verified. */
  readonly checked: number;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly loadgenCpuSeconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

type LoadEvent =
  | { readonly event: "window-opens" | "window-closes" | "holding" | "away" }
  | { readonly event: "failed"; readonly reason: string }
  | ({ readonly event: "result" } & LoadResult);

/** What is put under load. */
export interface LoadTarget {
  readonly name: string;
  readonly protocol: "socket.io" | "bare" | "redis" | "nats";
  readonly port: number;
  /** Whose CPU time is read. */
  readonly pid: number;
}

export interface LoadOptions {
  readonly binary: string;
  readonly peer: LoadTarget;
  readonly workload: "relay" | "echo" | "storm" | "idle" | "polling" | "publish" | "resume";
  readonly settings: Readonly<Record<string, string | number>>;
  readonly windowOpened?: () => void;
  readonly windowClosed?: () => void;
  /** Idle only: runs while the connections are held. */
  readonly holding?: () => Promise<void>;
  /** Resume only: runs while the clients are away. */
  readonly away?: () => Promise<void>;
}

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { binary, peer, workload, settings } = options;
  const words = Object.entries({
    port: peer.port,
    pid: peer.pid,
    protocol: peer.protocol,
    ...settings,
  }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(binary, [workload, ...words], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    return await within(runLimitMs, `${workload} on ${peer.name}`, follow(child, options));
  } finally {
    await endChild(child);
  }
}

async function follow(child: ChildProcess, options: LoadOptions): Promise<LoadResult> {
  if (child.stdout === null) throw new Error("the load generator has no output");
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as LoadEvent;
    switch (event.event) {
      case "window-opens":
        options.windowOpened?.();
        break;
      case "window-closes":
        options.windowClosed?.();
        break;
      case "holding":
        await options.holding?.();
        child.stdin?.end();
        break;
      case "away":
        await options.away?.();
        child.stdin?.write("published\n");
        break;
      case "failed":
        throw new Error(event.reason);
      case "result":
        return event;
    }
  }
  throw new Error("the load generator ended without a result");
}
