/**
 * A journal whose commits take their time, in batches, and which loses what was not committed when its process is
 * killed. Behind it stands the real journal in memory, which plays the disk: it outlives the process.
 *
 * It is as awkward as the seam allows: offsets with holes, pages that come later, a tail of a batch that is on the
 * disk though nobody was told.
 */
import {
  type Journal,
  JournalError,
  type JournalStatus,
  type MemoryJournal,
  type Page,
  type ReadRequest,
  type Restored,
  type SessionRecord,
  type Stream,
  type StreamFollower,
  type StreamRecord,
} from "@holdfast/journal";
import type { Random } from "../kernel/random.ts";
import type { Scheduler } from "../kernel/scheduler.ts";

export interface DiskOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly journal: MemoryJournal;
  /** How long a flush takes. */
  readonly lowMs: number;
  readonly highMs: number;
  /** Whether offsets have holes, as those of other stores do. */
  readonly holes: boolean;
  /** Of a hundred reads, how many are answered at once. */
  readonly readAtOncePercent: number;
  readonly committed: (stream: string, record: StreamRecord) => void;
  readonly refused: (stream: string, record: StreamRecord, error: JournalError) => void;
}

/** What of one stream outlives the process, besides its entries. */
interface KeptStream {
  readonly stream: Stream;
  readonly hub: Hub;
  sessions: SessionRecord[];
  checkpoint: { readonly offset: number; readonly state: Uint8Array } | undefined;
}

/** Stands for the process at the journal on the disk. */
class Hub implements StreamFollower {
  follower: StreamFollower | undefined;
  /** Everything that the disk commits, whoever is told. */
  onCommitted: (record: StreamRecord) => void = () => {};
  onRefused: (record: StreamRecord, error: JournalError) => void = () => {};
  /** Records that fill holes: nobody is told. */
  readonly fillers = new WeakSet<StreamRecord>();

  committed(records: readonly StreamRecord[]): void {
    const real = records.filter((record) => !this.fillers.has(record));
    for (const record of real) this.onCommitted(record);
    if (real.length > 0) this.follower?.committed(real);
  }

  duplicate(...fate: Parameters<StreamFollower["duplicate"]>): void {
    this.follower?.duplicate(...fate);
  }

  refused(record: StreamRecord, error: JournalError): void {
    this.onRefused(record, error);
    this.follower?.refused(record, error);
  }

  checkpoint(): Uint8Array {
    return new Uint8Array();
  }
}

export class Disk {
  readonly options: DiskOptions;
  readonly #kept = new Map<string, Promise<KeptStream>>();
  /** The streams that are open, to look at. */
  readonly streams = new Map<string, Stream>();
  /** Publishes are refused, for lack of space. */
  full = false;
  /** The next flush fails. */
  failing = false;

  constructor(options: DiskOptions) {
    this.options = options;
  }

  stream(name: string): Promise<KeptStream> {
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const made = this.#make(name);
    this.#kept.set(name, made);
    return made;
  }

  async #make(name: string): Promise<KeptStream> {
    const stream = await this.options.journal.stream(name);
    const hub = new Hub();
    stream.follow(hub);
    this.streams.set(name, stream);
    const kept: KeptStream = { stream, hub, sessions: [], checkpoint: undefined };
    hub.onCommitted = (record) => {
      if (record.kind === "session") {
        kept.sessions.push({ ...record, body: new Uint8Array(record.body) });
      }
      this.options.committed(name, record);
    };
    hub.onRefused = (record, error) => this.options.refused(name, record, error);
    return kept;
  }
}

/** The journal as one process has it open. */
export class SimulatedJournal implements Journal {
  readonly durability = "disk";
  readonly secret: Uint8Array;
  readonly disk: Disk;
  onStatus: ((status: JournalStatus) => void) | undefined;
  alive = true;
  error: JournalError | undefined;
  #flushes = 0;
  #closed = false;
  readonly #streams = new Map<string, Promise<SimulatedStream>>();
  readonly open: SimulatedStream[] = [];

  constructor(disk: Disk) {
    this.disk = disk;
    this.secret = disk.options.journal.secret;
  }

  get status(): JournalStatus {
    const { error } = this;
    const { full } = this.disk;
    const state = this.#closed ? "closed" : error !== undefined ? "failed" : full ? "full" : "open";
    const space = { freeBytes: undefined, low: false };
    return { state, error, flushes: this.#flushes, bytes: 0, ...space };
  }

  stream(name: string): Promise<Stream> {
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const made = this.#open(name);
    this.#streams.set(name, made);
    return made;
  }

  async #open(name: string): Promise<SimulatedStream> {
    const kept = await this.disk.stream(name);
    await this.pause();
    const stream = new SimulatedStream(this, kept, name);
    this.open.push(stream);
    return stream;
  }

