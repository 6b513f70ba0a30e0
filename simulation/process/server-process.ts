/** One life of the server: from its start to its kill or its clean end. */
import { Server, type ServerOptions, type Socket } from "holdfast";
import { type Simulated, simulation } from "../../packages/server/src/testing/index.ts";
import { SimulatedHost, type WallClock } from "../kernel/host.ts";
import type { Random } from "../kernel/random.ts";
import type { Scheduler } from "../kernel/scheduler.ts";
import type { DuplexFlow } from "../network/duplex-flow.ts";
import type { HttpCall, HttpReply } from "../network/http.ts";
import type { Listener } from "../network/network.ts";
import type { Frame } from "../network/web-socket.ts";
import type { EngineWatcher } from "../oracle/engine-watcher.ts";
import { SimulatedEngine } from "./engine.ts";

export type AppServer = Server;
export type AppSocket = Socket;

export interface ProcessOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly wall: WallClock;
  readonly kernelBytes: number;
  readonly watcher: EngineWatcher;
  /** Options of the server. */
  readonly server: Partial<ServerOptions> & Readonly<Record<string, unknown>>;
  readonly journal: unknown;
  /** Sets the application up. */
  readonly install: (io: AppServer, isAlive: () => boolean) => void;
  /** The process has ended itself. */
  readonly exited: () => void;
}

export class ServerProcess implements Listener {
  readonly flows = new Set<DuplexFlow<unknown, unknown>>();
  readonly kernelBytes: number;
  readonly io: AppServer;
  readonly host: SimulatedHost;
  readonly #engine: SimulatedEngine;

  constructor(options: ProcessOptions) {
    const { scheduler, watcher } = options;
    this.kernelBytes = options.kernelBytes;
    this.host = new SimulatedHost(scheduler, options.random, options.wall, options.exited);
    const simulated: Simulated = { host: this.host, journal: options.journal };
    const serverOptions = { ...options.server, [simulation]: simulated };
    this.io = new Server(undefined, serverOptions);
    this.#engine = new SimulatedEngine(serverOptions, this.host);
    this.#engine.watcher = {
      // What a dead process still believes it does is seen by nobody.
      leaves: (id, packet) => this.host.alive && watcher.leaves(id, packet),
      holds: (id, bytes) => this.host.alive && watcher.holds(id, bytes),
      arrives: (id, packet) => this.host.alive && watcher.arrives(id, packet),
    };
    this.#engine.soon = (run) => {
      scheduler.after(0, () => {
        if (this.host.alive) run();
      });
    };
    this.host.turnEnds = () => this.#engine.showHeld();
    this.io.bind(this.#engine);
    options.install(this.io, () => this.host.alive);
  }

  acceptWebSocket(url: string, flow: DuplexFlow<Frame, Frame>): void {
    this.#engine.takeWebSocket(url, flow, this);
  }

  acceptRequest(call: HttpCall, flow: DuplexFlow<HttpCall, HttpReply>): void {
    this.#engine.takeRequest(call, flow, this);
  }

  /** @param machine Whether the machine went with the process: then nobody tells the clients. */
  kill(machine: boolean): void {
    this.host.alive = false;
    for (const flow of [...this.flows]) flow.killServer(!machine);
    this.flows.clear();
  }

  /** Sends everybody away, and resolves when nothing is in flight. */
  drain(overMs: number): Promise<void> {
    return this.io.drain({ over: overMs });
  }

  /** How many connections nobody has asked to end. */
  get openClients(): number {
    const connections = Object.values(this.#engine.clients);
    return connections.filter(({ readyState }) => readyState === "open").length;
  }

  /** Ends it as a deploy does. */
  async close(): Promise<void> {
    await this.io.close();
    this.kill(false);
  }
}
