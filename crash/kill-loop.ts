/**
 * Kills a server again and again under clients that publish and listen, and holds what everybody saw against what is
 * promised.
 *
 * Each life of the server ends 50 to 800 ms after it is ready. In between connections are cut, left half-open, and the
 * process is stopped for a while. In the end all heals; when every client has the last event, the journal is read, once
 * more after a last kill, and the checker decides.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Chance, seeded } from "../conformance/behaviour/upgrade/seeded.ts";
import { FaultProxy } from "../conformance/support/fault-proxy.ts";
import { within } from "../conformance/support/within.ts";
import { checkHistory } from "./history/checker.ts";
import { type EntryLine, type Line, mergeLines, parseLines } from "./history/lines.ts";
import { Recorder } from "./history/recorder.ts";
import { describeFigures, type Verdict } from "./history/verdict.ts";
import type { ClientSpec, ServerSetup } from "./programs/messages.ts";
import { type Programs, root } from "./support/bundle.ts";
import { type ClientProcess, startClients, startPython } from "./support/client-process.ts";
import { ServerProcess } from "./support/server-process.ts";

export interface KillLoopOptions {
  readonly seed: number;
  readonly kills: number;
  readonly target: ServerSetup["target"];
  readonly offsets: ServerSetup["offsets"];
  readonly durability: ServerSetup["durability"];
  /** Clients of python-socketio too. */
  readonly python: boolean;
  /** Of all publishers together. */
  readonly eventsPerSecond: number;
  /** For everything, kills and healing. */
  readonly limitMs: number;
}

export interface KillLoopResult {
  readonly verdict: Verdict;
  readonly lines: readonly Line[];
  /** Sorted. */
  readonly readyMs: readonly number[];
  /** From the last start to the last client's having everything. */
  readonly healMs: number;
  /** Who did not come to an end in time when nothing failed any more (I18). */
  readonly stuck: string | undefined;
}

const namespaces = ["/", "/orders"];
/** How long it may take until everybody has everything, once nothing fails any more. */
const healLimitMs = 45_000;

export async function runKillLoop(
  programs: Programs,
  options: KillLoopOptions,
): Promise<KillLoopResult> {
  const parent = join(root, "temp/crash");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "run-"));
  const run = new KillLoop(programs, options, folder);
  try {
    const result = await within(run.run(), "the kill loop to end", options.limitMs);
    rmSync(folder, { recursive: true, force: true });
    return result;
  } catch (error) {
    console.error(`what everybody wrote is in ${folder}`);
    throw error;
  } finally {
    await run.end();
  }
}

class KillLoop {
  readonly #programs: Programs;
  readonly #options: KillLoopOptions;
  readonly #folder: string;
  readonly #chance: Chance;
  readonly #keeper: Recorder;
  readonly #setup: ServerSetup;
  readonly #specs: readonly (readonly ClientSpec[])[];
  readonly #readyMs: number[] = [];
  #clients: ClientProcess[] = [];
  #server: ServerProcess | undefined;
  #ended = false;
  #proxy: FaultProxy | undefined;

