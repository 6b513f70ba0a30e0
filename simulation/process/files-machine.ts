/**
 * The journal in files as it is, on a disk that loses what was not flushed when the power is cut, and whose calls fail
 * when the plan says so. When its process is no more, what is left on the disk is looked at before anything else
 * happens: all that was told to be committed must be there, with the same bytes, and it says what became of the rest.
 */
import {
  type Clock,
  type FilesJournalOptions,
  type Journal,
  type JournalError,
  openFilesJournal,
  type Stream,
  type StreamRecord,
} from "@holdfast/journal";
import { type DiskFault, SeededRandom, SimulatedDisk } from "@holdfast/journal/testing";
import { Random } from "../kernel/random.ts";
import { Violation } from "../oracle/violation.ts";
import type { FilesPlan, Plan } from "../plan.ts";
import { callOf, type JournalMachine, type Machine, tellCommitted } from "./journal-machine.ts";
import { WatchedJournal } from "./watched-journal.ts";

const folder = "/store";

/** An entry that somebody was told to be committed. */
interface Told {
  readonly stream: string;
  readonly offset: number;
  readonly body: string;
}

/** One process on the disk. */
interface Life {
  alive: boolean;
  /** A call has failed that changes something: nothing may be acknowledged any more. */
  poisoned: boolean;
  journal: WatchedJournal | undefined;
}

export class FilesMachine implements JournalMachine {
  readonly #plan: Plan;
  readonly #files: FilesPlan;
  readonly #machine: Machine;
  readonly #random: Random;
  readonly #secrets: SeededRandom;
  #disk: SimulatedDisk;
  #life: Life | undefined;
  #auditing = false;
  /** After so many calls that change something, one fails. */
  #callsToFault = Number.POSITIVE_INFINITY;
  /** The same of the next process, and of this one, until the power is cut. */
  #cutAtStart = 0;
  #callsToCut = 0;
  readonly #told = new Map<number, Told>();
  /** What was found on the disk, and no process has made sure of yet: it may be lost again. */
  #found = new Map<number, Told>();
  readonly #tails = new Map<string, number>();
  readonly #epochs = new Map<string, readonly string[]>();

