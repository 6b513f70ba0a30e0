/** The brokers that we are compared with, as Debian ships them, on 127.0.0.1 and in a folder of the same disk. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endChild } from "../harness/child.ts";
import type { LoadTarget } from "../harness/load-generator.ts";

export const brokerNames = ["redis-always", "redis-everysec", "nats"] as const;
export type BrokerName = (typeof brokerNames)[number];

const startLimitMs = 15_000;

function commandOf(name: BrokerName, port: number, folder: string): string[] {
  if (name === "nats") {
    return ["nats-server", "-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder];
  }
  const policy = name === "redis-always" ? "always" : "everysec";
  const persistence = ["--save", "", "--appendonly", "yes", "--appendfsync", policy];
  // A rewrite of the log in the window would be measured with it.
  const rewrite = ["--auto-aof-rewrite-percentage", "0"];
  const place = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder];
  return ["redis-server", ...place, ...persistence, ...rewrite];
}

export class Broker implements LoadTarget {
  readonly name: BrokerName;
  readonly protocol: "redis" | "nats";
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(name: BrokerName, child: ChildProcess, port: number, pid: number) {
    this.name = name;
    this.protocol = name === "nats" ? "nats" : "redis";
    this.#child = child;
    this.port = port;
    this.pid = pid;
  }

  /** @param under what it is run by: strace */
  static async start(
    name: BrokerName,
    parent: string,
    under: readonly string[] = [],
  ): Promise<Broker> {
    const port = await freePort();
    const folder = join(parent, `${name}-${port}`);
    await mkdir(folder, { recursive: true });
    const [command = "", ...words] = [...under, ...commandOf(name, port, folder)];
    const child = spawn(command, words, { stdio: "ignore" });
    try {
      await listening(child, port, name);
      const pid = under.length === 0 ? (child.pid ?? 0) : await onlyChildOf(child.pid ?? 0);
      return new Broker(name, child, port, pid);
    } catch (error) {
      await endChild(child);
      throw error;
    }
  }

  async end(): Promise<void> {
    await endChild(this.#child);
  }

  /** Ends what strace runs, so that strace says what it has counted. */
  async endTraced(): Promise<void> {
    const gone = once(this.#child, "exit");
    process.kill(this.pid, "SIGTERM");
    await gone;
  }
}

/** A process that strace started. */
export async function onlyChildOf(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const [child] = children.trim().split(" ");
  if (child === undefined || child === "") throw new Error(`process ${pid} has no child`);
  return Number(child);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function listening(child: ChildProcess, port: number, name: string): Promise<void> {
  const deadline = performance.now() + startLimitMs;
  let failure: unknown;
  child.once("error", (error) => {
    failure = error;
  });
  while (performance.now() < deadline && child.exitCode === null && failure === undefined) {
    if (await answers(port)) return;
    await sleep(50);
  }
  throw new Error(`${name} did not start: apt-get install redis-server nats-server strace`, {
    cause: failure,
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
