/** One seed: puts everything together, lets the plan happen, heals, and has the oracle judge. */
import type { EnginePacket } from "@holdfast/protocol";
import { Device } from "./clients/device.ts";
import { replaceGlobals } from "./kernel/globals.ts";
import type { WallClock } from "./kernel/host.ts";
import { Random } from "./kernel/random.ts";
import { drive, Scheduler } from "./kernel/scheduler.ts";
import { Trace } from "./kernel/trace.ts";
import { Network } from "./network/network.ts";
import { Path } from "./network/path.ts";
import { Oracle } from "./oracle/oracle.ts";
import { Violation } from "./oracle/violation.ts";
import { Wire } from "./oracle/wire.ts";
import { perform } from "./perform.ts";
import type { Plan } from "./plan.ts";
import { App } from "./process/app.ts";
import { type JournalMachine, makeJournalMachine } from "./process/journal-machine.ts";
import { ServerProcess } from "./process/server-process.ts";

export interface Outcome {
  readonly hash: string;
  /** The same for two runs in which the same is committed and given in the same order. */
  readonly orderHash: string;
  readonly steps: number;
  readonly virtualMs: number;
  readonly deliveries: number;
  readonly violation: Violation | undefined;
  readonly lines: readonly string[];
}

/** After healing everybody must have everything within this time. */
const healMs = 180_000;

const checkEveryMs = 500;

/** How long the end of a drain may take after its time: slow commits, connections that do not close. */
const drainSlackMs = 8_000;

/** After so long a process whose store has failed is replaced. */
const watchdogMs = 3_000;

/** Receipts are stored together each second, and the disk takes its time. */
const receiptStoredMs = 3_000;

export class World {
  readonly plan: Plan;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly oracle: Oracle;
  readonly network = new Network();
  readonly app: App;
  readonly wall: WallClock;
  readonly devices: Device[];
  readonly journals: JournalMachine;
  process: ServerProcess | undefined;
  readonly #random: Random;
  /** Chance of what handlers do. */
  readonly #handlers: Random;
  readonly #wire: Wire;
  #closing = false;
  #healed = false;
  #draining = false;
  #violation: Violation | undefined;
  #over = false;

  constructor(plan: Plan, scheduler: Scheduler, keepLines: boolean) {
    this.plan = plan;
    this.scheduler = scheduler;
    this.trace = new Trace(keepLines);
    this.#random = new Random(plan.seed, 2);
    this.#handlers = new Random(plan.seed, 5);
    this.wall = { offsetMs: plan.wall?.startMs ?? 1_700_000_000_000 };
    this.oracle = new Oracle(this.scheduler, this.trace, {
      durable: plan.durable,
      journal: plan.store !== "none",
      highWaterBytes: plan.highWaterBytes,
      tail: (namespace) => this.journals.tail(namespace),
      epochs: (namespace) => this.journals.epochs(namespace),
      tabs: tabsOf(plan),
      answers: (tab, connectionId) =>
        plan.kernelBytes > 10_000 &&
        this.devices.some((device) => device.name === tab && device.isOn(connectionId)),
      failed: (violation) => this.failed(violation),
      wallMs: () => this.scheduler.now + this.wall.offsetMs,
      isOpen: (namespace) => this.journals.isOpen?.(namespace) !== false,
      identify: plan.identify,
      receiptStoredMs,
    });
    this.#wire = new Wire(this.oracle, this.trace);
    this.journals = makeJournalMachine(plan, this);
    this.app = new App(this.oracle, {
      ...plan,
      journal: plan.store !== "none",
      pause: (lowMs, highMs) => this.#pause(lowMs, highMs),
      now: () => this.scheduler.now,
      refusesAll: () => this.#refusesAll(),
      throws: (percent) => !this.#healed && this.#handlers.chance(percent),
    });
    this.#start();
    this.devices = plan.devices.map((device, at) => {
      const path = new Path({
        scheduler: this.scheduler,
        random: new Random(plan.seed, 100 + at),
        lowMs: device.lowMs,
        highMs: device.highMs,
        kernelBytes: plan.kernelBytes,
      });
      const { scheduler, network, oracle } = this;
      const { namespaces, orders } = plan;
      const ackTimeoutMs = orders?.ackTimeoutMs;
      const owner = device.owner ?? device.name;
      return new Device({
        ...device,
        owner,
        ackTimeoutMs,
        namespaces,
        scheduler,
        network,
        path,
        oracle,
      });
    });
  }