  constructor(plan: Plan, files: FilesPlan, machine: Machine) {
    this.#plan = plan;
    this.#files = files;
    this.#machine = machine;
    this.#random = new Random(plan.seed, 4);
    this.#secrets = new SeededRandom(plan.seed);
    const { scheduler } = machine;
    const { lowMs, highMs } = files;
    this.#disk = new SimulatedDisk({
      schedule: (run) => void scheduler.after(this.#random.between(lowMs, highMs), run),
    });
  }

  open(): Promise<Journal> {
    if (this.#auditing) throw new Error("the disk is still looked at");
    const life: Life = { alive: true, poisoned: false, journal: undefined };
    this.#life = life;
    this.#callsToCut = this.#cutAtStart;
    this.#cutAtStart = 0;
    this.#disk.onCall = ({ name, number }) => (number === 0 ? undefined : this.#fault(life, name));
    return this.#open(life);
  }

  async #open(life: Life): Promise<Journal> {
    try {
      const options = { ...this.#options(this.#clock(life)), disk: this.#disk.newProcess() };
      const journal = await openFilesJournal(folder, options);
      life.journal = new WatchedJournal(journal, {
        committed: (stream, record) => this.#committed(life, stream, record),
        duplicate: () => this.#mayAcknowledge(life, "a repeat"),
        refused: (_stream, record, error) => this.#refused(record, error),
      });
      for (const [n, found] of this.#found) this.#told.set(n, found);
      this.#found = new Map();
      return life.journal;
    } catch (error) {
      const full = `${error}`.includes("ENOSPC");
      if (full) this.#machine.storeFailed();
      else if (!life.poisoned) {
        this.#fail(new Violation("I1 durable", `the store does not open any more: ${error}`));
      }
      throw error;
    }
  }

  #options(clock: Clock): FilesJournalOptions {
    return {
      clock,
      random: this.#secrets,
      segmentBytes: this.#files.segmentBytes,
      minimumFreeBytes: 0,
      cacheBytes: this.#files.cacheBytes,
      groupBytes: this.#files.groupBytes,
      readCacheBytes: this.#files.cacheBytes,
      indexBytes: this.#files.cacheBytes,
      retention: { entries: this.#plan.keptEntries },
    };
  }

  #clock(life: Life): Clock {
    const { scheduler, wall } = this.#machine;
    return {
      monotonicMs: () => scheduler.now,
      wallMs: () => scheduler.now + wall.offsetMs,
      startTimer(delayMs, run) {
        const timer = scheduler.after(Math.ceil(delayMs), () => {
          if (life.alive) run();
        });
        return () => timer.cancel();
      },
    };
  }

  isOpen(name: string): boolean {
    return this.#life?.journal?.streams.has(name) === true;
  }

  // --- what its process is told ---

  #committed(life: Life, stream: string, record: StreamRecord): void {
    this.#mayAcknowledge(life, `offset ${record.offset}`);
    const n = callOf(record);
    if (n !== undefined) {
      this.#told.set(n, { stream, offset: record.offset, body: textOf(record) });
    }
    this.#judge(() => tellCommitted(this.#machine.oracle, record));
  }

  #mayAcknowledge(life: Life, what: string): void {
    if (!life.poisoned) return;
    this.#fail(new Violation("I13 poison", `${what} was acknowledged after the disk had failed`));
  }

  #refused(record: StreamRecord, { code }: JournalError): void {
    const n = callOf(record);
    if (n === undefined) return;
    const { oracle } = this.#machine;
    if (code === "HF_STORE_FAILED") oracle.fates.unknown(n);
    else oracle.fates.refused(n);
  }

  /** What is thrown within the journal is the journal's: it must not look like an error of its disk. */
  #judge(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#machine.failed(error);
  }

  // --- what goes wrong ---

  #fault(life: Life, name: string): DiskFault | undefined {
    // A question that is not answered does no harm.
    if (life !== this.#life || name === "freeBytes") return undefined;
    if (this.#callsToCut > 0 && --this.#callsToCut === 0) this.#machine.cutPower();
    if (this.#callsToFault === Number.POSITIVE_INFINITY) return undefined;
    this.#callsToFault--;
    if (this.#callsToFault > 0) return undefined;
    this.#callsToFault = Number.POSITIVE_INFINITY;
    const short = name === "write" && this.#random.chance(30);
    if (short) return { short };
    life.poisoned = true;
    this.#machine.trace.note(`  disk: a call fails, ${name}`);
    this.#machine.storeFailed();
    return { error: "EIO" };
  }

  fault(calls: number): void {
    this.#callsToFault = calls;
  }

  cutAtStart(calls: number): void {
    this.#cutAtStart = calls;
  }

  fill(full: boolean): void {
    this.#disk.capacity = full ? this.#disk.usedBytes : Number.POSITIVE_INFINITY;
    const space = full ? "no space" : "space";
    this.#machine.trace.note(`  disk: ${space}, ${this.#disk.usedBytes} bytes`);
  }

  heal(): void {
    this.fill(false);
    this.#callsToFault = Number.POSITIVE_INFINITY;
    this.#cutAtStart = 0;
    this.#callsToCut = 0;
  }

  tail(name: string): number {
    const tail = this.#life?.journal?.streams.get(name)?.tail;
    if (tail !== undefined) this.#tails.set(name, tail);
    return tail ?? this.#tails.get(name) ?? 0;
  }

  epochs(name: string): readonly string[] {
    const epochs = this.#life?.journal?.streams.get(name)?.epochs.map(({ id }) => id);
    if (epochs !== undefined) this.#epochs.set(name, epochs);
    return epochs ?? this.#epochs.get(name) ?? [];
  }

  // --- what is left ---

  kill(machine: boolean, looked: () => void): void {
    const life = this.#life;
    this.#life = undefined;
    if (life !== undefined) life.alive = false;
    // Whatever the dead process still asks of the disk never happens.
    this.#disk.newProcess();
    if (machine) this.#disk = this.#disk.afterPowerCut(this.#cut());
    void this.#look(this.#disk).then(looked, (error: unknown) => this.#fail(error));
  }

  #cut(): "lose all" | "keep all" | SeededRandom {
    const kind = this.#random.below(4);
    if (kind === 0) return "lose all";
    return kind === 1 ? "keep all" : new SeededRandom(this.#random.next());
  }

  check(): Promise<void> {
    return this.#look(this.#disk.afterPowerCut(this.#cut()));
  }

  /** Opens a copy of the disk, all in this turn, and compares it with what was told. */
  async #look(disk: SimulatedDisk): Promise<void> {
    this.#auditing = true;
    const copy = disk.clone({ schedule: queueMicrotask });
    copy.capacity = Number.POSITIVE_INFINITY;
    const clock: Clock = { monotonicMs: () => 0, wallMs: () => 0, startTimer: () => () => {} };
    const random = new SeededRandom(7);
    const journal = await openFilesJournal(folder, {
      ...this.#options(clock),
      random,
      disk: copy.newProcess(),
    }).catch((error: unknown) => {
      throw new Violation("I1 durable", `the store does not open any more: ${error}`);
    });
    const found = new Map<string, Map<number, StreamRecord>>();
    const tails = new Map<string, number>();
    for (const name of this.#plan.namespaces) {
      const stream = await journal.stream(name);
      tails.set(name, stream.tail);
      found.set(name, await readAll(stream));
    }
    this.#compare(found, tails);
    this.#auditing = false;
  }

  #compare(
    found: ReadonlyMap<string, ReadonlyMap<number, StreamRecord>>,
    tails: ReadonlyMap<string, number>,
  ): void {
    for (const [n, { stream, offset, body }] of this.#told) {
      if (offset < (tails.get(stream) ?? 0)) continue;
      const record = found.get(stream)?.get(offset);
      if (record === undefined) {
        throw new Violation("I1 durable", `${n} was committed at ${offset}, and is lost`);
      }
      if (textOf(record) !== body) {
        throw new Violation(
          "I5 immutable",
          `${n} at ${offset} has other bytes than were committed`,
        );
      }
    }
    const { oracle } = this.#machine;
    const before = this.#found;
    this.#found = new Map();
    for (const [stream, records] of found) {
      for (const record of records.values()) {
        const n = callOf(record);
        if (n === undefined) continue;
        oracle.fates.recovered(n, record.offset);
        if (this.#told.has(n)) continue;
        this.#found.set(n, { stream, offset: record.offset, body: textOf(record) });
      }
    }
    for (const n of before.keys()) if (!this.#found.has(n)) oracle.fates.vanished(n);
  }
}

function textOf(record: StreamRecord): string {
  return Buffer.from(record.body).toString("latin1");
}

async function readAll(stream: Stream): Promise<Map<number, StreamRecord>> {
  const all = new Map<number, StreamRecord>();
  for (let from = stream.tail - 1; from < stream.head; ) {
    const page = await stream.read({
      from,
      direction: "forward",
      tags: undefined,
      untagged: true,
      maxBytes: 1_000_000,
      maxEntries: 10_000,
    });
    const [gap] = page.gaps;
    if (gap !== undefined) {
      throw new Violation("I1 durable", `${gap.from} to ${gap.to} cannot be read: ${gap.reason}`);
    }
    for (const entry of page.entries) {
      all.set(entry.offset, { ...entry, body: new Uint8Array(entry.body) });
    }
    if (page.next <= from) throw new Violation("I18 liveness", `a page ends at ${page.next}`);
    from = page.next;
  }
  return all;
}
