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
import type { Durability, Epoch, SessionRecord } from "../journal.ts";
import {
  type Checkpoint,
  type CheckpointStream,
  decodeCheckpoint,
  type IdsFacts,
  type SegmentFacts,
} from "./checkpoint.ts";
import { type Control, controlOf } from "./control.ts";
import { readFile } from "./file-io.ts";
import { frameKinds, noFrame } from "./frame.ts";
import { decodeIds, type StoredId } from "./ids.ts";
import { SegmentScanner } from "./scan.ts";
import {
  checkpointName,
  corrupt,
  idsName,
  isTemporary,
  OpenSegments,
  parseName,
  readSegment,
  type Segment,
  segmentHeadBytes,
  segmentName,
} from "./segment.ts";
import { SegmentIndex } from "./segment-index.ts";

export interface RecoveredStream {
  readonly number: number;
  readonly name: string;
  head: number;
  tail: number;
  readonly epochs: Epoch[];
  readonly state: CheckpointStream["state"];
  /** Session records after the state. */
  readonly sessions: SessionRecord[];
}

export interface Recovered {
  /** Those with records, oldest first. The last one is written to. None in a new store. */
  readonly segments: Segment[];
  /** Made ahead, and not used yet. */
  readonly prepared: Segment[];
  readonly streams: Map<number, RecoveredStream>;
  /** Message ids of older segments, oldest first. */
  readonly olderIds: StoredId[];
  readonly idsFiles: IdsFacts[];
  ageMs: number;
  bootId: string | undefined;
  durability: Durability | undefined;
  /** Whether it was closed, and nothing was written since. */
  clean: boolean;
  readonly lastCheckpoint: number;
  /** Where the rest of a torn write stands, to be filled with zeros before anything is written there. */
  readonly torn: { readonly segment: number; readonly from: number; readonly to: number }[];
  /** Files that nothing needs any more. */
  readonly leftovers: string[];
}

/** Throws HF_STORE_CORRUPT, HF_STORE_FORMAT */
export async function recover(disk: Disk, folder: string, storeSeed: number): Promise<Recovered> {
  const open = new OpenSegments(disk, folder);
  try {
    return await new Recovery(disk, folder, storeSeed, open).run();
  } finally {
    await open.closeAll();
  }
}

class Recovery {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #storeSeed: number;
  readonly #open: OpenSegments;
  #checkpoint: Checkpoint | undefined;
  readonly #found: Recovered;

