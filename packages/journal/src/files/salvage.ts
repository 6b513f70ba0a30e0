/**
 * Makes a damaged store one that opens again, with all that is whole. Each damaged part of a segment becomes a frame
 * that says so, which readers are told as a gap; every stream begins another epoch, so that clients are told, too.
 * What was damaged is gone then: make a copy of the folder first.
 */
import { join } from "node:path";
import type { Disk, DiskFile } from "../disk.ts";
import { JournalError } from "../errors.ts";
import { Block } from "./block.ts";
import { decodeCheckpoint } from "./checkpoint.ts";
import { wrap } from "./container.ts";
import { createFile, flush, readFile, removeFile, write } from "./file-io.ts";
import { FrameHead, frameHeaderBytes, frameKinds, frameMaxBytes, writePlain } from "./frame.ts";
import { checkpointName, parseName, segmentName } from "./names.ts";
import { repair, start } from "./open.ts";
import { type FilesJournalOptions, settingsOf } from "./options.ts";
import type { Recovered } from "./recovered.ts";
import { recover } from "./recovery.ts";
import { SegmentScanner } from "./scan.ts";
import { createSegment, readSegment, Segment, segmentHeadBytes } from "./segment.ts";
import {
  invalidFolder,
  isUnfinished,
  noStore,
  readStoreFile,
  unfinishedName,
} from "./store-file.ts";
import type { StoreProblem } from "./verify.ts";

export interface SalvageReport {
  /** What was taken out, and what was made again. */
  readonly problems: readonly StoreProblem[];
  /** The streams, and the last offset up to which nothing is missing. */
  readonly streams: readonly { readonly name: string; readonly completeTo: number }[];
}

/** What is past retention is not damaged: whoever opens the store next says how long things are kept. */
const keepsAll = {
  retention: { ageMs: Infinity, bytes: Infinity, entries: Infinity },
  deduplication: { ageMs: Infinity, ids: Infinity },
};

/**
 * Takes what is damaged out of a store, so that it opens with all that is whole. Copy the folder before.
 *
 * @param folder where the store is; nobody may have it open meanwhile
 * @returns resolves when the store can be opened: what was taken out, and up to where each stream misses nothing
 * @throws JournalError HF_STORE_LOCKED; HF_STORE_CORRUPT when its file `store` is damaged; HF_STORE_FORMAT for one of a newer
 * version; HF_STORE_INVALID where there is none
 */
