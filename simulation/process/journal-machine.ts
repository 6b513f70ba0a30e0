/** What the server keeps its events in, and what of it outlives the process. Tells the oracle what was committed. */
import {
  type Clock,
  type Journal,
  type JournalError,
  MemoryJournal,
  type Stream,
  type StreamRecord,
} from "@holdfast/journal";
import type { WallClock } from "../kernel/host.ts";
import { Random } from "../kernel/random.ts";
import type { Scheduler } from "../kernel/scheduler.ts";
import type { Trace } from "../kernel/trace.ts";
import type { Oracle } from "../oracle/oracle.ts";
import type { Plan } from "../plan.ts";
import { FilesMachine } from "./files-machine.ts";
import { Disk, SimulatedJournal } from "./simulated-journal.ts";
import { WatchedJournal } from "./watched-journal.ts";

export interface JournalMachine {
  /** The journal for a process that starts. Undefined: it has none. */
  open(): Journal | Promise<Journal> | undefined;
  /**
   * The process was killed, or has ended.
   *
   * @param machine whether the machine lost its power
   * @param looked called in this turn, when it is known what is left
   */
  kill(machine: boolean, looked: () => void): void;
  /** Whether the process has a stream open; always, where it says nothing. */
  isOpen?(name: string): boolean;
  /** One of the next calls of the disk fails: after so many that change something. */
  fault?(calls: number): void;
  /** The power is cut when the next process has made so many calls that change something. */
  cutAtStart?(calls: number): void;
  /** Whether there is no space for entries. */
  fill(full: boolean): void;
  /** The first offset that is kept of a stream. */
  tail(name: string): number;
  /** The ids of a stream's epochs. */
  epochs(name: string): readonly string[];
  /** From now on nothing goes wrong any more. */
  heal(): void;
  /** Looks at what it holds, at the end. */
  check(): Promise<void>;
}

export interface Machine {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly wall: WallClock;
  readonly oracle: Oracle;
  /** A check has failed where nobody would hear of it if it threw. */
  failed(error: unknown): void;
  /** A call of the disk has failed: the process is no good any more. */
  storeFailed(): void;
  /** The machine loses its power when this call has returned. */
  cutPower(): void;
}

const none: JournalMachine = {
  open: () => undefined,
  kill: (_machine, looked) => looked(),
  fill() {},
  tail: () => 0,
  epochs: () => [],
  heal() {},
  check: () => Promise.resolve(),
};

export function makeJournalMachine(plan: Plan, machine: Machine): JournalMachine {
  if (plan.store === "none") return none;
  if (plan.files !== undefined) return new FilesMachine(plan, plan.files, machine);
  return plan.store === "memory"
    ? new MemoryMachine(plan, machine)
    : new DiskMachine(plan, machine);
}

/** The event of the simulation that an entry holds, whatever else the server puts around it. */
const eventForm = /\["(?:e|ask)",(\d+)/;

/** @returns the number of the call that an entry carries */
export function callOf(record: StreamRecord): number | undefined {
  if (record.kind !== "entry") return undefined;
  const match = eventForm.exec(Buffer.from(record.body).toString("latin1"));
  return match === null ? undefined : Number(match[1]);
}

/** What the server keeps of what clients are known to have: pairs of a session, as it calls it, and an offset. */
const receiptsForm = /^\{"type":"receipts","receipts":(\[.*\])\}$/;

/** Tells the oracle what a record that is committed says. */
export function tellCommitted(oracle: Oracle, record: StreamRecord): void {
  const n = callOf(record);
  if (n !== undefined) oracle.fates.committed(n, record.offset);
  if (record.kind !== "session") return;
  const match = receiptsForm.exec(Buffer.from(record.body).toString("latin1"));
  const receipts: [string, number][] = match === null ? [] : JSON.parse(match[1] ?? "");
  for (const [key, offset] of receipts) oracle.receiptStored(key, offset);
}

function machineClock({ scheduler, wall }: Machine): Clock {
  return {
    monotonicMs: () => scheduler.now,
    wallMs: () => scheduler.now + wall.offsetMs,
    startTimer(delayMs, run) {
      const timer = scheduler.after(delayMs, run);
      return () => timer.cancel();
    },
  };
}

function makeJournal(plan: Plan, machine: Machine, random: Random): MemoryJournal {
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => random.below(256));
  const retention = { entries: plan.keptEntries };
  return new MemoryJournal({ clock: machineClock(machine), random: { bytes }, retention });
}

function idsOf(stream: Stream | undefined): readonly string[] {
  return stream?.epochs.map(({ id }) => id) ?? [];
}

/** Everything is gone with the process. */
class MemoryMachine implements JournalMachine {
  readonly #plan: Plan;
  readonly #machine: Machine;
  readonly #random: Random;
  #journal: WatchedJournal | undefined;

  constructor(plan: Plan, machine: Machine) {
    this.#plan = plan;
    this.#machine = machine;
    this.#random = new Random(plan.seed, 4);
  }

  open(): Journal {
    const { oracle } = this.#machine;
    this.#journal = new WatchedJournal(makeJournal(this.#plan, this.#machine, this.#random), {
      committed: (_stream, record) => tellCommitted(oracle, record),
      refused(_stream, record) {
        const n = callOf(record);
        if (n !== undefined) oracle.fates.refused(n);
      },
    });
    return this.#journal;
  }

  kill(_machine: boolean, looked: () => void): void {
    this.#journal = undefined;
    this.#machine.oracle.lostAll();
    looked();
  }

  fill(): void {}

  tail(name: string): number {
    return this.#journal?.streams.get(name)?.tail ?? 0;
  }

  epochs(name: string): readonly string[] {
    return idsOf(this.#journal?.streams.get(name));
  }

  heal(): void {}

  async check(): Promise<void> {}
}

class DiskMachine implements JournalMachine {
  readonly #disk: Disk;
  readonly #oracle: Oracle;
  #journal: SimulatedJournal | undefined;

  constructor(plan: Plan, machine: Machine) {
    const { scheduler, oracle } = machine;
    this.#oracle = oracle;
    const random = new Random(plan.seed, 4);
    const journal = makeJournal(plan, machine, random);
    const lowMs = random.pick([0, 1, 5]);
    this.#disk = new Disk({
      scheduler,
      random,
      journal,
      lowMs,
      highMs: lowMs + random.pick([0, 3, 30, 400]),
      holes: random.chance(50),
      readAtOncePercent: random.pick([0, 50, 100]),
      committed: (_stream, record) => tellCommitted(oracle, record),
      refused: (_stream, record, error) => this.#refused(record, error),
    });
  }

  #refused(record: StreamRecord, _error: JournalError): void {
    const n = callOf(record);
    if (n !== undefined) this.#oracle.fates.refused(n);
  }

  open(): Journal {
    this.#journal = new SimulatedJournal(this.#disk);
    return this.#journal;
  }

  kill(_machine: boolean, looked: () => void): void {
    this.#journal?.kill();
    this.#journal = undefined;
    looked();
  }

  fill(full: boolean): void {
    this.#disk.full = full;
  }

  tail(name: string): number {
    return this.#disk.streams.get(name)?.tail ?? 0;
  }

  epochs(name: string): readonly string[] {
    return idsOf(this.#disk.streams.get(name));
  }

  heal(): void {
    this.#disk.full = false;
    this.#disk.failing = false;
  }

  async check(): Promise<void> {}
}
