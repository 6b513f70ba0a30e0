/** The segments of a store: which there are, the one that is made ahead, their indexes, and how they go. */
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Disk, DiskFile } from "../disk.ts";
import { isFull, readFile, removeFile } from "./file-io.ts";
import type { FreeSpace } from "./free-space.ts";
import { IndexMemory } from "./index-memory.ts";
import { indexName, segmentName } from "./names.ts";
import { rebuildIndex } from "./rebuild-index.ts";
import { createSegment, OpenSegments, Segment } from "./segment.ts";
import { SegmentIndex } from "./segment-index.ts";

export interface SegmentStoreOptions {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly folder: string;
  readonly storeSeed: number;
  readonly segmentBytes: number;
  readonly minimumFreeBytes: number;
  readonly space: FreeSpace;
  /** How much the indexes of sealed segments, and their filters, may take in memory. */
  readonly indexBytes: number;
}

export interface SegmentStoreHost {
  /** A segment is there to be written next, or there is no space for one. */
  preparedOrNot(): void;
  failed(error: unknown): void;
}

/** How often it is tried to open a segment while there is no descriptor. */
const openEveryMs = 1_000;
const firstSegmentBytes = 4 * 1024 * 1024;

export class SegmentStore {
  readonly #options: SegmentStoreOptions;
  readonly #host: SegmentStoreHost;
  readonly #open: OpenSegments;
  /** Oldest first. The last one is written to. */
  readonly segments: Segment[];
  #next: Segment | undefined;
  /** The number of the last segment that was given out to be written. */
  #lastTaken: number;
  #wantedBytes = 0;
  #preparing: Promise<void> | undefined;
  /** Whether there is no space for another segment. */
  lacking = false;
  readonly #indexes: IndexMemory;
  readonly #loading = new Map<number, Promise<SegmentIndex>>();

  constructor(
    options: SegmentStoreOptions,
    host: SegmentStoreHost,
    segments: readonly Segment[],
    prepared: Segment | undefined,
  ) {
    this.#options = options;
    this.#host = host;
    this.#open = new OpenSegments(options.disk, options.folder);
    this.#indexes = new IndexMemory(options.indexBytes);
    this.segments = [...segments];
    this.#next = prepared;
    this.#lastTaken = segments.at(-1)?.number ?? 0;
  }

  get active(): Segment | undefined {
    return this.segments.at(-1);
  }

  get hasNext(): boolean {
    return this.#next !== undefined;
  }

