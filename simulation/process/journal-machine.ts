/** What the server keeps its events in, and what of it outlives the process. Tells the oracle what was committed. */
import {
  type Clock,
  type Journal,
  type JournalError,
  MemoryJournal,
  type StreamRecord,
} from "@holdfast/journal";
import type { WallClock } from "../kernel/host.ts";
import { Random } from "../kernel/random.ts";
import type { Scheduler } from "../kernel/scheduler.ts";
import type { Oracle } from "../oracle/oracle.ts";
import type { Plan } from "../plan.ts";
import { Disk, SimulatedJournal } from "./simulated-journal.ts";

export interface JournalMachine {
  /** The journal for a process that starts. Undefined: it has none. */
  open(): Journal | undefined;
  /** The process was killed. */
  kill(): void;
  /** Whether there is no space for entries. */
  fill(full: boolean): void;
  /** The first offset that is kept of a stream. */
  tail(name: string): number;
  /** From now on nothing goes wrong any more. */
  heal(): void;
  /** Looks at what it holds, at the end. */
  check(): Promise<void>;
}

export interface Machine {
  readonly scheduler: Scheduler;
  readonly wall: WallClock;
  readonly oracle: Oracle;
}

const none: JournalMachine = {
  open: () => undefined,
  kill() {},
  fill() {},
  tail: () => 0,
  heal() {},
  check: () => Promise.resolve(),
};

export function makeJournalMachine(plan: Plan, machine: Machine): JournalMachine {
  return plan.store === "none" ? none : new DiskMachine(plan, machine);
}

/** The event of the simulation that an entry holds, whatever else the server puts around it. */
const eventForm = /\["(?:e|ask)",(\d+)/;

function callOf(record: StreamRecord): number | undefined {
  if (record.kind !== "entry") return undefined;
  const match = eventForm.exec(Buffer.from(record.body).toString("latin1"));
  return match === null ? undefined : Number(match[1]);
}

class DiskMachine implements JournalMachine {
  readonly #disk: Disk;
  readonly #oracle: Oracle;
  #journal: SimulatedJournal | undefined;

  constructor(plan: Plan, { scheduler, wall, oracle }: Machine) {
    this.#oracle = oracle;
    const random = new Random(plan.seed, 4);
    const clock: Clock = {
      monotonicMs: () => scheduler.now,
      wallMs: () => scheduler.now + wall.offsetMs,
      startTimer(delayMs, run) {
        const timer = scheduler.after(delayMs, run);
        return () => timer.cancel();
      },
    };
    const bytes = (count: number) => Uint8Array.from({ length: count }, () => random.below(256));
    const journal = new MemoryJournal({
      clock,
      random: { bytes },
      retention: { entries: plan.keptEntries },
    });
    const lowMs = random.pick([0, 1, 5]);
    this.#disk = new Disk({
      scheduler,
      random,
      journal,
      lowMs,
      highMs: lowMs + random.pick([0, 3, 30, 400]),
      holes: random.chance(50),
      readAtOncePercent: random.pick([0, 50, 100]),
      committed: (_stream, record) => this.#committed(record),
      refused: (_stream, record, error) => this.#refused(record, error),
    });
  }

  #committed(record: StreamRecord): void {
    const n = callOf(record);
    if (n !== undefined) this.#oracle.committed(n, record.offset);
  }

  #refused(record: StreamRecord, _error: JournalError): void {
    const n = callOf(record);
    if (n !== undefined) this.#oracle.refused(n);
  }

  open(): Journal {
    this.#journal = new SimulatedJournal(this.#disk);
    return this.#journal;
  }

  kill(): void {
    this.#journal?.kill();
    this.#journal = undefined;
  }

  fill(full: boolean): void {
    this.#disk.full = full;
  }

  tail(name: string): number {
    return this.#disk.tails.get(name)?.tail ?? 0;
  }

  heal(): void {
    this.#disk.full = false;
    this.#disk.failing = false;
  }

  async check(): Promise<void> {}
}