  /** Resolves a moment later, if the process lives. */
  pause(): Promise<void> {
    const { scheduler, random, lowMs, highMs } = this.disk.options;
    return new Promise((resolve) => {
      scheduler.after(random.between(lowMs, highMs), () => {
        if (this.alive) resolve();
      });
    });
  }

  flushed(): void {
    this.#flushes++;
  }

  fail(error: JournalError): void {
    if (this.error !== undefined) return;
    this.error = error;
    this.onStatus?.(this.status);
  }

  async close(): Promise<void> {
    while (this.error === undefined && this.open.some((stream) => stream.busy)) await this.pause();
    this.#closed = true;
    this.onStatus?.(this.status);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The process was killed. A part of what was on its way to the disk may have arrived there. */
  kill(): void {
    this.alive = false;
    for (const stream of this.open) stream.kill();
  }
}

class SimulatedStream implements Stream {
  readonly name: string;
  readonly #journal: SimulatedJournal;
  readonly #kept: KeptStream;
  #pending: StreamRecord[] = [];
  #flushing = false;

  constructor(journal: SimulatedJournal, kept: KeptStream, name: string) {
    this.#journal = journal;
    this.#kept = kept;
    this.name = name;
  }

  get openedAt(): number {
    return this.#kept.stream.openedAt;
  }

  get epochs(): Stream["epochs"] {
    return this.#kept.stream.epochs;
  }

  get head(): number {
    return this.#kept.stream.head;
  }

  get tail(): number {
    return this.#kept.stream.tail;
  }

  get busy(): boolean {
    return this.#pending.length > 0;
  }

  follow(follower: StreamFollower): Restored {
    const { hub, sessions, checkpoint } = this.#kept;
    hub.follower = follower;
    const after = checkpoint?.offset ?? 0;
    return { checkpoint, records: sessions.filter(({ offset }) => offset > after) };
  }

  append(records: readonly StreamRecord[]): void {
    if (!this.#journal.alive || records.length === 0) return;
    this.#pending.push(...records);
    if (!this.#flushing) this.#flush();
  }

  #flush(): void {
    const { scheduler, random, lowMs, highMs } = this.#journal.disk.options;
    this.#flushing = true;
    // What comes while the flush is under way goes with the next one; what came in this turn goes with this one.
    scheduler.after(0, () => {
      const count = this.#pending.length;
      scheduler.after(random.between(lowMs, highMs), () => {
        if (!this.#journal.alive) return;
        this.#commit(count);
        this.#flushing = false;
        if (this.#pending.length > 0) this.#flush();
      });
    });
  }

  #commit(count: number): void {
    const { disk } = this.#journal;
    this.#journal.flushed();
    const batch = this.#pending.splice(0, count);
    if (disk.failing) this.#journal.fail(new JournalError("HF_STORE_FAILED"));
    for (const record of batch) this.#commitOne(record);
    if (disk.options.random.chance(5) && !this.#journal.closed) this.#checkpoint();
  }

  #commitOne(record: StreamRecord): void {
    const { hub, stream } = this.#kept;
    const { disk, error } = this.#journal;
    if (error !== undefined) hub.refused(record, new JournalError("HF_STORE_FAILED"));
    else if (disk.full && record.kind === "entry") {
      hub.refused(record, new JournalError("HF_STORE_FULL"));
    } else {
      if (disk.options.holes && disk.options.random.chance(20)) this.#hole();
      stream.append([record]);
    }
  }

  #hole(): void {
    const filler: StreamRecord = { kind: "session", body: new Uint8Array(), offset: 0, timeMs: 0 };
    this.#kept.hub.fillers.add(filler);
    this.#kept.stream.append([filler]);
  }

  #checkpoint(): void {
    const [kept, { head }] = [this.#kept, this];
    const { follower } = kept.hub;
    if (follower === undefined) return;
    void Promise.resolve(follower.checkpoint()).then((state) => {
      // The process may be gone by then, and a later one may have been quicker.
      if (kept.hub.follower !== follower || head <= (kept.checkpoint?.offset ?? 0)) return;
      kept.checkpoint = { offset: head, state: new Uint8Array(state) };
      kept.sessions = kept.sessions.filter(({ offset }) => offset > head);
    });
  }

  read(request: ReadRequest): Page | Promise<Page> {
    const { options } = this.#journal.disk;
    if (options.random.chance(options.readAtOncePercent)) return this.#kept.stream.read(request);
    return this.#journal.pause().then(() => this.#kept.stream.read(request));
  }

  async beginEpoch(end: number): Promise<void> {
    await this.#journal.pause();
    await this.#kept.stream.beginEpoch(end);
  }

  kill(): void {
    const { random } = this.#journal.disk.options;
    const { hub, stream } = this.#kept;
    hub.follower = undefined;
    if (this.#journal.error !== undefined) return;
    for (const record of this.#pending.splice(0, random.below(this.#pending.length + 1))) {
      stream.append([record]);
    }
    this.#pending = [];
  }
}
