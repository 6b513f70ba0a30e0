/**
 * Starts victim-program.ts, watches over it, and asks it how it is.
 *
 *     const victim = await startVictim({ options: { limits: { bodyTimeout: 300 } } });
 *     … attack victim.port …
 *     expect(await victim.report()).toMatchObject({ connections: 0 }); // fails when the process has ended
 */
import { type ChildProcess, fork } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import { within } from "../support/clients.ts";
import { bundlePrograms } from "../support/program.ts";
import { type RawAnswer, RawConnection, rawRequest } from "../support/raw-http.ts";
import {
  FrameSocket,
  type FrameSpec,
  type OpenOptions,
  opcodes,
} from "../support/raw-websocket.ts";

export interface VictimSetup {
  /** The server's options, as far as JSON can say them. */
  readonly options?: object;
  readonly namespaces?: readonly string[];
  /** Serves all namespaces that begin with `/dynamic-`. */
  readonly dynamicNamespaces?: boolean;
  readonly slowMiddlewareMs?: number;
  readonly freezePrototype?: boolean;
  readonly canary?: boolean;
  /** What sockets deliver comes in chunks of one byte each. */
  readonly byteByByte?: boolean;
  /** Counts `copiedBytes`, which takes time. */
  readonly countCopies?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

export interface VictimReport {
  readonly refusals: Readonly<Record<string, number>>;
  readonly connections: number;
  /** In the namespace "/". */
  readonly sockets: number;
  /** In all namespaces. */
  readonly socketsAnywhere: number;
  /** Rooms of the socket that is in most of them. */
  readonly rooms: number;
  readonly tcpSockets: number;
  /** Those that sockets have delivered one by one. */
  readonly bytesRead: number;
  /** Bytes. */
  readonly rss: number;
  /** Bytes in the heap and in buffers, garbage not counted. */
  readonly held: number;
  readonly arrayBuffers: number;
  readonly cpuMicros: number;
  /** Bytes that were copied from buffer to buffer, in JavaScript, since the last report. */
  readonly copiedBytes: number;
  readonly warnings: readonly string[];
  /** The first hundred events that handlers got. */
  readonly events: readonly unknown[];
  readonly disconnects: Readonly<Record<string, number>>;
  readonly polluted: boolean;
}

export const mib = 1024 * 1024;

const root = join(import.meta.dirname, "../..");
const folder = join(root, "temp/security", String(process.pid));
const program = join(folder, "victim-program.mjs");

/** Bundles the victim, once for a test file. */
export function useVictims(): void {
  beforeAll(() => bundlePrograms([join(import.meta.dirname, "victim-program.ts")], folder));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
}

export class Victim {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #output: () => string;

  constructor(child: ChildProcess, port: number, output: () => string) {
    this.#child = child;
    this.port = port;
    this.#output = output;
  }

  /** What it has written to standard error. */
  get stderr(): string {
    return this.#output();
  }

