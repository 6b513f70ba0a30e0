/**
 * What has to be written besides the record, one after the other: the index and the message ids of a sealed segment,
 * and checkpoints. Where there is no space it waits; any other error ends the journal.
 *
 * One checkpoint is made at a time, and says what is known when its turn comes, not when it was wanted: segments may get
 * full faster than all sessions can be written down, and each one that waits with their states would keep them in memory.
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
  /**
   * What is known now. Never called while something is told, so all that is committed is in it; and what waits to be
   * written when it is called, is not named by it.
   */
  checkpoint(clean: boolean): UnsettledCheckpoint;
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
  /** The checkpoint that comes after the one that is made, if there is one. */
  #wanted: { readonly clean: boolean } | undefined;
  /** Whether one is asked for, and not on the disk yet. */
  #isMaking = false;
  /** Resolves when all states of the one that is made are known. */
  #asking: Promise<void> | undefined;
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

  /** @param clean whether nothing is written after it */
  checkpoint(clean: boolean): void {
    this.#wanted = { clean };
    this.#next();
  }

  /** Resolves when all is written, or has failed, or waits for space. */
  async done(): Promise<void> {
    for (;;) {
      const busy = this.#running ?? this.#asking;
      if (busy === undefined) return;
      await busy;
    }
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
    this.#next();
  }

  #next(): void {
    if (this.#stopped || this.#cancelRetry !== undefined) return;
    if (this.#tasks.length > 0) {
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
        this.#next();
      });
    } else if (this.#wanted !== undefined && !this.#isMaking) {
      const { clean } = this.#wanted;
      this.#wanted = undefined;
      this.#isMaking = true;
      this.#asking = this.#ask(clean).finally(() => {
        this.#asking = undefined;
      });
    }
  }

  async #run(): Promise<void> {
    for (let task = this.#tasks[0]; task !== undefined; task = this.#tasks[0]) {
      try {
        await task();
        this.#tasks.shift();
      } catch (error) {
        if (!isFull(error)) return this.#fail(error);
        if (this.#stopped) return;
        this.#cancelRetry = this.#host.clock.startTimer(retryMs, () => {
          this.#cancelRetry = undefined;
          this.#next();
        });
        return;
      }
    }
  }

  /** What gets full meanwhile is written meanwhile: the states of many sessions take their time. */
  async #ask(clean: boolean): Promise<void> {
    try {
      const checkpoint = await settled(this.#host.checkpoint(clean));
      this.#number++;
      const number = this.#number;
      this.#add(() => this.#writeCheckpoint(number, checkpoint));
    } catch (error) {
      this.#fail(error);
    }
  }

  async #writeCheckpoint(number: number, checkpoint: Checkpoint): Promise<void> {
    // What came after it was asked for may be in it, and must not be there alone after a power cut.
    await this.#host.flushed();
    const contents = checkpointContents(number, checkpoint);
    await this.#create(checkpointName(number), "checkpoint", contents);
    this.#host.checkpointed(checkpoint);
    await this.#removeReplaced(number, checkpoint);
    this.#isMaking = false;
  }

  #fail(error: unknown): void {
    this.stop();
    this.#host.failed(error);
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
