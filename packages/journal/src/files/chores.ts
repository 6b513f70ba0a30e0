/**
 * What has to be written besides the record, one after the other: the index and the message ids of a sealed segment,
 * and checkpoints. Where there is no space it waits; any other error ends the journal.
 */
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Disk } from "../disk.ts";
import {
  type Checkpoint,
  checkpointContents,
  type IdsFacts,
  settled,
  type UnsettledCheckpoint,
} from "./checkpoint.ts";
import { type Contents, type FileKind, writeInPieces } from "./container.ts";
import { createFile, isFull, removeFile } from "./file-io.ts";
import { SegmentIds } from "./ids.ts";
import { checkpointName, idsName, indexName, parseName } from "./names.ts";
import type { Segment } from "./segment.ts";

export interface ChoresHost {
  readonly clock: Clock;
  failed(error: unknown): void;
  /** Resolves when all that was committed so far is on the disk; rejects when the journal has failed. */
  flushed(): Promise<void>;
  /** The checkpoint is on the disk. */
  checkpointed(checkpoint: Checkpoint): void;
}

const retryMs = 1_000;

export class Chores {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #host: ChoresHost;
  readonly #tasks: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #stopped = false;
  #number: number;

  constructor(disk: Disk, folder: string, host: ChoresHost, lastCheckpoint: number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#host = host;
    this.#number = lastCheckpoint;
  }

  /** Writes what a sealed segment has in memory to files of its own. */
  sealed(segment: Segment): void {
    const { number, ids, index, end } = segment;
    segment.ids = new SegmentIds();
    if (ids.size > 0) {
      this.#add(() => this.#create(idsName(number), "ids", ids.contents(number)));
    }
    if (index !== undefined) this.#add(() => this.#writeIndex(number, index.contents(number, end)));
  }

  checkpoint(unsettled: UnsettledCheckpoint): void {
    this.#number++;
    const number = this.#number;
    const whole = settled(unsettled);
    // Whoever cannot say its state is heard when it is this one's turn.
    whole.catch(() => undefined);
    this.#add(async () => {
      const checkpoint = await whole;
      // What came after it was asked for may be in it, and must not be there alone after a power cut.
      await this.#host.flushed();
      const contents = checkpointContents(number, checkpoint);
      await this.#create(checkpointName(number), "checkpoint", contents);
      this.#host.checkpointed(checkpoint);
      await this.#removeReplaced(number, checkpoint);
    });
  }

  /** Resolves when all is written, or has failed, or waits for space. */
  async done(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Gives up what waits. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRetry?.();
    this.#tasks.length = 0;
  }

  #add(task: () => Promise<void>): void {
    if (this.#stopped) return;
    this.#tasks.push(task);
    if (this.#cancelRetry === undefined) this.#start();
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    for (let task = this.#tasks[0]; task !== undefined; task = this.#tasks[0]) {
      try {
        await task();
        this.#tasks.shift();
      } catch (error) {
        if (!isFull(error)) {
          this.stop();
          return this.#host.failed(error);
        }
        if (this.#stopped) return;
        this.#cancelRetry = this.#host.clock.startTimer(retryMs, () => {
          this.#cancelRetry = undefined;
          this.#start();
        });
        return;
      }
    }
  }

  /** Not flushed: what a power cut leaves of an index is known by its sum, and made again. */
  async #writeIndex(number: number, contents: Contents): Promise<void> {
    const path = join(this.#folder, indexName(number));
    await removeFile(this.#disk, path);
    const file = await this.#disk.open(path, "create");
    try {
      await writeInPieces(file, "index", contents);
    } finally {
      await file.close();
    }
  }

  #create(name: string, kind: FileKind, contents: Contents): Promise<void> {
    return createFile(this.#disk, this.#folder, name, (file) =>
      writeInPieces(file, kind, contents),
    );
  }

  /** Older checkpoints, and files of ids that the new one does not name any more. */
  async #removeReplaced(number: number, checkpoint: Checkpoint): Promise<void> {
    const ids = new Set(checkpoint.ids.map(({ segment }) => segment));
    for (const name of await this.#disk.list(this.#folder)) {
      const parsed = parseName(name);
      const old =
        (parsed?.kind === "checkpoint" && parsed.number < number) ||
        (parsed?.kind === "ids" && parsed.number < checkpoint.segment && !ids.has(parsed.number));
      if (old) await removeFile(this.#disk, join(this.#folder, name));
    }
  }
}

/** The files of ids that are still needed: something in them is within the window, and not pushed out by newer ones. */
export function neededIds(
  files: readonly IdsFacts[],
  ageMs: number,
  window: { readonly ageMs: number; readonly ids: number },
): IdsFacts[] {
  const newer = new Map<number, number>();
  const needed: IdsFacts[] = [];
  for (const file of files.toReversed()) {
    const crowdedOut = file.counts.every(([stream]) => (newer.get(stream) ?? 0) >= window.ids);
    if (ageMs - file.lastAgeMs >= window.ageMs || crowdedOut) continue;
    needed.push(file);
    for (const [stream, count] of file.counts) newer.set(stream, (newer.get(stream) ?? 0) + count);
  }
  return needed.reverse();
}
