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

/** What it measured in one of several turns. */
export interface LoadTurn {
  readonly delivered: number;
  readonly serverCpuSeconds: number;
}

type LoadEvent =
  | { readonly event: "window-opens" | "window-closes" | "holding" | "away" | "rests" }
  | ({ readonly event: "turn" } & LoadTurn)
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

function startChild({ binary, peer, workload, settings }: LoadOptions): ChildProcess {
  const words = Object.entries({
    port: peer.port,
    pid: peer.pid,
    protocol: peer.protocol,
    ...settings,
  }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return spawn(binary, [workload, ...words], { stdio: ["pipe", "pipe", "inherit"] });
}

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { peer, workload } = options;
  const child = startChild(options);
  try {
    return await within(runLimitMs, `${workload} on ${peer.name}`, follow(child, options));
  } finally {
    await endChild(child);
  }
}

type Said = Exclude<LoadEvent, { readonly event: "failed" }>;

async function* eventsOf({ stdout }: ChildProcess): AsyncGenerator<Said, undefined> {
  if (stdout === null) throw new Error("the load generator has no output");
  for await (const line of createInterface({ input: stdout })) {
    const event = JSON.parse(line) as LoadEvent;
    if (event.event === "failed") throw new Error(event.reason);
    yield event;
  }
  return undefined;
}

/** A load that rests between its turns, in which others are measured: what else the machine does meets all of them alike. */
export class LoadInTurns {
  readonly #child: ChildProcess;
  readonly #events: AsyncGenerator<Said, undefined>;
  readonly #what: string;

  private constructor(options: LoadOptions) {
    this.#child = startChild(options);
    this.#events = eventsOf(this.#child);
    this.#what = `${options.workload} on ${options.peer.name}`;
  }

  /** Resolves when it is warm, and rests. The settings have a time to settle in. */
  static async start(options: LoadOptions): Promise<LoadInTurns> {
    const load = new LoadInTurns(options);
    try {
      await load.#until("rests");
      return load;
    } catch (error) {
      await load.kill();
      throw error;
    }
  }

  async turn(): Promise<LoadTurn> {
    this.#child.stdin?.write("turn\n");
    return this.#until("turn");
  }

  /** Resolves with the sum of its turns when all in flight has arrived, and was right. */
  async end(): Promise<LoadResult> {
    this.#child.stdin?.end();
    return this.#until("result");
  }

  async kill(): Promise<void> {
    await endChild(this.#child);
  }

  async #until<Name extends Said["event"]>(name: Name) {
    const { value } = await within(runLimitMs, this.#what, this.#events.next());
    if (value?.event === name) return value as Extract<Said, { event: Name }>;
    throw new Error(`expected "${name}" from the load generator, got "${value?.event}"`);
  }
}

async function follow(child: ChildProcess, options: LoadOptions): Promise<LoadResult> {
  for await (const event of eventsOf(child)) {
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
      case "rests":
      case "turn":
        throw new Error("a load in turns is started as one: LoadInTurns");
      case "result":
        return event;
    }
  }
  throw new Error("the load generator ended without a result");
}
