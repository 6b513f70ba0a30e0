/**
 * A journal in a folder: docs/internals/journal.md says how its files look and how they are written. This is where the
 * parts meet: what is appended goes to the group commit, what is committed to its stream, the rest is upkeep.
 */
import type { Clock } from "../clock.ts";
import type { DiskLock } from "../disk.ts";
import { newEpochId } from "../epochs.ts";
import { JournalError } from "../errors.ts";
import { guarded } from "../guarded.ts";
import type {
  Durability,
  Journal,
  JournalStatus,
  Page,
  ReadRequest,
  Stream,
  StreamRecord,
} from "../journal.ts";
import { Admission } from "./admission.ts";
import { BlockCache } from "./block-cache.ts";
import type { Checkpoint, IdsFacts, UnsettledCheckpoint } from "./checkpoint.ts";
import { Chores, neededIds } from "./chores.ts";
import { GroupCommit } from "./commit.ts";
import type { Control } from "./control.ts";
import { isFull } from "./file-io.ts";
import type { FilesStream } from "./files-stream.ts";
import { FreeSpace } from "./free-space.ts";
import type { Settings } from "./options.ts";
import { Reader } from "./read.ts";
import { ReadCache } from "./read-cache.ts";
import type { Recovered } from "./recovered.ts";
import type { Segment } from "./segment.ts";
import { SegmentStore } from "./segment-store.ts";
import { StreamTable } from "./stream-table.ts";
import { Trimmer } from "./trim.ts";

/** How often it is tried to make a segment while there is no space. */
const prepareEveryMs = 1_000;
const trimSoonMs = 1_000;
/** How often what other classes have not flushed is flushed. */
const flushEveryMs = 1_000;

export interface Opened {
  readonly settings: Settings;
  readonly folder: string;
  readonly storeSeed: number;
  readonly secret: Uint8Array;
  readonly lock: DiskLock;
  readonly recovered: Recovered;
  readonly bootId: string | undefined;
}

export class FilesJournal implements Journal {
  readonly durability: Durability;
  readonly secret: Uint8Array;
  readonly clock: Clock;
  onStatus: ((status: JournalStatus) => void) | undefined;
  readonly settings: Settings;
  readonly #lock: DiskLock;
  readonly #bootId: string | undefined;
  /** What was promised to whom, as the record says: the last process, until this one has said what it promises. */
  #promised: Pick<Checkpoint, "bootId" | "durability">;
  readonly #space: FreeSpace;
  readonly store: SegmentStore;
  readonly #cache: BlockCache;
  readonly #reader: Reader;
  readonly #chores: Chores;
  readonly #trimmer: Trimmer;
  readonly #admission: Admission;
  readonly #streams: StreamTable;
  readonly #opening = new Map<string, Promise<Stream>>();
  #commit: GroupCommit | undefined;
  #idsFiles: IdsFacts[];
  #state: JournalStatus["state"] = "open";
  readonly #ageBase: number;
  readonly #openedMs: number;
  neededFrom: number;
  #cancelTrim: (() => void) | undefined;
  #trimSoon = false;
  #cancelPrepare: (() => void) | undefined;
  #cancelFlush: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor({ settings, folder, storeSeed, secret, lock, recovered, bootId }: Opened) {
    this.durability = settings.durability;
    this.secret = secret;
    this.clock = settings.clock;
    this.settings = settings;
    this.#lock = lock;
    this.#bootId = bootId;
    this.#ageBase = recovered.ageMs;
    this.#openedMs = this.clock.monotonicMs();
    this.#idsFiles = recovered.idsFiles;
    this.neededFrom = recovered.segments[0]?.number ?? 1;
    this.#cache = new BlockCache(settings.cacheBytes);
    const { segments, prepared, durability = this.durability } = recovered;
    this.#promised = { bootId: recovered.bootId, durability };
    this.#space = new FreeSpace(settings.disk, folder, settings.lowFreeBytes, () => this.#tell());
    const storeOptions = { ...settings, folder, storeSeed, space: this.#space };
    this.store = new SegmentStore(storeOptions, this, segments, prepared[0]);
    this.#reader = new Reader(this.store, this.#cache, new ReadCache(settings.readCacheBytes));
    this.#chores = new Chores(settings.disk, folder, this, recovered.lastCheckpoint);
    this.#trimmer = new Trimmer(settings.retention, this.store, this);
    this.#admission = new Admission(settings, this.store, () => this.#setState("full"));
    this.#streams = new StreamTable(this, settings, recovered.streams.values());
  }

  get status(): JournalStatus {
    return {
      state: this.#state,
      error: this.#commit?.failure,
      flushes: this.#commit?.flushes ?? 0,
      bytes: this.#trimmer.kept.bytes,
      freeBytes: this.#space.bytes,
      low: this.#space.low,
    };
  }

