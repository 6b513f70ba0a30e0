/** A stream on disk. */
import type { DeduplicationTable } from "../deduplication.ts";
import { nextEpochs } from "../epochs.ts";
import { JournalError } from "../errors.ts";
import { guarded } from "../guarded.ts";
import type {
  Epoch,
  Page,
  ReadRequest,
  Restored,
  SessionRecord,
  Stream,
  StreamFollower,
  StreamRecord,
} from "../journal.ts";
import type { Block } from "./block.ts";
import type { CheckpointStream, UnsettledStream } from "./checkpoint.ts";
import type { ControlFrame, StreamFacts } from "./control.ts";
import { ageOf, lengthOf, timeOf } from "./frame.ts";
import type { Unwritten } from "./group.ts";
import type { RecoveredStream } from "./recovered.ts";
import type { Segment } from "./segment.ts";

/** Where frames stand that come one behind the other. */
export interface FramesOfRun {
  readonly blocks: readonly Block[];
  /** The first of them is in this block. */
  readonly first: number;
  readonly place: number;
}

/** What a stream needs of its journal. */
export interface StreamHost {
  append(stream: FilesStream, records: readonly StreamRecord[]): void;
  read(stream: FilesStream, request: ReadRequest): Page | Promise<Page>;
  beginEpoch(stream: FilesStream, end: number): Promise<void>;
}

export class FilesStream implements Stream {
  readonly name: string;
  readonly number: number;
  readonly ids: DeduplicationTable;
  readonly openedAt: number;
  /** The last offset that was given to a record, committed or not. */
  appended: number;
  /** Whether the frame that makes it is committed. */
  exists = false;
  /**
   * Whether the current epoch was begun since the store was opened. Nothing is appended before: of two copies of a store
   * each gives its offsets an epoch that the other one does not know.
   */
  isBegun = false;
  /** Resolves when the epoch that is on its way to the disk is committed. */
  beginning: Promise<void> | undefined;
  /** Session records that nobody has taken yet, after `#state`. */
  #sessions: SessionRecord[];
  #state: CheckpointStream["state"];
  readonly #host: StreamHost;
  readonly #epochsMax: () => number;
  #epochs: readonly Epoch[];
  /** Epochs with what is on its way to the disk: a segment's first frame speaks of the frames before it. */
  appendedEpochs: readonly Epoch[];
  #head: number;
  #tail: number;
  #follower: StreamFollower | undefined;

  /** @param epochsMax how many epochs are remembered */
  constructor(
    host: StreamHost,
    facts: RecoveredStream,
    ids: DeduplicationTable,
    epochsMax: () => number,
  ) {
    this.#host = host;
    this.#epochsMax = epochsMax;
    this.name = facts.name;
    this.number = facts.number;
    this.ids = ids;
    this.openedAt = facts.head;
    this.appended = facts.head;
    this.#head = facts.head;
    this.#tail = facts.tail;
    this.#epochs = [...facts.epochs];
    this.appendedEpochs = facts.epochs;
    this.#state = facts.state;
    this.#sessions = [...facts.sessions];
  }

  get epochs(): readonly Epoch[] {
    return this.#epochs;
  }

  get head(): number {
    return this.#head;
  }

  get tail(): number {
    return this.#tail;
  }

  follow(follower: StreamFollower): Restored {
    const state = this.#state;
    const checkpoint = state && { offset: state.offset, state: state.bytes };
    const records = this.#sessions;
    this.#follower = follower;
    this.#state = undefined;
    this.#sessions = [];
    return { checkpoint, records };
  }

  append(records: readonly StreamRecord[]): void {
    this.#host.append(this, records);
  }

  read(request: ReadRequest): Page | Promise<Page> {
    return this.#host.read(this, request);
  }

  beginEpoch(end: number): Promise<void> {
    return this.#host.beginEpoch(this, end);
  }

  // --- for the journal ---

  /** Takes up records whose frames are on the disk, one behind the other. */
  commit(
    records: readonly StreamRecord[],
    segment: Segment,
    { blocks, first: firstBlock, place }: FramesOfRun,
  ): void {
    const { number } = this;
    const first = this.#head + 1;
    let offset = this.#head;
    let lastEntry = 0;
    let at = place;
    let next = firstBlock;
    let block = blocks[next++];
    for (const record of records) {
      while (block !== undefined && at >= block.end) block = blocks[next++];
      if (block === undefined) break;
      const index = at - block.start;
      offset++;
      record.offset = offset;
      record.timeMs = timeOf(block, index);
      const length = lengthOf(block, index);
      if (record.kind === "entry") {
        const ageMs = ageOf(block, index);
        lastEntry = offset;
        segment.index?.add(number, offset, at, ageMs, record.tags);
        segment.entries++;
        segment.entryBytes += length;
        segment.lastAgeMs = ageMs;
        const id = record.messageId;
        if (id !== undefined) segment.ids.add(number, offset, ageMs, id);
      } else if (this.#follower === undefined) {
        this.#sessions.push({ ...record, body: new Uint8Array(record.body) });
      }
      at += length;
    }
    this.#head = offset;
    segment.extend(number, first, offset, lastEntry);
  }

  tellCommitted(records: readonly StreamRecord[]): void {
    guarded(() => this.#follower?.committed(records));
  }

  tellUnwritten(record: StreamRecord, fate: Unwritten | undefined): void {
    guarded(() => {
      if (fate instanceof JournalError) this.#follower?.refused(record, fate);
      else if (record.kind === "entry" && fate !== undefined)
        this.#follower?.duplicate(record, fate);
    });
  }

  /** What begins another epoch behind what was appended so far. */
  epochFrame(end: number, id: string): ControlFrame {
    const start = this.appended;
    const former = this.appendedEpochs;
    const next = { end, id, start };
    const most = this.#epochsMax();
    return {
      control: { type: "epoch", stream: this.number, end, id },
      encoded: () => {
        this.isBegun = true;
        this.appendedEpochs = nextEpochs(former, next, most);
      },
      committed: () => {
        this.beginning = undefined;
        this.#epochs = nextEpochs(this.#epochs, next, most);
      },
    };
  }

  trimTo(tail: number): void {
    this.#tail = Math.max(this.#tail, tail);
  }

  /** As what is on its way to the disk will have left it. */
  appendedFacts(): StreamFacts {
    const { number, name, appended, tail, appendedEpochs: epochs } = this;
    return { number, name, head: appended, tail, epochs };
  }

  checkpoint(): UnsettledStream {
    const { number, name } = this;
    const facts = { number, name, head: this.#head, tail: this.#tail, epochs: [...this.#epochs] };
    if (this.#follower === undefined) {
      return { ...facts, state: this.#state, sessions: [...this.#sessions] };
    }
    const state = { offset: this.#head, bytes: this.#follower.checkpoint() };
    return { ...facts, state, sessions: [] };
  }
}
