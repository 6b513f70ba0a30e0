/** The server of programs/server-program.ts as a child process that can be killed, stopped and asked. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { within } from "../../conformance/support/within.ts";
import type { FromServer, ServerSetup, ToServer } from "../programs/messages.ts";

const startLimitMs = 30_000;
const answerLimitMs = 120_000;

export class ServerProcess {
  readonly port: number;
  /** From the start of the process to its being ready. */
  readonly startedInMs: number;
  readonly #child: ChildProcess;
  readonly #output: () => string;

  private constructor(
    child: ChildProcess,
    port: number,
    startedInMs: number,
    output: () => string,
  ) {
    this.#child = child;
    this.port = port;
    this.startedInMs = startedInMs;
    this.#output = output;
  }

  static async start(program: string, setup: ServerSetup): Promise<ServerProcess> {
    const started = performance.now();
    const child = fork(program, [JSON.stringify(setup)], {
      execArgv: ["--expose-gc"],
      env: { ...process.env, NODE_NO_WARNINGS: "1" },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let errors = "";
    child.stderr?.on("data", (chunk) => {
      errors = (errors + String(chunk)).slice(-20_000);
    });
    try {
      const ready = await messageOf(child, "ready", startLimitMs, () => errors);
      return new ServerProcess(child, ready.port, performance.now() - started, () => errors);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it has written to standard error. */
  get errors(): string {
    return this.#output();
  }

  /** Whether it is still there. */
  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it ended with; waits for it. */
  async ended(): Promise<number | string | null> {
    if (this.running) await once(this.#child, "exit");
    return this.#child.exitCode ?? this.#child.signalCode;
  }

  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    this.#child.kill(name);
  }

  /** Kills it, and waits until it is gone. Fails when it had ended by itself. */
  async kill(): Promise<void> {
    if (!this.running) throw new Error(`the server had ended by itself:\n${this.errors}`);
    this.signal("SIGKILL");
    await this.ended();
  }

  async ask<Type extends FromServer["type"]>(question: ToServer, type: Type) {
    const answer = messageOf(this.#child, type, answerLimitMs, this.#output);
    this.#child.send(question);
    return answer;
  }
}

/** The next message of a type. Fails, with what the child wrote last, when it ends. */
async function messageOf<Type extends FromServer["type"]>(
  child: ChildProcess,
  type: Type,
  limitMs: number,
  errors: () => string,
): Promise<Extract<FromServer, { type: Type }>> {
  let onMessage: (message: unknown) => void = () => undefined;
  let onExit: () => void = () => undefined;
  const answer = new Promise<Extract<FromServer, { type: Type }>>((resolve, reject) => {
    onMessage = (message) => {
      const told = message as FromServer;
      if (told.type === type) resolve(told as Extract<FromServer, { type: Type }>);
    };
    onExit = () => reject(new Error(`the server has ended:\n${errors()}`));
    if (child.exitCode !== null || child.signalCode !== null) onExit();
    child.on("message", onMessage);
    child.once("exit", onExit);
  });
  try {
    return await within(answer, `"${type}" from the server`, limitMs);
  } finally {
    child.off("message", onMessage);
    child.off("exit", onExit);
  }
}
