/** A peer as a child process: fresh for every measurement. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ControlReply, ControlRequest } from "../peers/control.ts";
import { endChild, within } from "./child.ts";
import { type PeerName, type Protocol, protocolOf } from "./peers.ts";

const replyLimitMs = 30_000;

export interface PeerOptions {
  readonly benchFolder: string;
  readonly name: PeerName;
  /** Where `holdfast` comes from; undefined: the package as an app would import it. */
  readonly holdfastModule: string | undefined;
  readonly nodeFlags?: readonly string[];
  /** For ours: the options of the server. */
  readonly serverOptions?: object;
}

export interface Memory {
  readonly rssBytes: number;
  readonly heapBytes: number;
}

export class PeerProcess {
  readonly name: PeerName;
  readonly protocol: Protocol;
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(name: PeerName, child: ChildProcess, port: number) {
    this.name = name;
    this.protocol = protocolOf[name];
    this.port = port;
    this.#child = child;
  }

  static async start(options: PeerOptions): Promise<PeerProcess> {
    const { benchFolder, name, holdfastModule, nodeFlags = [], serverOptions } = options;
    const script = join(benchFolder, "build", "peers", `${name}.mjs`);
    const child = spawn(process.execPath, ["--expose-gc", ...nodeFlags, script], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: {
        ...process.env,
        NODE_ENV: "production",
        ...(holdfastModule === undefined ? {} : { HOLDFAST_BENCH_MODULE: holdfastModule }),
        ...(serverOptions && { HOLDFAST_BENCH_OPTIONS: JSON.stringify(serverOptions) }),
      },
    });
    try {
      const { port } = await replyOf(child, "listening");
      return new PeerProcess(name, child, port);
    } catch (error) {
      await endChild(child);
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resident memory and JS heap after a forced collection. */
  async memory(): Promise<Memory> {
    const { heapBytes } = await this.#request({ type: "collect" }, "collected");
    const status = await readFile(`/proc/${this.pid}/status`, "utf8");
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    return { rssBytes: kilobytes * 1024, heapBytes };
  }

  async startProfile(samplingUs: number): Promise<void> {
    await this.#request({ type: "profile-start", samplingUs }, "profile-started");
  }

  async stopProfile(file: string): Promise<void> {
    await this.#request({ type: "profile-stop", file }, "profile-stopped");
  }

  async writeHeapSnapshot(file: string): Promise<void> {
    await this.#request({ type: "heap-snapshot", file }, "heap-written");
  }

  async end(): Promise<void> {
    await endChild(this.#child);
  }

  async #request<Type extends ControlReply["type"]>(request: ControlRequest, type: Type) {
    const reply = replyOf(this.#child, type);
    this.#child.send(request);
    return reply;
  }
}

async function replyOf<Type extends ControlReply["type"]>(
  child: ChildProcess,
  type: Type,
): Promise<Extract<ControlReply, { type: Type }>> {
  const reply = new Promise<ControlReply>((resolve, reject) => {
    child.once("message", (message) => resolve(message as ControlReply));
    child.once("exit", (code) => reject(new Error(`the peer ended with code ${code}`)));
    child.once("error", reject);
  });
  const message = await within(replyLimitMs, `"${type}" from the peer`, reply);
  if (message.type !== type) throw new Error(`expected "${type}", got "${message.type}"`);
  return message as Extract<ControlReply, { type: Type }>;
}
