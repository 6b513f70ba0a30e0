/** A process of ours that keeps events, fresh for every measurement. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { endChild, within } from "../harness/child.ts";
import type { LoadTarget } from "../harness/load-generator.ts";
import type { DurableReply, DurableRequest } from "./requests.ts";

const replyLimitMs = 120_000;

export interface NodePeerOptions {
  readonly benchFolder: string;
  readonly script: "server" | "journal";
  readonly serverOptions: object;
  /** Where our code comes from. */
  readonly modules: Modules;
  /** What it is run by: strace. */
  readonly under?: readonly string[];
}

export interface Modules {
  /** undefined: the package as an app would import it. */
  readonly holdfast: string | undefined;
  readonly journal: string;
}

type Reply<Type extends DurableReply["type"]> = Extract<DurableReply, { type: Type }>;

export class NodePeer implements LoadTarget {
  readonly name = "holdfast";
  readonly protocol = "socket.io";
  readonly ready: Reply<"ready">;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ready: Reply<"ready">) {
    this.#child = child;
    this.ready = ready;
  }

  static async start(options: NodePeerOptions): Promise<NodePeer> {
    const { benchFolder, script, serverOptions, modules, under = [] } = options;
    const file = join(benchFolder, "build", "durable", "peers", `${script}.mjs`);
    const [command, ...words] = [...under, process.execPath, file];
    const child = spawn(command ?? "", words, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: {
        ...process.env,
        NODE_ENV: "production",
        HOLDFAST_BENCH_OPTIONS: JSON.stringify(serverOptions),
        HOLDFAST_BENCH_JOURNAL: modules.journal,
        ...(modules.holdfast && { HOLDFAST_BENCH_MODULE: modules.holdfast }),
      },
    });
    try {
      return new NodePeer(child, await replyOf(child, "ready"));
    } catch (error) {
      await endChild(child);
      throw error;
    }
  }

  get port(): number {
    return this.ready.port;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ask<Type extends DurableReply["type"]>(
    request: DurableRequest,
    type: Type,
  ): Promise<Reply<Type>> {
    const reply = replyOf(this.#child, type);
    this.#child.send(request);
    return reply;
  }

  async flushes(): Promise<number> {
    return (await this.ask({ type: "flushes" }, "flushed")).count;
  }

  /** Resolves when it has ended by itself. */
  async gone(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    await once(this.#child, "exit");
  }

  /** Kills it: nothing is closed, nothing is flushed any more. */
  async end(): Promise<void> {
    await endChild(this.#child);
  }
}

async function replyOf<Type extends DurableReply["type"]>(
  child: ChildProcess,
  type: Type,
): Promise<Reply<Type>> {
  const reply = new Promise<DurableReply>((resolve, reject) => {
    child.once("message", (message) => resolve(message as DurableReply));
    child.once("exit", (code) => reject(new Error(`the peer ended with code ${code}`)));
    child.once("error", reject);
  });
  const message = await within(replyLimitMs, `"${type}" from the peer`, reply);
  if (message.type === "failed") throw new Error(message.reason);
  if (message.type !== type) throw new Error(`expected "${type}", got "${message.type}"`);
  return message as Reply<Type>;
}
