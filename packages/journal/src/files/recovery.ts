/**
 * Reads a store as a crash may have left it: the newest checkpoint, then every frame behind it. Nothing is changed
 * here, so that a store that is refused stays as it is; what is to be repaired is told.
 *
 * What a power cut can do is cut: the end of what was not flushed. All else is damage, and refused. A frame says how
 * much of its segment was on the disk when it was written, and the first frame of a segment where the one before it
 * ends; so a bad place in front of either is no torn end. What follows a torn end in the same flush is cut with it.
 */

import { join } from "node:path";
import type { Disk } from "../disk.ts";
import { type Checkpoint, decodeCheckpoint, lastEntryOf, type SegmentFacts } from "./checkpoint.ts";
import { controlOf } from "./control.ts";
import { readFile } from "./file-io.ts";
import { frameKinds, noFrame } from "./frame.ts";
import { decodeIds } from "./ids.ts";
import {
  checkpointName,
  corrupt,
  fileIn,
  idsName,
  isTemporary,
  parseName,
  segmentName,
} from "./names.ts";
import { applyControl, nothingYet, type Recovered, recoveredStream } from "./recovered.ts";
import { SegmentScanner } from "./scan.ts";
import { OpenSegments, readSegment, type Segment, segmentHeadBytes } from "./segment.ts";
import { SegmentIndex } from "./segment-index.ts";

/**
 * Throws HF_STORE_CORRUPT, HF_STORE_FORMAT
 * @param lenient goes on where something is missing: for salvage, which has patched the segments before
 */
export async function recover(
  disk: Disk,
  folder: string,
  storeSeed: number,
  lenient = false,
): Promise<Recovered> {
  const open = new OpenSegments(disk, folder);
  try {
    return await new Recovery({ disk, folder, storeSeed, lenient }, open).run();
  } finally {
    await open.closeAll();
  }
}

class Recovery {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #storeSeed: number;
  readonly #lenient: boolean;
  readonly #open: OpenSegments;
  #checkpoint: Checkpoint | undefined;
  /** Where streams are within the segment of the checkpoint, as far as that is read: up to the checkpoint. */
  readonly #heads = new Map<number, number>();
  readonly #found: Recovered;

  constructor(
    place: {
      readonly disk: Disk;
      readonly folder: string;
      readonly storeSeed: number;
      readonly lenient: boolean;
    },
    open: OpenSegments,
  ) {
    this.#disk = place.disk;
    this.#folder = place.folder;
    this.#storeSeed = place.storeSeed;
    this.#lenient = place.lenient;
    this.#open = open;
    this.#found = nothingYet(0, undefined);
  }

