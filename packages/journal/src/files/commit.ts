/**
 * Group commit: records become frames as they are appended, in the memory from which they are written and read. One
 * write and one flush are on their way at a time; all that is appended meanwhile commits with the next. The first
 * error of either ends it for ever: a kernel forgets what it could not write, so a second flush proves nothing.
 */
import type { Clock } from "../clock.ts";
import type { DiskFile } from "../disk.ts";
import { JournalError } from "../errors.ts";
import type { StreamRecord } from "../journal.ts";
import type { Block } from "./block.ts";
import type { BlockCache } from "./block-cache.ts";
import type { Control } from "./control.ts";
import { skip, writeFully } from "./file-io.ts";
import type { FilesStream } from "./files-stream.ts";
import {
  FrameHead,
  frameBound,
  frameHeaderBytes,
  frameKinds,
  writePlain,
  writeRecord,
} from "./frame.ts";
import { type ControlCall, Group } from "./group.ts";
import type { Settings } from "./options.ts";
import { type Segment, segmentHeadBytes } from "./segment.ts";
import type { SegmentStore } from "./segment-store.ts";

export interface CommitHost {
  readonly clock: Clock;
  readonly settings: Pick<Settings, "durability" | "groupBytes">;
  /** The journal's own time, in whole milliseconds. */
  ageMs(): number;
  /** What the first frame of a segment says. */
  startOfSegment(previousEnd: number): Control;
  /** Where the next segment comes from. */
  readonly store: SegmentStore;
  /** All that is in the old segment is committed and told, and nothing of the new one is written. */
  segmentFull(full: Segment, next: Segment): void;
  /** Something was committed and told. */
  groupCommitted(): void;
  failed(error: JournalError): void;
}

const blockBytes = 1024 * 1024;
/**
 * Groups up to this are written by the main thread: a hop to another thread and back takes longer. When more is on its way
 * the hop is no loss, for what comes meanwhile makes the next group larger. (Measured: with 64 KiB, W3 costs 7 % more.)
 */
const smallBytes = 4 * 1024;
/** Large groups are, too: their flush begins at once, not when the turn is over. The write takes 0.4 ms a MiB. */
const atOnceMaxBytes = 1024 * 1024;
const head = new FrameHead();
const microtask = Promise.resolve();