  /** How it is. Fails, with what it wrote last, when it has ended. */
  async report(): Promise<VictimReport> {
    const answer = new Promise<VictimReport>((resolve, reject) => {
      const onExit = () => reject(new Error(`the server has ended:\n${this.#output()}`));
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return onExit();
      this.#child.once("exit", onExit);
      this.#child.once("message", (message) => {
        this.#child.off("exit", onExit);
        resolve(message as VictimReport);
      });
      this.#child.send("report", (error) => error && onExit());
    });
    return within(answer, "the server's report", 20_000);
  }

  /** Asks until the report is as it should be. */
  async until(holds: (report: VictimReport) => boolean, what: string): Promise<VictimReport> {
    const deadline = Date.now() + 15_000;
    for (;;) {
      const report = await this.report();
      if (holds(report)) return report;
      if (Date.now() > deadline) throw new Error(`not ${what}: ${JSON.stringify(report)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Asks until it holds less than `bytes` more than before: buffers of what has just ended go in turns of their own. */
  letGo(before: VictimReport, bytes: number): Promise<VictimReport> {
    return this.until(
      ({ held }) => held - before.held < bytes,
      `back to ${before.held} + ${bytes}`,
    );
  }

  /** The CPU time of an attack, in microseconds. */
  async cost(attack: () => Promise<unknown>): Promise<number> {
    const before = await this.report();
    await attack();
    return (await this.report()).cpuMicros - before.cpuMicros;
  }
}

export async function startVictim(setup: VictimSetup = {}): Promise<Victim> {
  const child = fork(program, [JSON.stringify(setup)], {
    execArgv: ["--expose-gc"],
    env: { ...process.env, NODE_NO_WARNINGS: "1", ...setup.env },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let output = "";
  child.stderr?.on("data", (chunk) => {
    output += String(chunk);
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const started = new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve((message as { port: number }).port));
    child.once("exit", () => reject(new Error(`the server did not start:\n${output}`)));
  });
  const port = await within(started, "the server to start", 20_000);
  return new Victim(child, port, () => output);
}

// --- clients ---

export const path = "/socket.io/";

/** The target of a polling request. */
export function pollingTarget(query = ""): string {
  return `${path}?EIO=4&transport=polling${query === "" ? "" : `&${query}`}`;
}

export function get(
  victim: { readonly port: number },
  target: string,
  headers: readonly (readonly [string, string])[] = [],
): Promise<RawAnswer> {
  return rawRequest(victim, { target, headers });
}

export function post(
  victim: { readonly port: number },
  sid: string,
  body: string | Uint8Array,
  headers: readonly (readonly [string, string])[] = [["Content-Type", "text/plain"]],
): Promise<RawAnswer> {
  return rawRequest(victim, { method: "POST", target: pollingTarget(`sid=${sid}`), headers, body });
}

/** Opens a polling connection: its id. */
export async function openPolling(victim: { readonly port: number }): Promise<string> {
  const { status, text } = await get(victim, pollingTarget());
  if (status !== 200) throw new Error(`${status} ${text}`);
  return (JSON.parse(text.slice(1)) as { sid: string }).sid;
}

/** A request of which only a part is sent. */
export async function openTcp(victim: { readonly port: number }): Promise<RawConnection> {
  const connection = await RawConnection.open(victim);
  onTestFinished(() => connection.destroy());
  return connection;
}

export async function openWebSocket(
  victim: { readonly port: number },
  options: OpenOptions = {},
): Promise<FrameSocket> {
  const socket = await FrameSocket.openEngine(victim, { path, ...options });
  onTestFinished(() => socket.destroy());
  return socket;
}

export function text(payload: string): FrameSpec {
  return { opcode: opcodes.text, payload };
}

export function binary(payload: Uint8Array): FrameSpec {
  return { opcode: opcodes.binary, payload };
}

/** Opens a WebSocket and joins a namespace. */
export async function joinNamespace(
  victim: { readonly port: number },
  options: OpenOptions & { readonly nsp?: string } = {},
): Promise<FrameSocket> {
  const socket = await openWebSocket(victim, options);
  await socket.send(text(options.nsp === undefined ? "40" : `40${options.nsp},`));
  const { payload } = await socket.message();
  if (!payload.toString().startsWith("40")) throw new Error(payload.toString());
  return socket;
}

/** That a client which means no harm is served. */
export async function expectServed(victim: { readonly port: number }): Promise<void> {
  const socket = await joinNamespace(victim);
  await socket.send(text('421["echo","still here"]'));
  expect((await socket.message()).payload.toString()).toBe('431["still here"]');
  socket.destroy();
}

/** Sends a Socket.IO text on a connection of its own; resolves when the server has closed it. */
export async function expectClosedFor(victim: Victim, ...frames: FrameSpec[]): Promise<void> {
  const socket = await joinNamespace(victim);
  await socket.send(frames);
  await socket.closed();
  socket.destroy();
}

/** Runs `task` for 0 … count-1, `width` of them at a time. */
export async function inParallel(
  count: number,
  width: number,
  task: (index: number) => Promise<unknown>,
): Promise<void> {
  let index = 0;
  const worker = async () => {
    while (index < count) await task(index++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** What doubling the input costs, in CPU time of the server: each the best of five. */
export async function growth(
  victim: Victim,
  attack: (size: number) => Promise<unknown>,
  size: number,
): Promise<number> {
  const best = async (n: number) => {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) least = Math.min(least, await victim.cost(() => attack(n)));
    return least;
  };
  await attack(size);
  const once = async () => (await best(2 * size)) / (await best(size));
  const times = await once();
  // The collector of garbage works in the same process: what is not linear shows the second time as well.
  return times < growthMax ? times : Math.min(times, await once());
}

export const growthMax = 3;