  /** Throws, unless one goes on without it. */
  #refuse(error: unknown): void {
    if (!this.#lenient) throw error;
    this.#found.refusals.push({
      file: fileIn(error),
      what: error instanceof Error ? error.message : "",
    });
  }

  async run(): Promise<Recovered> {
    const names = await this.#disk.list(this.#folder);
    const numbers = (kind: string): number[] =>
      names
        .map(parseName)
        .flatMap((parsed) => (parsed?.kind === kind ? [parsed.number] : []))
        .sort((a, b) => a - b);

    const checkpoints = numbers("checkpoint");
    for (const number of checkpoints) {
      const bytes = await readFile(this.#disk, join(this.#folder, checkpointName(number)));
      try {
        this.#checkpoint = decodeCheckpoint(bytes, number);
      } catch (error) {
        this.#refuse(error);
      }
    }
    const checkpoint = this.#checkpoint;
    const { refusals } = this.#found;
    const known = nothingYet(checkpoints.at(-1) ?? 0, checkpoint);
    const found = Object.assign(this.#found, known, { refusals });
    for (const stream of checkpoint?.streams ?? [])
      found.streams.set(stream.number, recoveredStream(stream));

    const segments = numbers("segment");
    const first = checkpoint?.segment ?? 1;
    await this.#readSealed(segments, checkpoint?.segments ?? []);
    await this.#readRecent(segments.filter((number) => number >= first));
    this.#checkMissing(segments, checkpoint?.segments ?? []);
    if (this.#lenient) this.#shorten();
    await this.#readIds(numbers("ids"));
    this.#findLeftovers(names, checkpoints);
    return found;
  }

  /** Segments before the checkpoint: their facts are in it, and only their heads are read. */
  async #readSealed(existing: readonly number[], facts: readonly SegmentFacts[]): Promise<void> {
    for (const fact of facts) {
      if (!existing.includes(fact.number)) continue;
      const segment = await this.#segment(fact.number);
      if (segment.size !== fact.size) {
        this.#refuse(
          corrupt(segment.name, `it was made with ${fact.size} bytes, and says ${segment.size}`),
        );
      }
      segment.end = fact.end;
      segment.flushed = fact.end;
      segment.entries = fact.entries;
      segment.entryBytes = fact.entryBytes;
      segment.lastAgeMs = fact.lastAgeMs;
      for (const range of fact.ranges) {
        const [stream, first, last] = range;
        segment.ranges.set(stream, { first, last, lastEntry: lastEntryOf(fact, range) });
      }
      this.#found.segments.push(segment);
    }
  }

  /** Segments from the checkpoint on: every frame is read. */
  async #readRecent(numbers: readonly number[]): Promise<void> {
    const first = this.#checkpoint?.segment ?? 1;
    if (this.#checkpoint !== undefined && numbers.length === 0) {
      this.#refuse(corrupt(segmentName(first), "it is missing"));
    }
    for (const [index, number] of numbers.entries()) {
      if (number !== first + index)
        this.#refuse(corrupt(segmentName(first + index), "it is missing"));
    }
    let unused = false;
    for (const [index, number] of numbers.entries()) {
      const segment = await this.#segment(number);
      const previousEnd = await this.#previousEndIn(numbers[index + 1]);
      const used = await this.#open.use(number, async (file) => {
        const scanner = new SegmentScanner(file, segment.seed, segment.size);
        return this.#readSegment(segment, scanner, previousEnd);
      });
      if (used && unused) {
        this.#refuse(corrupt(segment.name, "it has records, and the segment before has none"));
        this.#found.segments.push(...this.#found.prepared.splice(0));
      }
      if (used || index === 0) this.#found.segments.push(segment);
      else this.#found.prepared.push(segment);
      unused = !used;
    }
  }

  /** @returns where the segment before this one ends, as its first frame says; undefined when it has none */
  async #previousEndIn(number: number | undefined): Promise<number | undefined> {
    if (number === undefined) return undefined;
    const { seed, size } = await this.#segment(number);
    return this.#open.use(number, async (file) => {
      const scanner = new SegmentScanner(file, seed, size);
      const isWhole = (await scanner.frame(segmentHeadBytes)) > 0;
      const isControl = isWhole && scanner.head.kind === frameKinds.control;
      const control = isControl ? controlOf(scanner.control()) : undefined;
      return control?.type === "start" ? control.previousEnd : undefined;
    });
  }

  /** @returns whether there are records in it */
  async #readSegment(
    segment: Segment,
    scanner: SegmentScanner,
    previousEnd: number | undefined,
  ): Promise<boolean> {
    segment.index = new SegmentIndex();
    scanner.keepFrom = segmentHeadBytes;
    let batch: number[] = [];
    let place = segmentHeadBytes;
    let flushed = segmentHeadBytes;
    let what: number = noFrame.empty;
    while (place < segment.size) {
      const found = scanner.frame(place);
      const length = typeof found === "number" ? found : await found;
      if (length <= 0) {
        what = length;
        break;
      }
      const { kind, endsBatch } = scanner.head;
      flushed = Math.max(flushed, scanner.head.flushed);
      if (kind === frameKinds.damaged) batch = [];
      else batch.push(place);
      place += length;
      if (!endsBatch) continue;
      for (const one of batch) {
        if (batch.length > 1) scanner.back(one);
        this.#apply(segment, scanner);
      }
      batch = [];
      segment.end = place;
      scanner.keepFrom = place;
    }
    const { segment: last, place: known } = this.#checkpoint ?? { segment: 0, place: 0 };
    const mustReach = Math.max(previousEnd ?? 0, last === segment.number ? known : 0);
    await this.#judgeEnd(segment, scanner, { place, what, mustReach });
    segment.flushed = segment.end;
    if (last === segment.number && known > segmentHeadBytes)
      this.#loseKnown(segment, segment.end >= known || previousEnd !== undefined);
    const used = segment.end > segmentHeadBytes;
    if (used) this.#found.unproven = { segment: segment.number, from: flushed, to: segment.end };
    return used;
  }

  /** Whether what stands behind the last whole batch is a torn end; throws when it is damage. */
  async #judgeEnd(
    segment: Segment,
    scanner: SegmentScanner,
    found: { readonly place: number; readonly what: number; readonly mustReach: number },
  ): Promise<void> {
    const { end, name, size } = segment;
    const { place, what, mustReach } = found;
    const damaged = (to: number): Error => corrupt(name, `bytes ${place} to ${to - 1} are damaged`);
    if (end < mustReach) this.#refuse(damaged(mustReach));
    const written = await scanner.lastWritten(end);
    if (written === end) return;
    if (place < size && !(await scanner.looksTorn(place, what))) throw damaged(written);
    for (let at = place; at < written && (await scanner.nextFrame(at)); ) {
      if (scanner.head.flushed > end) throw damaged(scanner.place);
      at = scanner.place + scanner.length;
    }
    this.#found.torn.push({ segment: segment.number, from: end, to: written });
  }

  #apply(segment: Segment, frame: SegmentScanner): void {
    const known = this.#checkpoint;
    const isNew =
      known === undefined || segment.number > known.segment || frame.place >= known.place;
    this.#found.ageMs = Math.max(this.#found.ageMs, frame.head.ageMs);
    if (isNew) this.#found.clean = false;
    if (frame.head.kind !== frameKinds.control) this.#applyRecord(segment, frame, isNew);
    else this.#applyControl(segment, frame, isNew);
  }

  #applyRecord(segment: Segment, frame: SegmentScanner, isNew: boolean): void {
    const { place, head } = frame;
    const { stream: number, offset, ageMs } = head;
    const stream = this.#found.streams.get(number);
    const at = (): string => `at byte ${place}`;
    if (stream === undefined) {
      this.#refuse(corrupt(segment.name, `no stream ${number}, ${at()}`));
      return;
    }
    const before = isNew ? stream.head : this.#heads.get(number);
    if (before !== undefined && offset <= before) {
      throw corrupt(segment.name, `offset ${offset} follows ${before}, ${at()}`);
    }
    if (before !== undefined && offset > before + 1) {
      segment.index?.holes.push({ stream: number, from: before, to: offset - 1 });
      this.#found.lostAfter.set(
        number,
        Math.min(before, this.#found.lostAfter.get(number) ?? before),
      );
    }
    const isEntry = head.kind === frameKinds.entry;
    const lost = before !== undefined && offset > before + 1 ? offset - 1 : 0;
    segment.extend(number, offset, offset, isEntry ? offset : lost);
    if (isEntry) {
      const texts = frame.texts();
      if (texts === undefined) throw corrupt(segment.name, `an entry without its texts, ${at()}`);
      segment.index?.add(number, offset, place, ageMs, texts.tags);
      segment.entries++;
      segment.entryBytes += frame.length;
      segment.lastAgeMs = ageMs;
      const id = texts.messageId;
      if (id !== undefined) segment.ids.add(number, offset, ageMs, id);
    }
    if (!isNew) {
      this.#heads.set(number, offset);
      return;
    }
    stream.head = offset;
    const isSession = head.kind === frameKinds.session && offset > (stream.state?.offset ?? 0);
    if (isSession) stream.sessions.push(frame.session());
  }

  #applyControl(segment: Segment, frame: SegmentScanner, isNew: boolean): void {
    const control = controlOf(frame.control());
    if (control === undefined)
      throw corrupt(segment.name, `an unknown control, at byte ${frame.place}`);
    if (control.type === "start") {
      for (const { number, head } of control.streams) this.#heads.set(number, head);
    } else if (control.type === "stream") this.#heads.set(control.number, 0);
    if (isNew) applyControl(this.#found, control);
  }

  /** What stood right before the checkpoint, and is not there, is lost. When the record goes on behind it, no offset of it is given again. */
  #loseKnown(segment: Segment, goesOn: boolean): void {
    const { segments, lostAfter } = this.#found;
    const lastBefore = (stream: number): number =>
      Math.max(0, ...segments.map(({ ranges }) => ranges.get(stream)?.last ?? 0));
    for (const { number, head, tail } of this.#checkpoint?.streams ?? []) {
      const reached =
        this.#heads.get(number) ?? (this.#lenient ? Math.max(tail - 1, lastBefore(number)) : head);
      if (reached >= head) continue;
      lostAfter.set(number, Math.min(reached, lostAfter.get(number) ?? reached));
      if (!goesOn) continue;
      segment.index?.holes.push({ stream: number, from: reached, to: head });
      if ((segment.ranges.get(number)?.last ?? 0) < head) segment.extend(number, head, head, head);
    }
  }

  /** The checkpoint may know records that are no more: what is there is all that the stream has now. */
  #shorten(): void {
    for (const stream of this.#found.streams.values()) {
      let reached = stream.tail - 1;
      let first = Number.POSITIVE_INFINITY;
      for (const { ranges } of this.#found.segments) {
        const range = ranges.get(stream.number);
        reached = Math.max(reached, range?.last ?? 0);
        first = Math.min(first, range?.first ?? first);
      }
      // The record of a trim may be lost, too, and the segments that it dropped are gone.
      const tail = Math.max(stream.tail, Math.min(first, reached + 1));
      if (tail > stream.tail) this.#found.missingAfter.set(stream.number, stream.tail - 1);
      stream.tail = tail;
      if (reached >= stream.head) continue;
      stream.head = reached;
      if (stream.state !== undefined && stream.state.offset > reached) {
        stream.state = { ...stream.state, offset: reached };
      }
      const { lostAfter } = this.#found;
      lostAfter.set(stream.number, Math.min(reached, lostAfter.get(stream.number) ?? reached));
    }
  }

  /** A segment that the checkpoint knows may only be missing when retention has dropped all of it. */
  #checkMissing(existing: readonly number[], facts: readonly SegmentFacts[]): void {
    for (const fact of facts) {
      const { number, ranges } = fact;
      if (existing.includes(number)) continue;
      const needed = ranges.some(
        (range) => lastEntryOf(fact, range) >= (this.#found.streams.get(range[0])?.tail ?? 0),
      );
      if (needed) this.#refuse(corrupt(segmentName(number), "it is missing"));
    }
  }

  async #readIds(existing: readonly number[]): Promise<void> {
    for (const facts of this.#checkpoint?.ids ?? []) {
      try {
        const name = idsName(facts.segment);
        if (!existing.includes(facts.segment)) throw corrupt(name, "it is missing");
        const bytes = await readFile(this.#disk, join(this.#folder, name));
        for (const id of decodeIds(bytes, facts.segment)) this.#found.olderIds.push(id);
        this.#found.idsFiles.push(facts);
      } catch (error) {
        this.#refuse(error);
      }
    }
  }

  #findLeftovers(names: readonly string[], checkpoints: readonly number[]): void {
    const { segments, idsFiles, leftovers, prepared } = this.#found;
    const kept = new Set(checkpoints.slice(-1).map(checkpointName));
    for (const { number } of [...segments, ...prepared]) {
      kept.add(segmentName(number));
      kept.add(segmentName(number).replace("segment", "index"));
    }
    for (const { segment } of idsFiles) kept.add(idsName(segment));
    const oldest = segments[0]?.number ?? 0;
    for (const name of names) {
      const parsed = parseName(name);
      if (isTemporary(name)) leftovers.push(name);
      if (parsed === undefined || kept.has(name)) continue;
      if (parsed.kind === "segment" && parsed.number > oldest) continue;
      if (parsed.kind === "ids" && parsed.number >= (this.#checkpoint?.segment ?? 1)) continue;
      leftovers.push(name);
    }
  }

  async #segment(number: number): Promise<Segment> {
    return readSegment(this.#disk, this.#folder, number, this.#storeSeed);
  }
}