  stream(name: string): Promise<Stream> {
    if (this.#closing !== undefined) return Promise.reject(new JournalError("HF_STORE_CLOSED"));
    const existing = this.#streams.named(name);
    if (existing?.exists === true) return Promise.resolve(existing);
    const refusal = this.#opening.has(name) ? undefined : this.#streams.reserve(name);
    if (refusal !== undefined) return Promise.reject(refusal);
    const opening = this.#opening.get(name) ?? this.#makeStream(name);
    this.#opening.set(name, opening);
    return opening;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // --- for the streams ---

  append(stream: FilesStream, records: readonly StreamRecord[]): void {
    const closed = this.#closing === undefined ? undefined : new JournalError("HF_STORE_CLOSED");
    this.#admission.append(stream, records, closed);
  }

  read(stream: FilesStream, request: ReadRequest): Page | Promise<Page> {
    if (this.#closing !== undefined) return Promise.reject(new JournalError("HF_STORE_CLOSED"));
    return this.#reader.read(stream, request);
  }

  beginEpoch(stream: FilesStream, end: number): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new JournalError("HF_STORE_CLOSED"));
    // One that is on its way ends the current epoch where it ended before.
    const { beginning = this.#admission.beginEpoch(stream, end) } = stream;
    return this.flushed(beginning);
  }

  // --- for the parts ---

  /** The journal's own time goes on while it is open, and never jumps. */
  ageMs(): number {
    return Math.floor(this.#ageBase + this.clock.monotonicMs() - this.#openedMs);
  }

  startOfSegment(previousEnd: number): Control {
    return { type: "start", previousEnd, streams: this.#streams.facts() };
  }

  segmentFull(full: Segment, next: Segment): void {
    if (full.ids.size > 0) this.#idsFiles.push(full.ids.facts(full.number));
    this.store.push(next);
    this.#chores.sealed(full);
    this.#chores.checkpoint(false);
    this.#armTrim(true);
  }

  /** As of the end of what is committed: a place within the active segment, except where that has just begun. */
  checkpoint(clean: boolean): UnsettledCheckpoint {
    this.#idsFiles = neededIds(this.#idsFiles, this.ageMs(), this.settings.deduplication);
    const sealed = this.store.segments.slice(0, -1);
    const { number: segment = 1, end: place = 0 } = this.store.active ?? {};
    return {
      segment,
      place,
      clean,
      ageMs: this.ageMs(),
      ...this.#promised,
      segments: sealed.map((one) => one.facts()),
      // A copy: it is written later, and must not name files that are still to be made.
      ids: [...this.#idsFiles],
      streams: this.#streams.checkpoints(),
    };
  }

  checkpointed({ segment }: Checkpoint): void {
    this.neededFrom = segment;
    this.#armTrim(true);
  }

  preparedOrNot(): void {
    if (this.store.lacking && this.#closing === undefined) {
      this.#cancelPrepare ??= this.clock.startTimer(prepareEveryMs, () => {
        this.#cancelPrepare = undefined;
        this.store.prepare();
      });
    } else if (!this.store.lacking) this.#setState("open");
    this.#admission.tryWaiting();
  }

  /** Flushed: files go after it, and without a flush they may be gone after a power cut, and this not be there. */
  commitTails(tails: ReadonlyMap<number, number>): Promise<void> {
    const trimmed = this.#admission.control(() => ({
      control: { type: "trim", tails: [...tails] },
      committed: () => {
        for (const [number, tail] of tails) this.#streams.numbered(number)?.trimTo(tail);
      },
    }));
    return this.flushed(trimmed);
  }