  /** Resolves when no segment is being made. */
  async settled(): Promise<void> {
    while (this.#preparing !== undefined) await this.#preparing;
  }

  /** @returns the next segment if it is ready and large enough; otherwise one is made */
  takeNext(bytes: number): Segment | undefined {
    const next = this.#next;
    if (next !== undefined && next.size >= bytes) {
      this.#next = undefined;
      this.#lastTaken = next.number;
      return next;
    }
    this.#wantedBytes = Math.max(this.#wantedBytes, bytes);
    // Without space a timer tries again, not every append.
    if (!this.lacking) this.prepare();
    return undefined;
  }

  /** Begins to write to the segment that was taken. */
  push(segment: Segment): void {
    segment.index = new SegmentIndex();
    const sealed = this.active;
    this.segments.push(segment);
    if (sealed !== undefined) this.#indexes.loaded(sealed);
    this.prepare();
  }

  /** Makes a segment ahead, unless there is one. */
  prepare(): void {
    if (this.#preparing !== undefined || (this.#next?.size ?? -1) >= this.#wantedBytes) return;
    this.#preparing = this.#makeNext().then(
      (lacking) => this.#prepared(lacking),
      (error: unknown) => {
        this.#preparing = undefined;
        this.#host.failed(error);
      },
    );
  }

  /** Makes the first segment of a new store. Rejects with what the disk says */
  async makeFirst(): Promise<void> {
    const segment = new Segment(1, this.#sizeOf(undefined), this.#options.storeSeed);
    await createSegment(this.#options.disk, this.#options.folder, segment);
    segment.index = new SegmentIndex();
    this.segments.push(segment);
    this.#lastTaken = 1;
  }

  openForWriting({ name }: Segment): Promise<DiskFile> {
    return this.#options.disk.open(join(this.#options.folder, name), "write");
  }

  /** The same, however long it takes until the process has a descriptor left. */
  async openWhenPossible(segment: Segment): Promise<DiskFile> {
    for (;;) {
      try {
        return await this.openForWriting(segment);
      } catch (error) {
        if (!isFull(error)) throw error;
      }
      await new Promise<void>((resolve) => this.#options.clock.startTimer(openEveryMs, resolve));
    }
  }

  /** Whether the file of a segment is still what the folder has under its name. */
  isThere({ name }: Segment, file: DiskFile): Promise<boolean> {
    return file.isAt(join(this.#options.folder, name));
  }

  use<Result>(segment: Segment, run: (file: DiskFile) => Promise<Result>): Promise<Result> {
    return this.#open.use(segment.number, run);
  }

  /** @returns at once when it is in memory; otherwise it is read, or made again from the segment */
  indexOf(segment: Segment): SegmentIndex | Promise<SegmentIndex> {
    if (segment.index !== undefined) {
      this.#indexes.used(segment);
      return segment.index;
    }
    let loading = this.#loading.get(segment.number);
    if (loading === undefined) {
      loading = this.#load(segment).finally(() => this.#loading.delete(segment.number));
      this.#loading.set(segment.number, loading);
    }
    return loading;
  }

  /** Removes the oldest segment, all of which retention has dropped. If a power cut brings it back, it goes again. */
  async removeOldest(): Promise<void> {
    const segment = this.segments.shift();
    if (segment === undefined) return;
    const { disk, folder } = this.#options;
    this.#indexes.forget(segment);
    await this.#open.forget(segment.number);
    await disk.unlink(join(folder, segmentName(segment.number)));
    await removeFile(disk, join(folder, indexName(segment.number)));
  }

  async close(): Promise<void> {
    await this.settled();
    await this.#open.closeAll();
  }

  /** @returns whether there was no space for it */
  async #makeNext(): Promise<boolean> {
    const { disk, folder, storeSeed, minimumFreeBytes, space } = this.#options;
    const size = Math.max(this.#sizeOf(this.active), (this.#wantedBytes + 511) & ~511);
    try {
      if ((await space.look()) - size < minimumFreeBytes) return true;
      const segment = new Segment(this.#lastTaken + 1, size, storeSeed);
      await createSegment(disk, folder, segment);
      this.#next = segment;
      return false;
    } catch (error) {
      if (isFull(error)) return true;
      throw error;
    }
  }

  #prepared(lacking: boolean): void {
    this.#preparing = undefined;
    this.lacking = lacking;
    if (!lacking && (this.#next?.size ?? 0) < this.#wantedBytes) this.prepare();
    else this.#wantedBytes = 0;
    this.#host.preparedOrNot();
  }

  /** Small to begin with, so that a small application has a small folder. */
  #sizeOf(before: Segment | undefined): number {
    const { segmentBytes } = this.#options;
    const size = before === undefined ? firstSegmentBytes : before.size * 2;
    return Math.min(segmentBytes, Math.max(size, firstSegmentBytes));
  }

  async #load(segment: Segment): Promise<SegmentIndex> {
    const { disk, folder } = this.#options;
    const path = join(folder, indexName(segment.number));
    const bytes = await readFile(disk, path).catch(() => undefined);
    const index =
      (bytes && SegmentIndex.decode(bytes, segment.number, segment.end)) ??
      (await this.use(segment, (file) => rebuildIndex(file, segment)));
    // Retention may have removed it meanwhile: nobody asks for it again.
    if (!this.segments.includes(segment)) return index;
    segment.index = index;
    this.#indexes.loaded(segment);
    return index;
  }
}