export class GroupCommit {
  readonly #host: CommitHost;
  readonly #flushesEach: boolean;
  readonly #groupBytes: number;
  readonly #cache: BlockCache;
  /** Where the next frame goes. */
  #segment: Segment;
  #block: Block;
  #filling: Group;
  /** Groups that ended with their segment, before what is being filled. */
  readonly #ended: Group[] = [];
  #running: Group | undefined;
  /** On the disk, and not told yet. */
  #committed: Group | undefined;
  #telling = false;
  #scheduled = false;
  /** The segment that is being written, and its file. */
  #written: Segment;
  #file: DiskFile;
  #failure: JournalError | undefined;
  #closed = false;
  #idle: (() => void)[] = [];
  #stamped = false;
  readonly #forgetStamp = (): void => {
    this.#stamped = false;
  };
  #timeMs = 0;
  #ageMs = 0;
  flushes = 0;

  constructor(host: CommitHost, cache: BlockCache, segment: Segment, file: DiskFile) {
    this.#host = host;
    this.#flushesEach = host.settings.durability === "disk";
    this.#groupBytes = host.settings.groupBytes;
    this.#cache = cache;
    this.#segment = segment;
    this.#written = segment;
    this.#file = file;
    this.#filling = new Group(segment, segment.end);
    this.#block = cache.newBlock(segment, segment.end, blockBytes);
  }

  get failure(): JournalError | undefined {
    return this.#failure;
  }

  /** How much of the segment that is being filled is taken, from 0 to 1. */
  get fill(): number {
    return this.#filling.end / this.#segment.size;
  }

  /** What is appended and not committed yet, in bytes. */
  get pendingBytes(): number {
    let { bytes } = this.#filling;
    for (const group of this.#ended) bytes += group.bytes;
    return this.#running === undefined ? bytes : bytes + this.#running.bytes;
  }

  /** How large the segment is that is being filled. */
  get segmentBytes(): number {
    return this.#segment.size;
  }

  /** Reads the clocks, once in a turn. @returns the journal's own time */
  stamp(): number {
    if (this.#stamped) return this.#ageMs;
    this.#stamped = true;
    // Not queueMicrotask: in Node that is an asynchronous resource, and here it comes with each event.
    void microtask.then(this.#forgetStamp);
    this.#timeMs = Math.max(0, Math.floor(this.#host.clock.wallMs()));
    this.#ageMs = this.#host.ageMs();
    return this.#ageMs;
  }

  hasRoom(bytes: number): boolean {
    return this.#filling.end + bytes <= this.#segment.size;
  }

  /** @returns whether there is room for so much; takes the next segment when there has to be one */
  makeRoom(bytes: number): boolean {
    if (this.hasRoom(bytes)) return true;
    const start = Buffer.from(JSON.stringify(this.#host.startOfSegment(this.#filling.end)));
    const next = this.#host.store.takeNext(
      segmentHeadBytes + start.length + frameHeaderBytes + 8 + bytes,
    );
    if (next === undefined) return false;
    if (this.#filling.size > 0 || this.#filling.isWritten) this.#ended.push(this.#filling);
    this.#segment = next;
    this.#filling = new Group(next, segmentHeadBytes);
    this.#block = this.#cache.newBlock(next, segmentHeadBytes, blockBytes);
    this.#setHead(frameKinds.control, 0, 0);
    this.#plain(start);
    return true;
  }

  /**
   * Puts a record into the group; `makeRoom` has been asked for all records of a batch.
   * @param content what is written: the record, or a copy that was taken when it had to wait
   */
  add(stream: FilesStream, record: StreamRecord, content: StreamRecord, endsBatch: boolean): void {
    this.#needBlock(frameBound(content));
    const isEntry = content.kind === "entry";
    this.#setHead(
      isEntry ? frameKinds.entry : frameKinds.session,
      stream.number,
      stream.appended + 1,
    );
    head.endsBatch = endsBatch;
    head.format = isEntry ? content.format : 0;
    const block = this.#block;
    const place = block.end;
    const length = writeRecord(block, block.length, this.#segment.seed, head, content);
    // Not before: what could not be written has no offset, or all that follow would have another than their frames.
    stream.appended++;
    block.length += length;
    this.#filling.extend(block, length);
    this.#filling.addRecord(stream, record, place);
    if (endsBatch && this.#isFull(this.#filling)) this.#nextAtOnce();
  }

  addUnwritten(stream: FilesStream, record: StreamRecord, fate: number | JournalError): void {
    this.#filling.addUnwritten(stream, record, fate);
    this.schedule();
  }

  /** @returns false when there is no room */
  addControl(control: Control, call: ControlCall): boolean {
    const body = Buffer.from(JSON.stringify(control));
    this.stamp();
    if (!this.makeRoom(body.length + frameHeaderBytes + 8)) return false;
    this.#setHead(frameKinds.control, 0, 0);
    this.#plain(body);
    this.#filling.addControl(call);
    this.schedule();
    return true;
  }

  /** Begins soon, so that what one turn appends is one group, unless that gets full before. */
  schedule(): void {
    if (this.#scheduled || this.#running !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#running === undefined) this.#next();
    });
  }

  /** A turn that appends a lot goes on while the disk has the first part of it. */
  #nextAtOnce(): void {
    if (this.#running === undefined && this.#filling.segment === this.#written) this.#next();
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined || this.#scheduled || this.#filling.size > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** Flushes what was written; for classes that do not wait for it. */
  flushNow(): Promise<void> {
    return new Promise((resolve) => {
      const { end, flushed } = this.#written;
      if (this.#failure !== undefined || flushed >= end) resolve();
      else this.#flush(this.#written, end, resolve);
    });
  }

  /** Looks whether the file that is written is still there: otherwise nobody will ever read what is written. */
  async look(): Promise<void> {
    const [file, { name }] = [this.#file, this.#written];
    // A disk that does not say it, or a file that was closed meanwhile, proves nothing.
    const isThere = await this.#host.store.isThere(this.#written, file).catch(() => true);
    if (isThere || this.#file !== file || this.#closed) return;
    this.fail(new Error(`${name} was removed, renamed or replaced while it was written`));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#file.close();
  }

  fail(cause: unknown): void {
    if (this.#failure !== undefined) return;
    const detail = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new JournalError("HF_STORE_FAILED", { detail, cause });
    const groups = [this.#committed, this.#running, ...this.#ended.splice(0), this.#filling];
    this.#committed = undefined;
    this.#running = undefined;
    this.#filling = new Group(this.#segment, this.#filling.end);
    this.#host.failed(this.#failure);
    for (const group of groups) group?.tellFailed(this.#failure);
    if (this.#filling.size > 0) this.schedule();
    this.#tellIdle();
  }

  #next(): void {
    const group = this.#ended.shift() ?? this.#filling;
    if (group.size === 0 && !group.isWritten) {
      this.#tellIdle();
      return;
    }
    if (group === this.#filling) this.#filling = new Group(this.#segment, group.end);
    this.#running = group;
    if (!group.isWritten || this.#failure !== undefined) this.#finish(group);
    else if (group.segment === this.#written) this.#write(group);
    else this.#changeSegment(group).catch((error: unknown) => this.fail(error));
  }

  // Without a flush to wait for a group is none of these: groups would be what one callback appends, a write for each message.

  #isFull({ bytes }: Group): boolean {
    return this.#flushesEach && bytes >= this.#groupBytes;
  }

  #isSmall({ bytes }: Group): boolean {
    return this.#flushesEach && bytes <= smallBytes && bytes < this.#groupBytes;
  }

  /** What a full one leaves of a turn is often a little less, and as well worth it. */
  #isLarge({ bytes }: Group): boolean {
    return this.#flushesEach && bytes >= this.#groupBytes / 2 && bytes <= atOnceMaxBytes;
  }

  #write(group: Group): void {
    const parts = group.content();
    // A write at once may fail at once, and what is being told would be acknowledged after an error.
    const atOnce = !this.#telling && (this.#isSmall(group) || this.#isLarge(group));
    if (atOnce) this.#writeAtOnce(group, parts);
    else writeFully(this.#file, parts, group.start, (error) => this.#onWritten(group, error));
  }

  #writeAtOnce(group: Group, parts: readonly Uint8Array[]): void {
    let written: number;
    try {
      written = this.#file.writeAtOnce(parts, group.start);
    } catch (error) {
      // What is not told yet is told of it now. Otherwise this may be within a call of `append`, which ends first.
      if (this.#committed !== undefined) this.fail(error);
      else queueMicrotask(() => this.fail(error));
      return;
    }
    if (written >= group.bytes) this.#onWritten(group, undefined);
    else {
      const place = group.start + written;
      writeFully(this.#file, skip(parts, written), place, (error) => this.#onWritten(group, error));
    }
  }

  #onWritten(group: Group, error: Error | undefined): void {
    if (this.#failure !== undefined) return;
    if (error !== undefined) this.fail(error);
    else if (!this.#flushesEach) this.#finish(group);
    else
      this.#flush(group.segment, group.end, () => {
        if (this.#failure === undefined) this.#finish(group);
      });
  }

  #flush(segment: Segment, end: number, done: () => void): void {
    this.#file.flush((error) => {
      if (error !== undefined) this.fail(error);
      else if (this.#failure === undefined) {
        this.flushes++;
        segment.flushed = Math.max(segment.flushed, end);
      }
      done();
    });
  }

  #finish(group: Group): void {
    group.segment.end = group.end;
    this.#running = undefined;
    this.#committed = group;
    // The next group goes to the disk while this one is told; but what a full segment leads to comes after all of it. A
    // small one waits for what this one leads to.
    const next = this.#ended[0] ?? this.#filling;
    const isReady = next.isWritten && next.segment === group.segment;
    if (isReady && !this.#isSmall(next) && this.#failure === undefined) this.#next();
    // If that has failed, nothing is acknowledged any more: this one was told so, too.
    if (this.#committed === undefined) return;
    this.#committed = undefined;
    this.#telling = true;
    group.tellCommitted();
    this.#telling = false;
    this.#cache.settle(group.segment);
    if (group.isWritten) this.#host.groupCommitted();
    if (this.#running !== undefined) return;
    // Whoever answers a repeat with another one is not called from within its answer.
    if (group.isWritten) this.#next();
    else this.schedule();
  }

  /** Before the first write to a segment, all of the one before it is on the disk. */
  async #changeSegment(group: Group): Promise<void> {
    const full = this.#written;
    await this.flushNow();
    if (this.#failure !== undefined) return;
    const former = this.#file;
    const file = await this.#host.store.openWhenPossible(group.segment);
    if (this.failure !== undefined) return file.close();
    this.#file = file;
    this.#written = group.segment;
    this.#host.segmentFull(full, group.segment);
    await former.close();
    if (this.failure === undefined) this.#write(group);
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #setHead(kind: FrameHead["kind"], stream: number, offset: number): void {
    head.kind = kind;
    head.endsBatch = true;
    head.format = 0;
    // A group is written only when the one before it is on the disk. The other classes know what they have flushed.
    head.flushed = this.#flushesEach ? this.#filling.start : this.#segment.flushed;
    head.stream = stream;
    head.offset = offset;
    head.timeMs = this.#timeMs;
    head.ageMs = this.#ageMs;
  }

  #plain(body: Uint8Array): void {
    this.#needBlock(body.length + frameHeaderBytes + 8);
    const block = this.#block;
    const length = writePlain(block, block.length, this.#segment.seed, head, body);
    block.length += length;
    this.#filling.extend(block, length);
  }

  #needBlock(bytes: number): void {
    if (this.#block.length + bytes <= this.#block.capacity) return;
    const size = Math.max(blockBytes, bytes);
    this.#block = this.#cache.newBlock(this.#segment, this.#block.end, size);
  }
}