  // --- the process ---

  #start(): void {
    const { plan } = this;
    const journal = this.journals.open();
    this.process = new ServerProcess({
      scheduler: this.scheduler,
      random: this.#random,
      wall: this.wall,
      kernelBytes: plan.kernelBytes,
      watcher: {
        leaves: (id, packet) => this.#leaves(id, packet),
        holds: (id, bytes) => this.#wire.holds(id, bytes),
        arrives: (id, packet) => this.#wire.arrives(id, packet),
      },
      server: {
        pingInterval: plan.pingIntervalMs,
        pingTimeout: plan.pingTimeoutMs,
        serveClient: false,
        httpCompression: false,
        ...this.#storeOptions(),
      },
      journal,
      install: (io, isAlive) => this.app.install(io, isAlive),
      exited: () => this.kill(false),
    });
    this.network.listener = this.process;
    this.trace.add(this.scheduler.now, "start");
  }

  /** Resolves after a while, if the same process lives then. */
  #pause(lowMs: number, highMs: number): Promise<void> {
    const { process } = this;
    return new Promise((resolve) => {
      this.scheduler.after(this.#handlers.between(lowMs, highMs), () => {
        if (this.process === process) resolve();
      });
    });
  }

  #storeOptions(): Record<string, unknown> {
    const { plan } = this;
    if (plan.store === "none") return {};
    const device = (socket: { handshake: { auth: { device?: unknown } } }) => ({
      user: `${socket.handshake.auth.device}`,
      device: "one",
    });
    return {
      store: "memory",
      offsets: plan.offsets,
      highWater: plan.highWaterBytes,
      limits: { concurrentReads: plan.concurrentReads },
      ...(plan.files !== undefined && { failFast: plan.files.failFast }),
      ...(plan.identify && { identify: device }),
    };
  }

  kill(machine: boolean): void {
    if (this.process === undefined || this.#closing) return;
    this.trace.add(this.scheduler.now, "kill");
    this.process.kill(machine);
    this.process = undefined;
    this.network.listener = undefined;
    this.journals.kill(machine, () => this.oracle.crashed(this.scheduler.now - receiptStoredMs));
    this.#startLater();
  }

  /** Ends the process as a deploy does, and starts the next one. */
  restart(): void {
    const { process } = this;
    if (process === undefined || this.#closing) return;
    this.trace.add(this.scheduler.now, "restart");
    this.#closing = true;
    const closeTick = this.scheduler.now;
    this.network.listener = undefined;
    void process.close().then(() => {
      this.#closing = false;
      this.process = undefined;
      this.journals.kill(false, () => this.oracle.crashed(closeTick));
      this.#startLater();
    });
  }

  /** The power is cut within what is going on. */
  cutPower(): void {
    this.scheduler.after(0, () => this.kill(true));
  }

  /** The disk has failed. Whoever watches over the process starts it anew, if it does not end itself. */
  storeFailed(): void {
    const { process } = this;
    this.trace.add(this.scheduler.now, "store failed");
    this.oracle.storeFailed();
    if (this.plan.files?.failFast === true) return;
    this.scheduler.after(watchdogMs, () => {
      if (this.process === process) this.kill(false);
    });
  }

  /**
   * Ends the process as a deploy does that lets others take over, and starts the next one.
   *
   * @param closes whether the process closes its server then, or just exits: all is said to be committed
   */
  drain(overMs: number, closes: boolean): void {
    const { process, scheduler, oracle } = this;
    if (process === undefined || this.#closing) return;
    this.trace.add(scheduler.now, "drain", overMs);
    this.#closing = true;
    this.#draining = true;
    const overdue = scheduler.after(overMs + drainSlackMs, () => {
      oracle.fail("I19 drain", `it has not come to its end ${drainSlackMs} ms after ${overMs} ms`);
    });
    const drained = async (): Promise<void> => {
      await process.drain(overMs);
      await new Promise<void>((resolve) => scheduler.after(0, resolve));
      overdue.cancel();
      const endTick = scheduler.now;
      oracle.fates.checkDrained();
      this.network.listener = undefined;
      if (closes) await process.close();
      else process.kill(false);
      this.#closing = false;
      this.#draining = false;
      this.process = undefined;
      this.journals.kill(false, () => oracle.crashed(endTick));
      this.#startLater();
    };
    drained().catch((error: unknown) => this.failed(error));
  }

  /** The process says that it takes nothing any more: not before everybody was sent away. */
  #refusesAll(): void {
    const count = this.process?.openClients ?? 0;
    if (count > 0) this.oracle.fail("I19 drain", `refused while ${count} clients were connected`);
  }

  #startLater(): void {
    this.scheduler.after(this.#random.between(1, 1500), () => this.#start());
  }

  #leaves(connectionId: string, packet: EnginePacket): void {
    if (packet.type === "open" && this.#draining) {
      this.oracle.fail("I19 drain", `${connectionId.slice(0, 6)} was let in meanwhile`);
    }
    this.#wire.leaves(connectionId, packet);
  }

  // --- the run ---

  async run(): Promise<Outcome> {
    for (const action of this.plan.actions) {
      this.scheduler.at(action.at, () => {
        if (this.#over) return;
        this.trace.add(this.scheduler.now, action.kind, action.a, action.b, action.c);
        perform(this, action);
      });
    }
    this.scheduler.at(this.plan.chaosMs, () => this.#heal());
    await drive(() => this.#step());
    return {
      hash: this.trace.hash,
      orderHash: this.oracle.order.hash,
      steps: this.scheduler.steps,
      virtualMs: this.scheduler.now,
      deliveries: this.oracle.deliveries,
      violation: this.#violation,
      lines: this.trace.lines ?? [],
    };
  }

  #step(): boolean {
    if (this.#over) return false;
    try {
      return this.scheduler.step(Number.MAX_SAFE_INTEGER);
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  /** Something threw: a check, or the code. */
  failed(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#violation =
      error instanceof Violation
        ? error
        : new Violation("no crash", error instanceof Error ? `${error.stack}` : String(error));
  }

  #heal(): void {
    this.trace.add(this.scheduler.now, "heal");
    this.#healed = true;
    this.journals.heal();
    for (const { path } of this.devices) {
      path.bytesPerMs = 0;
      path.unblock();
    }
    const endTick = this.scheduler.now + healMs;
    this.scheduler.after(checkEveryMs, () => this.#await(endTick, false));
  }

  /** Waits until everybody is there; then once more for one last event to all; then it is over. */
  #await(endTick: number, last: boolean): void {
    if (this.#over) return;
    for (const device of this.devices) device.connectAll();
    const { process } = this;
    const connected = !this.#closing && this.devices.every((device) => device.connected);
    const quiet = process !== undefined && connected && this.oracle.isComplete;
    if (quiet && !last) {
      for (const namespace of this.plan.namespaces) {
        const shape = { trailing: false, bytes: 0, binary: false };
        this.app.toRooms(process.io, namespace, { rooms: [], except: [] }, shape);
      }
    } else if (quiet) {
      this.oracle.checkComplete();
      this.journals.check().then(
        () => {
          this.#over = true;
        },
        (error: unknown) => this.failed(error),
      );
      return;
    }
    if (this.scheduler.now > endTick) {
      this.oracle.checkComplete();
      const away = this.devices.filter((device) => !device.connected).map(({ name }) => name);
      this.oracle.fail("I18 liveness", `not connected or not done after healing: ${away.join()}`);
    }
    this.scheduler.after(checkEveryMs, () => this.#await(endTick, last || quiet));
  }
}

/** How many clients each name has, if there is one with several. */
function tabsOf({ devices }: Plan): ReadonlyMap<string, number> | undefined {
  const tabs = new Map<string, number>();
  for (const { owner } of devices) {
    if (owner !== undefined) tabs.set(owner, (tabs.get(owner) ?? 0) + 1);
  }
  return tabs.size === 0 ? undefined : tabs;
}

/** Runs a plan to its end. */
export async function runPlan(plan: Plan, keepLines = false): Promise<Outcome> {
  const scheduler = new Scheduler();
  let world: World | undefined;
  const onError = (error: unknown) => world?.failed(error);
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  const restore = replaceGlobals(scheduler, new Random(plan.seed, 3));
  const { error: print } = console;
  // What the server has to say to its operator.
  console.error = (line: unknown) => world?.trace.note(`  ${line}`);
  try {
    world = new World(plan, scheduler, keepLines);
    return await world.run();
  } finally {
    restore();
    console.error = print;
    process.removeListener("uncaughtException", onError);
    process.removeListener("unhandledRejection", onError);
  }
}