  constructor(programs: Programs, options: KillLoopOptions, folder: string) {
    this.#programs = programs;
    this.#options = options;
    this.#folder = folder;
    this.#chance = seeded(options.seed);
    this.#specs = clientSpecs(options);
    mkdirSync(join(folder, "history"));
    this.#keeper = new Recorder(this.#historyFile("keeper"));
    const { target, offsets, durability } = options;
    this.#setup = {
      ...{ target, offsets, durability, namespaces },
      folder: durability === "memory" ? "memory" : join(folder, "store"),
      // A link that is dead is found in seconds, and a stop of the process is not always taken for one.
      pingIntervalMs: 1_000,
      pingTimeoutMs: 2_000,
    };
  }

  async run(): Promise<KillLoopResult> {
    const { offsets, durability } = this.#options;
    this.#keeper.write({ kind: "setup", offsets, durability });
    let server = await this.#start();
    this.#proxy = await FaultProxy.start(server.port);
    this.#clients = this.#startClients(this.#proxy.url);
    await this.#all("to join", ({ joined }) => joined);
    for (const client of this.#clients) client.publish();
    for (let kill = 0; kill < this.#options.kills; kill++) {
      await this.#liveAndDie(server, this.#proxy);
      if (server.running) continue;
      server = await this.#start();
      this.#proxy.target = server.port;
    }
    const started = performance.now();
    const stuck = await this.#heal();
    const healMs = performance.now() - started;
    if (stuck === undefined) await this.#all("to close", (client) => client.close());
    else for (const client of this.#clients) client.kill();
    const lines = await this.#readHistory(server);
    this.#readyMs.sort((a, b) => a - b);
    return { verdict: checkHistory(lines), lines, readyMs: this.#readyMs, healMs, stuck };
  }

  /** Ends what is left, also after a failure. */
  async end(): Promise<void> {
    this.#ended = true;
    for (const client of this.#clients) client.kill();
    this.#server?.signal("SIGKILL");
    await this.#server?.ended();
    await this.#proxy?.close();
    this.#keeper.close();
  }

  #historyFile(name: string): string {
    return join(this.#folder, "history", `${name}.jsonl`);
  }

  async #start(): Promise<ServerProcess> {
    if (this.#ended) throw new Error("the run has ended");
    this.#keeper.write({ kind: "start" });
    this.#server = await ServerProcess.start(this.#programs.server, this.#setup);
    this.#keeper.write({ kind: "ready", detail: `${Math.round(this.#server.startedInMs)} ms` });
    this.#readyMs.push(this.#server.startedInMs);
    return this.#server;
  }

  /** One life: a while under load, with what may happen to a network and a process, then the end. */
  async #liveAndDie(server: ServerProcess, proxy: FaultProxy): Promise<void> {
    const { below } = this.#chance;
    const lifeMs = 50 + below(750);
    const mishap = below(8);
    const atMs = below(lifeMs);
    await sleep(atMs);
    if (mishap < 2) this.#cut(proxy, below(2) === 0 ? "reset" : "fin");
    else if (mishap === 2) this.#leaveHalfOpen(proxy);
    else if (mishap === 3) await this.#stop(server, 100 + below(1_500));
    await sleep(lifeMs - atMs);
    if (this.#options.durability === "memory") return;
    this.#keeper.write({ kind: "kill" });
    await server.kill();
  }

  #cut(proxy: FaultProxy, how: "reset" | "fin"): void {
    this.#keeper.write({ kind: "cut", detail: how });
    for (const link of proxy.links) if (this.#chance.below(2) === 0) link.cut("both", how);
  }

  /** The clients are cut off, and the server is not told. */
  #leaveHalfOpen(proxy: FaultProxy): void {
    this.#keeper.write({ kind: "cut", detail: "half-open" });
    for (const link of proxy.links) if (this.#chance.below(2) === 0) link.cut("client", "reset");
  }

  async #stop(server: ServerProcess, ms: number): Promise<void> {
    this.#keeper.write({ kind: "stop" });
    server.signal("SIGSTOP");
    await sleep(ms);
    this.#keeper.write({ kind: "continue" });
    server.signal("SIGCONT");
  }

  /** Nothing fails any more: everything that was begun ends, and everybody gets everything. @returns who does not */
  async #heal(): Promise<string | undefined> {
    // Whoever is away just now misses the last event, too, when it is the original that publishes it.
    const again = setInterval(() => {
      if (this.#options.target === "socket.io") this.#publishLast();
    }, 1_000);
    try {
      await this.#all("to end their publishes", (client) => client.finish());
      this.#publishLast();
      await this.#all("to catch up", ({ caughtUp }) => caughtUp);
      return undefined;
    } catch (error) {
      return String(error);
    } finally {
      clearInterval(again);
    }
  }

  #publishLast(): void {
    // One publisher of each namespace: who has its event has everything.
    for (const nsp of namespaces) {
      const index = this.#specs.findIndex((clients) =>
        clients.some((client) => client.kind === "publisher" && client.nsp === nsp),
      );
      this.#clients[index]?.publishLast(nsp);
    }
  }

  async #all(what: string, wait: (client: ClientProcess) => Promise<unknown>): Promise<void> {
    const waiting = this.#clients.map((client) =>
      within(wait(client), `${client.name} ${what}`, healLimitMs),
    );
    await Promise.all(waiting);
  }

  /** What everybody wrote, and the journal, which is the same after one more kill. */
  async #readHistory(server: ServerProcess): Promise<Line[]> {
    const [first, second] = ["log-1", "log-2"].map((name) => join(this.#folder, `${name}.jsonl`));
    if (first === undefined || second === undefined) throw new Error("two files");
    await server.ask({ type: "dump", file: first }, "dumped");
    if (this.#options.durability === "memory") return this.#merged(first);
    await server.kill();
    const again = await this.#start();
    await again.ask({ type: "dump", file: second }, "dumped");
    if (readFileSync(first, "utf8") !== readFileSync(second, "utf8"))
      throw new Error("I5: the journal changed by a kill");
    return this.#merged(first);
  }

  #merged(log: string): Line[] {
    const histories = join(this.#folder, "history");
    const files = readdirSync(histories).map((name) =>
      parseLines(readFileSync(join(histories, name), "utf8")),
    );
    const lines = mergeLines(files);
    const at = lines.at(-1)?.at ?? 0;
    const entries = parseLines(readFileSync(log, "utf8")).filter(
      (line): line is EntryLine => line.kind === "entry",
    );
    return [...lines, ...entries.map((entry) => ({ ...entry, at }))];
  }

  #startClients(url: string): ClientProcess[] {
    const processes = this.#specs.map((clients, i) => {
      const history = this.#historyFile(`clients-${i}`);
      return startClients(this.#programs.clients, { url, history, clients });
    });
    const limitSeconds = this.#options.limitMs / 1_000;
    for (const transport of this.#options.python ? ["websocket", "polling"] : []) {
      const name = `python-${transport}`;
      const rooms = ["red", "green", "last"];
      const who = { url, history: this.#historyFile(name), name, nsp: "/" };
      processes.push(startPython({ ...who, transports: [transport], rooms, limitSeconds }));
    }
    return processes;
  }
}