  groupCommitted(): void {
    if (this.#closing !== undefined) return;
    this.#armTrim(this.#trimmer.isOver);
    this.#armFlush();
  }

  failed(cause: unknown): void {
    if (this.#state === "failed" || this.#state === "closed") return;
    this.#commit?.fail(cause);
    this.#setState("failed");
    this.#stopTimers();
    this.#chores.stop();
    this.#admission.tryWaiting();
  }

  // --- opening ---

  /** Begins to write, behind what was recovered. */
  async start(recovered: Recovered, loseEpochs: boolean): Promise<void> {
    this.#streams.restoreIds(recovered);
    if (this.store.active === undefined) await this.store.makeFirst();
    const active = this.store.active;
    if (active === undefined) return;
    const file = await this.store.openForWriting(active);
    this.#commit = new GroupCommit(this, this.#cache, active, file);
    this.#admission.begin(this.#commit);
    for (const segment of recovered.segments) {
      if (segment === active || segment.index === undefined) continue;
      if (segment.ids.size > 0) this.#idsFiles.push(segment.ids.facts(segment.number));
      this.#chores.sealed(segment);
    }
    this.store.prepare();
    if (loseEpochs) {
      for (const stream of this.#streams) {
        await this.beginEpoch(stream, recovered.lostAfter.get(stream.number) ?? stream.head);
      }
    }
    // After the epochs: a start that is killed before this frame is there leaves it to the next one to begin them.
    await this.#admission.control(() => ({
      control: { type: "open", bootId: this.#bootId, durability: this.durability },
      committed: () => {
        this.#promised = { bootId: this.#bootId, durability: this.durability };
      },
    }));
    await this.#commit.flushNow();
    await this.#trimmer.restore((number) => this.#streams.numbered(number)?.tail ?? 0);
    this.#chores.checkpoint(false);
    await this.#chores.done();
    if (this.#commit.failure !== undefined) throw this.#commit.failure;
    this.#armTrim(false);
    this.#armFlush();
    await this.#space.watch(this.clock, () => this.#commit?.look());
  }

  // --- streams ---

  async #makeStream(name: string): Promise<Stream> {
    let stream: FilesStream | undefined;
    try {
      const epoch = newEpochId(this.settings.random);
      const made = this.#admission.control(() => {
        const created = this.#streams.next(name, epoch);
        stream = created;
        return {
          control: { type: "stream", number: created.number, name, epoch },
          encoded: () => this.#streams.add(created),
          committed: () => {
            created.exists = true;
          },
        };
      });
      await this.flushed(made);
      if (stream === undefined) throw new JournalError("HF_STORE_CLOSED");
      return stream;
    } catch (error) {
      this.#streams.giveUp(name, stream);
      throw error;
    } finally {
      this.#opening.delete(name);
    }
  }

  /** Streams and their epochs survive what their records need not: without them a position is not known to be lost. */
  async flushed(control?: Promise<void>): Promise<void> {
    await control;
    await this.#commit?.flushNow();
    if (this.#commit?.failure !== undefined) throw this.#commit.failure;
  }

  // --- upkeep ---

  #armTrim(soon: boolean): void {
    if (this.#closing !== undefined || this.#state === "failed") return;
    if (this.#cancelTrim !== undefined && (!soon || this.#trimSoon)) return;
    this.#cancelTrim?.();
    this.#trimSoon = soon;
    const { ageMs } = this.settings.retention;
    const delay = soon ? trimSoonMs : Math.min(60_000, Math.max(trimSoonMs, ageMs / 8));
    this.#cancelTrim = this.clock.startTimer(delay, () => {
      this.#trim().catch((error: unknown) => {
        if (!(error instanceof JournalError || isFull(error))) this.failed(error);
      });
    });
  }

  async #trim(): Promise<void> {
    try {
      await this.#trimmer.run();
      if (this.store.lacking && this.#closing === undefined) this.store.prepare();
    } finally {
      this.#cancelTrim = undefined;
      if (this.#trimmer.kept.entries > 0) this.#armTrim(this.#trimmer.isOver);
    }
  }

  #armFlush(): void {
    if (this.durability === "disk" || this.#cancelFlush !== undefined) return;
    this.#cancelFlush = this.clock.startTimer(flushEveryMs, () => {
      this.#cancelFlush = undefined;
      void this.#commit?.flushNow();
    });
  }

  #stopTimers(): void {
    this.#cancelTrim?.();
    this.#cancelFlush?.();
    this.#cancelPrepare?.();
    this.#space.stop();
  }

  /** Ends what could not be started: the folder is let go of by whoever has taken it. */
  abandon(): Promise<void> {
    this.#closing = this.#letGo();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#complete();
    } finally {
      try {
        await this.#letGo();
      } finally {
        await this.#lock.release();
        this.#setState("closed");
      }
    }
  }

  /** Writes all that there is to write. */
  async #complete(): Promise<void> {
    this.#stopTimers();
    const commit = this.#commit;
    await this.#trimmer.run().catch(() => undefined);
    await this.store.settled();
    await commit?.idle();
    await commit?.flushNow();
    if (commit !== undefined && commit.failure === undefined) this.#chores.checkpoint(true);
    await this.#chores.done();
  }

  /** Ends what goes on beside the commits, and has no file open any more. */
  async #letGo(): Promise<void> {
    this.#stopTimers();
    this.#chores.stop();
    await this.#chores.done();
    await this.store.settled();
    await this.#commit?.close();
    await this.store.close();
  }

  #setState(state: JournalStatus["state"]): void {
    if (this.#state === state || this.#state === "closed") return;
    if (this.#state === "failed" && state !== "closed") return;
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    guarded(() => this.onStatus?.(this.status));
  }
}