export async function salvage(
  folder: string,
  options: Omit<FilesJournalOptions, keyof typeof keepsAll> = {},
): Promise<SalvageReport> {
  const settings = settingsOf({ ...options, ...keepsAll });
  const { disk } = settings;
  try {
    // Before the lock: a folder of a newer version, or of something else, stays as it is.
    const file = await readStoreFile(disk, folder);
    if (file === undefined) throw noStore(folder);
    const lock = await disk.lock(folder);
    try {
      const isSecond = await isUnfinished(disk, folder);
      const work = new Salvage(disk, folder);
      await work.patch(file.seed);
      const recovered = await recover(disk, folder, file.seed, true);
      await work.refused(recovered.refusals);
      await repair(disk, folder, recovered);
      const streams = [...recovered.streams.values()].map(({ name, number, head }) => ({
        name,
        completeTo: Math.min(
          recovered.lostAfter.get(number) ?? head,
          recovered.missingAfter.get(number) ?? head,
        ),
      }));
      const keep = { release: () => Promise.resolve() };
      const salvaged = isSecond || work.problems.length > 0;
      const journal = await start(folder, settings, { lock: keep, file, recovered, salvaged });
      await journal.close();
      if (salvaged) {
        await removeFile(disk, join(folder, unfinishedName));
        await disk.flushFolder(folder);
      }
      return { problems: work.problems, streams };
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw invalidFolder(folder, error);
  }
}

class Salvage {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly problems: StoreProblem[] = [];
  /** The segment at which reading begins, as the newest checkpoint says. */
  #readFrom: number | undefined;
  #isBegun = false;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  async patch(storeSeed: number): Promise<void> {
    const names = (await this.#disk.list(this.#folder)).map((name) => ({
      name,
      parsed: parseName(name),
    }));
    const last = Math.max(
      0,
      ...names.map(({ parsed }) => (parsed?.kind === "segment" ? parsed.number : 0)),
    );
    for (const { name, parsed } of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (parsed?.kind === "segment")
        await this.#segment(parsed.number, storeSeed, parsed.number === last);
      if (parsed?.kind === "checkpoint")
        this.#readFrom = (await this.#checkpoint(parsed.number, name)) ?? this.#readFrom;
    }
    await this.#missingSegments(storeSeed);
  }

  /** What a start would refuse that is not told yet: a file that is missing where no other shows it. */
  async refused(refusals: Recovered["refusals"]): Promise<void> {
    for (const { file, what } of refusals) {
      if (!this.problems.some((problem) => problem.file === file)) await this.#found(file, what);
    }
  }

  /** @returns the segment at which reading begins; undefined when the checkpoint is damaged, and gone now */
  async #checkpoint(number: number, name: string): Promise<number | undefined> {
    const path = join(this.#folder, name);
    const bytes = await readFile(this.#disk, path);
    try {
      return decodeCheckpoint(bytes, number).segment;
    } catch (error) {
      if (!(error instanceof JournalError) || error.code !== "HF_STORE_CORRUPT") throw error;
      await this.#found(checkpointName(number), error.message);
      await removeFile(this.#disk, path);
      return undefined;
    }
  }

  async #segment(number: number, storeSeed: number, isLast: boolean): Promise<void> {
    const path = join(this.#folder, segmentName(number));
    const file = await this.#disk.open(path, "write");
    try {
      const size = await this.#head(file, number, storeSeed);
      await this.#frames(file, new Segment(number, size, storeSeed), isLast);
      await flush(file);
    } finally {
      await file.close();
    }
  }

  /** Makes the head of a segment again where it is damaged, and the file as long as it was. @returns how long */
  async #head(file: DiskFile, number: number, storeSeed: number): Promise<number> {
    try {
      return (await readSegment(this.#disk, this.#folder, number, storeSeed)).size;
    } catch (error) {
      if (!(error instanceof JournalError) || error.code !== "HF_STORE_CORRUPT") throw error;
      await this.#found(segmentName(number), error.message, 0, segmentHeadBytes);
      const size = Math.max(64 * 1024, ((await file.size()) + 511) & ~511);
      await write(file, [wrap("segment", { number, size }, [], segmentHeadBytes)], 0);
      await file.truncate(size);
      return size;
    }
  }

  /** Puts a frame over everything between two frames that is none. Behind the last one are zeros. */
  async #frames(file: DiskFile, segment: Segment, isLast: boolean): Promise<void> {
    const scanner = new SegmentScanner(file, segment.seed, segment.size);
    const gaps: { from: number; to: number }[] = [];
    let place = segmentHeadBytes;
    while (place < segment.size && (await scanner.nextFrame(place))) {
      if (scanner.place > place) gaps.push({ from: place, to: scanner.place });
      place = scanner.place + scanner.length;
      scanner.keepFrom = place;
    }
    const written = ((await scanner.lastWritten(place)) + 7) & ~7;
    if (written > place) {
      // In the last segment it may be a torn end; in the others something was there.
      if (!isLast || gaps.length > 0) await this.#found(segment.name, "no frames", place, written);
      else await this.#found(segment.name, "the end", place, written);
      await write(file, [new Uint8Array(written - place)], place);
    }
    for (const gap of gaps) await this.#cover(file, segment, gap.from, gap.to);
  }

  async #cover(file: DiskFile, segment: Segment, from: number, to: number): Promise<void> {
    await this.#found(segment.name, "no frames", from, to);
    const head = new FrameHead();
    head.kind = frameKinds.damaged;
    for (let at = from; at < to; ) {
      let length = Math.min(to - at, frameMaxBytes);
      // What is left must have room for a frame.
      if (to - at - length > 0 && to - at - length < 64) length -= 64;
      const block = new Block(at, length);
      const body = new Uint8Array(length - frameHeaderBytes);
      writePlain(block, 0, segment.seed, head, body);
      await write(file, [block.bytes.subarray(0, length)], at);
      at += length;
    }
  }

  /**
   * A segment that is gone is made again, empty, so that those after it can be read: between others, and where reading
   * begins. One before all others may have been dropped by retention; recovery knows.
   */
  async #missingSegments(storeSeed: number): Promise<void> {
    const numbers = (await this.#disk.list(this.#folder))
      .map(parseName)
      .flatMap((parsed) => (parsed?.kind === "segment" ? [parsed.number] : []))
      .sort((a, b) => a - b);
    const known = this.#readFrom === undefined ? numbers : [...numbers, this.#readFrom];
    for (let number = Math.min(...known); number <= Math.max(...known); number++) {
      if (numbers.includes(number)) continue;
      await this.#found(segmentName(number), "it is missing");
      await createSegment(this.#disk, this.#folder, new Segment(number, 64 * 1024, storeSeed));
    }
  }

  /** Called before anything is changed. What is changed is not found again: that something was lost is told first. */
  async #found(file: string, what: string, from?: number, to?: number): Promise<void> {
    if (!this.#isBegun) await createFile(this.#disk, this.#folder, unfinishedName, async () => {});
    this.#isBegun = true;
    this.problems.push({ file, what, from, to, harmless: false });
  }
}
