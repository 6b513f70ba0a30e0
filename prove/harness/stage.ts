/**
 * Where one trial takes place: a room of its own, a bad network of its own in front of the server, and the clients
 * that listen. Chance is seeded, so that a trial can be told again by its number.
 */
import type { seeded } from "../../conformance/security/seeded.ts";
import { FaultProxy, type Side } from "../../conformance/support/fault-proxy.ts";
import { type ClientOptions, Listener } from "./listener.ts";
import type { Publish, ServerSetup, SystemName } from "./messages.ts";
import { type Program, ServerProcess } from "./server-process.ts";
import { count, type Tally } from "./tally.ts";

export type TransportName = "websocket" | "polling";

export interface StageSetup {
  readonly program: Program;
  readonly server: ServerSetup;
  /** One or more nodes of the same system. */
  readonly nodes: readonly ServerProcess[];
  readonly transports: readonly TransportName[];
  readonly room: string;
  readonly random: ReturnType<typeof seeded>;
}

/** A server hears of a cut at once, if it does. */
const noticeMs = 5_000;

export class Stage {
  readonly room: string;
  readonly random: ReturnType<typeof seeded>;
  readonly system: SystemName;
  readonly proxy: FaultProxy;
  readonly #setup: StageSetup;
  readonly #nodes: ServerProcess[];
  readonly #listeners: Listener[] = [];
  readonly #started: ServerProcess[] = [];
  #published: number[] = [];

  private constructor(setup: StageSetup, proxy: FaultProxy) {
    this.#setup = setup;
    this.#nodes = [...setup.nodes];
    this.proxy = proxy;
    this.room = setup.room;
    this.random = setup.random;
    this.system = setup.server.system;
  }

  static async open(setup: StageSetup): Promise<Stage> {
    const [first] = setup.nodes;
    if (first === undefined) throw new Error("no server");
    return new Stage(setup, await FaultProxy.start(first.port));
  }

  node(index: number): ServerProcess {
    const node = this.#nodes[index % this.#nodes.length];
    if (node === undefined) throw new Error("no server");
    return node;
  }

  get server(): ServerProcess {
    return this.node(0);
  }

  /** From 0 to the bound, or from the one to the other, both included. */
  between(least: number, most: number): number {
    return least + this.random.below(most - least + 1);
  }

  // --- clients ---

  /** A client that is connected and in the room. */
  async connect(auth: Readonly<Record<string, unknown>> = {}, options: ClientOptions = {}) {
    const news = this.server.room(this.room);
    const joined = news.joined;
    const listener = new Listener(this.proxy.url, {
      transports: [...this.#setup.transports],
      auth: { room: this.room, device: `device of ${this.room}`, ...auth },
      ...options,
    });
    this.#listeners.push(listener);
    await listener.until(({ connects }) => connects > 0, "the first connect");
    await this.server.until(this.room, (room) => room.joined > joined, "the client joins");
    return listener;
  }

  /** Cuts the connections and lets no new ones in. */
  cut(side: Side = "both"): void {
    this.proxy.refusing = true;
    this.proxy.cut(side, "reset");
  }

  /**
   * Cuts, and waits until both sides know. The server would not notice that a poll does not come, so it is cut while
   * one is pending. If that one was answered in the very moment of the cut, the trial is one of a half-open connection.
   */
  async cutAndTell(listener: Listener, node = this.server): Promise<void> {
    const { left } = node.room(this.room);
    await node.reachable(this.room);
    this.cut();
    await listener.until(({ socket }) => !socket.connected, "the client to notice");
    const noticing = node.until(this.room, (room) => room.left > left, "it to notice", noticeMs);
    await (this.#setup.transports.includes("websocket")
      ? noticing
      : noticing.catch((error: unknown) => {
          if (node.failures.length > 0) throw error;
        }));
  }

  /** Cuts so that only the client knows. */
  async cutClientOff(listener: Listener): Promise<void> {
    this.cut("client");
    await listener.until(({ socket }) => !socket.connected, "the client to notice");
  }

  /** To the server and back, so that what was under way before has arrived, or will not. */
  async roundTrip(listener: Listener): Promise<void> {
    await listener.socket.timeout(10_000).emitWithAck("here");
  }

  /** Lets the client in again, at this node, and waits until it is in the room. */
  async back(listener: Listener, node = this.server): Promise<void> {
    const { connects } = listener;
    const { joined } = node.room(this.room);
    this.proxy.target = node.port;
    this.proxy.refusing = false;
    await listener.until((one) => one.connects > connects, "the reconnect");
    await node.until(this.room, (room) => room.joined > joined, "the client joins again");
  }

  // --- events ---

  /** Publishes numbered events with one line of code, the same on both systems. */
  async publish(from: number, to: number, how: Partial<Publish> = {}): Promise<void> {
    for (let n = from; n <= to; n++) this.#published.push(n);
    await this.server.publish({ room: this.room, from, to, everyMs: 0, how: "emit", ...how });
  }

  /** Those of which the server has said itself that they are published. */
  notePublished(reported: Iterable<number>): void {
    this.#published = [...this.#published, ...reported];
  }

  /** What the clients got, all together, of what was published. */
  tally(...listeners: readonly Listener[]): Tally {
    const received = listeners.flatMap((listener) => listener.received);
    return this.counted(received, this.#published, listeners);
  }

  counted(
    received: readonly number[],
    published: readonly number[],
    listeners: readonly Listener[],
  ): Tally {
    const failures = this.#nodes.flatMap((node) => node.failures);
    if (failures.length > 0) throw new Error(failures.join());
    const reconnects = listeners.reduce((n, listener) => n + listener.connects - 1, 0);
    const recovered = listeners.reduce((n, listener) => n + listener.recovered, 0);
    return { ...count(published, received), reconnects, recovered };
  }

  // --- the server ---

  /** Starts the server again, after it was killed: another process, the same store. */
  async startAgain(): Promise<ServerProcess> {
    const server = await ServerProcess.start(this.#setup.program, this.#setup.server);
    this.#nodes[0] = server;
    this.#started.push(server);
    return server;
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    await this.proxy.close();
    await Promise.all(this.#started.map((server) => server.kill()));
  }
}
