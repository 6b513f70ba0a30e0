/** Reads all of a store and says what is damaged, without changing anything. */
import { join } from "node:path";
import type { Disk } from "../disk.ts";
import { systemDisk } from "../disk.ts";
import { JournalError } from "../errors.ts";
import { unwrap } from "./container.ts";
import { readFile } from "./file-io.ts";
import { frameKinds } from "./frame.ts";
import { fileIn, parseName } from "./names.ts";
import { recover } from "./recovery.ts";
import { SegmentScanner } from "./scan.ts";
import { OpenSegments, readSegment, type Segment, segmentHeadBytes } from "./segment.ts";
import { invalidFolder, noStore, readStoreFile, unfinished, unfinishedName } from "./store-file.ts";

export interface StoreProblem {
  readonly file: string;
  /** The bytes from `from` up to, not including, `to`; none when it is the file as a whole. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly what: string;
  /** Whether the store can do without: an index is made again. */
  readonly harmless: boolean;
}

export interface StoreReport {
  readonly segments: number;
  readonly records: number;
  readonly problems: readonly StoreProblem[];
}

export interface VerifyOptions {
  readonly disk?: Disk;
}

/**
 * Reads a store whole, and says what in it is damaged. Nothing is changed; nobody may have it open meanwhile.
 *
 * @param folder where the store is
 * @returns resolves when all of it was read: how much there is, and each problem with its file
 * @throws JournalError HF_STORE_LOCKED; HF_STORE_FORMAT for one of a newer version; HF_STORE_INVALID where there is none
 */
export async function verify(folder: string, options: VerifyOptions = {}): Promise<StoreReport> {
  const disk = options.disk ?? systemDisk;
  try {
    // Before the lock: what is no store, or one of a newer version, stays as it is.
    if (!(await isStore(disk, folder))) throw noStore(folder);
    const lock = await disk.lock(folder);
    try {
      return await new Verification(disk, folder).run();
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw invalidFolder(folder, error);
  }
}

/** A damaged one is a store, too. */
async function isStore(disk: Disk, folder: string): Promise<boolean> {
  try {
    return (await readStoreFile(disk, folder)) !== undefined;
  } catch (error) {
    if (isCorrupt(error)) return true;
    throw error;
  }
}

const isCorrupt = (error: unknown): error is JournalError =>
  error instanceof JournalError && error.code === "HF_STORE_CORRUPT";

class Verification {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #problems: StoreProblem[] = [];
  #segments = 0;
  #records = 0;

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  async run(): Promise<StoreReport> {
    const seed = await this.#guard("store", () => readStoreFile(this.#disk, this.#folder));
    const names = (await this.#disk.list(this.#folder)).sort();
    if (seed !== undefined) {
      const recovered = await this.#guard("", () => recover(this.#disk, this.#folder, seed.seed));
      const [refusal] = this.#problems.splice(0);
      const ends = new Map(recovered?.segments.map(({ number, end }) => [number, end]));
      for (const name of names) await this.#file(name, seed.seed, ends);
      if (names.includes(unfinishedName)) this.#found({ file: unfinishedName, what: unfinished });
      // Why it is refused says less than where the damage is, if that is seen.
      if (refusal !== undefined && !this.#problems.some(({ file }) => file === refusal.file)) {
        this.#problems.unshift(refusal);
      }
    }
    return { segments: this.#segments, records: this.#records, problems: this.#problems };
  }

  async #file(name: string, seed: number, ends: ReadonlyMap<number, number>): Promise<void> {
    const parsed = parseName(name);
    if (parsed === undefined) return;
    const { kind, number } = parsed;
    if (kind === "segment") {
      const segment = await this.#guard(name, () =>
        readSegment(this.#disk, this.#folder, number, seed),
      );
      if (segment !== undefined) await this.#segment(segment, ends.get(number));
      return;
    }
    if (kind !== "index" && kind !== "ids" && kind !== "checkpoint") return;
    await this.#guard(name, async () =>
      unwrap(kind, await readFile(this.#disk, join(this.#folder, name)), name),
    );
  }

  async #segment(segment: Segment, end: number | undefined): Promise<void> {
    this.#segments++;
    const open = new OpenSegments(this.#disk, this.#folder);
    await open.use(segment.number, async (file) => {
      const scanner = new SegmentScanner(file, segment.seed, segment.size);
      let place = segmentHeadBytes;
      while (place < (end ?? segment.size) && (await scanner.nextFrame(place))) {
        if (scanner.place > place) this.#damaged(segment, place, scanner.place);
        if (scanner.head.kind === frameKinds.damaged) {
          const to = scanner.place + scanner.length;
          this.#found({
            file: segment.name,
            from: scanner.place,
            to,
            what: "taken out by salvage",
            harmless: true,
          });
        } else if (scanner.head.kind !== frameKinds.control) this.#records++;
        place = scanner.place + scanner.length;
        scanner.keepFrom = place;
      }
      const written = Math.max(end ?? 0, await scanner.lastWritten(place));
      if (written > place) this.#damaged(segment, place, written);
    });
    await open.closeAll();
  }

  #damaged({ name }: Segment, from: number, to: number): void {
    this.#found({ file: name, from, to, what: "no frames" });
  }

  #found(problem: Partial<StoreProblem> & Pick<StoreProblem, "file" | "what">): void {
    const known = this.#problems.some(
      ({ file, from, what }) =>
        file === problem.file && from === problem.from && what === problem.what,
    );
    const harmless = problem.harmless ?? problem.file.endsWith(".index");
    if (!known) this.#problems.push({ from: undefined, to: undefined, ...problem, harmless });
  }

  async #guard<Result>(file: string, run: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await run();
    } catch (error) {
      if (isCorrupt(error)) {
        this.#found({ file: file === "" ? fileIn(error) : file, what: error.message });
        return undefined;
      }
      throw error;
    }
  }
}