  constructor(disk: Disk, folder: string, storeSeed: number, open: OpenSegments) {
    this.#disk = disk;
    this.#folder = folder;
    this.#storeSeed = storeSeed;
    this.#open = open;
    this.#found = empty(0, undefined);
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
      this.#checkpoint = decodeCheckpoint(bytes, number);
    }
    const checkpoint = this.#checkpoint;
    const found = Object.assign(this.#found, empty(checkpoints.at(-1) ?? 0, checkpoint));
    for (const stream of checkpoint?.streams ?? [])
      found.streams.set(stream.number, recovered(stream));

    const first = checkpoint?.segment ?? 1;
    const segments = numbers("segment");
    await this.#readSealed(segments, checkpoint?.segments ?? []);
    await this.#readRecent(segments.filter((number) => number >= first));
    this.#checkMissing(segments, checkpoint?.segments ?? []);
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
        throw corrupt(
          segment.name,
          `it was made with ${fact.size} bytes, and says ${segment.size}`,
        );
      }
      segment.end = fact.end;
      segment.flushed = fact.end;
      segment.entries = fact.entries;
      segment.entryBytes = fact.entryBytes;
      segment.lastAgeMs = fact.lastAgeMs;
      for (const [stream, from, to] of fact.ranges)
        segment.ranges.set(stream, { first: from, last: to });
      this.#found.segments.push(segment);
    }
  }

  /** Segments from the checkpoint on: every frame is read. */
  async #readRecent(numbers: readonly number[]): Promise<void> {
    const first = this.#checkpoint?.segment ?? 1;
    if (this.#checkpoint !== undefined && numbers.length === 0) {
      throw corrupt(segmentName(first), "it is missing");
    }
    for (const [index, number] of numbers.entries()) {
      if (number !== first + index) throw corrupt(segmentName(first + index), "it is missing");
    }
    let unused = false;
    for (const [index, number] of numbers.entries()) {
      const segment = await this.#segment(number);
      const previousEnd = await this.#previousEndIn(numbers[index + 1]);
      const used = await this.#open.use(number, async (file) => {
        const scanner = new SegmentScanner(file, segment.seed, segment.size);
        return this.#readSegment(segment, scanner, previousEnd);
      });
      if (used && unused)
        throw corrupt(segment.name, "it has records, and the segment before has none");
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
    let what: number = noFrame.empty;
    while (place < segment.size) {
      const found = scanner.frame(place);
      const length = typeof found === "number" ? found : await found;
      if (length <= 0) {
        what = length;
        break;
      }
      const { kind, endsBatch } = scanner.head;
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
    return segment.end > segmentHeadBytes;
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
    if (end < mustReach) throw damaged(mustReach);
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
    else if (isNew) this.#applyControl(segment, frame);
  }

  #applyRecord(segment: Segment, frame: SegmentScanner, isNew: boolean): void {
    const { place, head } = frame;
    const { stream: number, offset, ageMs } = head;
    const stream = this.#found.streams.get(number);
    const at = (): string => `at byte ${place}`;
    if (stream === undefined) throw corrupt(segment.name, `no stream ${number}, ${at()}`);
    const before = isNew ? stream.head : segment.ranges.get(number)?.last;
    if (before !== undefined && offset <= before) {
      throw corrupt(segment.name, `offset ${offset} follows ${before}, ${at()}`);
    }
    if (before !== undefined && offset > before + 1) {
      segment.index?.holes.push({ stream: number, from: before, to: offset - 1 });
    }
    segment.extend(number, offset);
    if (head.kind === frameKinds.entry) {
      const texts = frame.texts();
      if (texts === undefined) throw corrupt(segment.name, `an entry without its texts, ${at()}`);
      segment.index?.add(number, offset, place, ageMs, texts.tags);
      segment.entries++;
      segment.entryBytes += frame.length;
      segment.lastAgeMs = ageMs;
      const id = texts.messageId;
      if (id !== undefined) segment.ids.push({ ...id, stream: number, offset, ageMs });
    }
    if (!isNew) return;
    stream.head = offset;
    const isSession = head.kind === frameKinds.session && offset > (stream.state?.offset ?? 0);
    if (isSession) stream.sessions.push(frame.session());
  }

  #applyControl(segment: Segment, frame: SegmentScanner): void {
    const control = controlOf(frame.control());
    if (control === undefined)
      throw corrupt(segment.name, `an unknown control, at byte ${frame.place}`);
    applyControl(this.#found, control);
  }

  /** A segment that the checkpoint knows may only be missing when retention has dropped all of it. */
  #checkMissing(existing: readonly number[], facts: readonly SegmentFacts[]): void {
    for (const { number, ranges } of facts) {
      if (existing.includes(number)) continue;
      const needed = ranges.some(
        ([stream, , last]) => last >= (this.#found.streams.get(stream)?.tail ?? 0),
      );
      if (needed) throw corrupt(segmentName(number), "it is missing");
    }
  }

  async #readIds(existing: readonly number[]): Promise<void> {
    for (const facts of this.#checkpoint?.ids ?? []) {
      const name = idsName(facts.segment);
      if (!existing.includes(facts.segment)) throw corrupt(name, "it is missing");
      const bytes = await readFile(this.#disk, join(this.#folder, name));
      for (const id of decodeIds(bytes, facts.segment)) this.#found.olderIds.push(id);
      this.#found.idsFiles.push(facts);
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

function empty(lastCheckpoint: number, checkpoint: Checkpoint | undefined): Recovered {
  return {
    segments: [],
    prepared: [],
    streams: new Map(),
    olderIds: [],
    idsFiles: [],
    ageMs: checkpoint?.ageMs ?? 0,
    bootId: checkpoint?.bootId,
    durability: checkpoint?.durability,
    clean: checkpoint?.clean ?? false,
    lastCheckpoint,
    torn: [],
    leftovers: [],
  };
}

function recovered(stream: CheckpointStream): RecoveredStream {
  const { number, name, head, tail, epochs, state, sessions } = stream;
  const records = sessions.map((session) => ({ kind: "session" as const, ...session }));
  return { number, name, head, tail, epochs: [...epochs], state, sessions: records };
}

/** Does what a control frame says to what is known so far. */
function applyControl(found: Recovered, control: Control): void {
  switch (control.type) {
    case "start":
      // Without a checkpoint the first segment says which streams there are; later ones repeat what is known.
      for (const { number, name, head, tail, epochs } of control.streams) {
        if (found.streams.has(number)) continue;
        const rest = { state: undefined, sessions: [] };
        found.streams.set(number, { number, name, head, tail, epochs: [...epochs], ...rest });
      }
      return;
    case "open":
      found.bootId = control.bootId;
      found.durability = control.durability;
      return;
    case "stream": {
      const { number, name, epoch } = control;
      const epochs = [{ id: epoch, start: 0, end: undefined }];
      const rest = { state: undefined, sessions: [] };
      found.streams.set(number, { number, name, head: 0, tail: 1, epochs, ...rest });
      return;
    }
    case "epoch": {
      const stream = found.streams.get(control.stream);
      const current = stream?.epochs.pop();
      if (stream === undefined || current === undefined) return;
      stream.epochs.push({ ...current, end: control.end });
      stream.epochs.push({ id: control.id, start: stream.head, end: undefined });
      return;
    }
    case "trim":
      for (const [number, tail] of control.tails) {
        const stream = found.streams.get(number);
        if (stream !== undefined) stream.tail = Math.max(stream.tail, tail);
      }
  }
}