/** Who takes part, by process. */
function clientSpecs({ seed, eventsPerSecond }: KillLoopOptions): ClientSpec[][] {
  const subscriber = { kind: "subscriber", nsp: "/", reloads: false, seed } as const;
  const publisher = { kind: "publisher", nsp: "/", window: 4, talks: false, seed } as const;
  const perSecond = eventsPerSecond / 4;
  const upgrading = ["polling", "websocket"];
  return [
    [
      { ...subscriber, name: "stock", transports: ["websocket"], rooms: ["red", "blue"] },
      { ...subscriber, name: "mover", transports: upgrading, rooms: ["red"], togglesRoom: "green" },
      { ...subscriber, name: "poller", transports: ["polling"], rooms: ["green", "blue"] },
      { ...publisher, name: "p-1", rooms: ["red", "green", "blue"], perSecond },
    ],
    [
      { ...subscriber, name: "page", transports: upgrading, rooms: ["blue"], reloads: true },
      {
        ...{ ...subscriber, name: "order-page", nsp: "/orders", transports: ["websocket"] },
        ...{ rooms: ["red"], togglesRoom: "blue", reloads: true },
      },
      { ...publisher, name: "p-2", rooms: ["red", "green"], perSecond, seed: seed + 1 },
      { ...publisher, name: "talker", rooms: ["blue", "red"], perSecond, talks: true },
      { ...publisher, name: "p-orders", nsp: "/orders", rooms: ["red", "blue"], perSecond },
    ],
  ];
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The figures of a run in one line. */
export function describeRun(result: KillLoopResult, { seed }: KillLoopOptions): string {
  const { verdict, readyMs, healMs, stuck } = result;
  const p99 = readyMs[Math.ceil(readyMs.length * 0.99) - 1] ?? Number.NaN;
  const healed = stuck ?? `healed in ${Math.round(healMs)} ms`;
  const times = `ready p99 ${Math.round(p99)} ms, ${healed}`;
  return `HOLDFAST_CRASH_SEED=${seed}: ${describeFigures(verdict.figures)}, ${times}`;
}

/** Keeps the history of a run that failed, for people. @returns where */
export function keepHistory(lines: readonly Line[], name: string): string {
  const file = join(root, "temp/crash", `${name}.jsonl`);
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return file;
}
