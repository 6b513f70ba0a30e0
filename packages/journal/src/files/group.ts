/** What commits together: what was appended while the group before it was on its way to the disk, or as much as fills a group. */
import { JournalError } from "../errors.ts";
import type { StreamRecord } from "../journal.ts";
import type { Block } from "./block.ts";
import type { FilesStream } from "./files-stream.ts";
import type { Segment } from "./segment.ts";

/** What is to happen when a control frame is committed, or is not. */
export interface ControlCall {
  committed(): void;
  failed(error: JournalError): void;
}

/** What is to be told of a record that is not written: where the first one stands, or why it is refused. */
export type Unwritten = number | JournalError;

/** A part of a block that belongs to a group. */
interface Part {
  readonly block: Block;
  readonly from: number;
  to: number;
}

/**
 * Records that come one after the other: those of a stream that are written, their frames side by side, or others. An
 * object for each record would be most of the work of a commit.
 */
interface Run {
  /** Undefined for control frames. */
  readonly stream: FilesStream | undefined;
  /** Where its first frame begins in the segment; -1 for control frames, and where there are no frames. */
  readonly place: number;
  /** The part of the group in which that is. */
  readonly part: number;
  /** The index of its first record. */
  readonly from: number;
}

export class Group {
  readonly segment: Segment;
  /** Where it begins in the segment, and where it ends so far. */
  readonly start: number;
  end: number;
  readonly parts: Part[] = [];
  readonly #records: (StreamRecord | ControlCall)[] = [];
  readonly #runs: Run[] = [];
  #run: Run = { stream: undefined, place: -1, part: 0, from: 0 };
  readonly #unwritten = new Map<number, Unwritten>();

  constructor(segment: Segment, start: number) {
    this.segment = segment;
    this.start = start;
    this.end = start;
  }

  get size(): number {
    return this.#records.length;
  }

  /** What it has for the disk. */
  get bytes(): number {
    return this.end - this.start;
  }

  get isWritten(): boolean {
    return this.end > this.start;
  }

  /** Takes a frame that was written at the end of a block. */
  extend(block: Block, length: number): void {
    const last = this.parts.at(-1);
    if (last !== undefined && last.block === block) last.to = block.length;
    else this.parts.push({ block, from: block.length - length, to: block.length });
    this.end += length;
  }

  /** Takes the record of the frame at `place`, the last one that the group was extended by. */
  addRecord(stream: FilesStream, record: StreamRecord, place: number): void {
    if (this.#run.stream !== stream || this.#run.place < 0) this.#begin(stream, place);
    this.#records.push(record);
  }

  addUnwritten(stream: FilesStream, record: StreamRecord, fate: Unwritten): void {
    if (this.#run.stream !== stream || this.#run.place >= 0) this.#begin(stream, -1);
    this.#unwritten.set(this.#records.length, fate);
    this.#records.push(record);
  }

  addControl(call: ControlCall): void {
    this.#begin(undefined, -1);
    this.#records.push(call);
  }

  #begin(stream: FilesStream | undefined, place: number): void {
    this.#run = { stream, place, part: this.parts.length - 1, from: this.#records.length };
    this.#runs.push(this.#run);
  }

  content(): Uint8Array[] {
    return this.parts.map(({ block, from, to }) => block.bytes.subarray(from, to));
  }

  /** Tells all fates, in order; those that come one after the other for a stream at once. */
  tellCommitted(): void {
    const blocks = this.parts.map(({ block }) => block);
    for (const [number, { stream, place, part, from }] of this.#runs.entries()) {
      const to = this.#endOf(number);
      if (stream !== undefined && place >= 0) {
        const records = this.#recordsOf(from, to);
        stream.commit(records, this.segment, { blocks, first: part, place });
        stream.tellCommitted(records);
      } else this.#tellOthers(stream, from, to);
    }
  }

  /** The index behind the last record of a run. */
  #endOf(run: number): number {
    return this.#runs[run + 1]?.from ?? this.#records.length;
  }

  /** Of a run of records that are written. */
  #recordsOf(from: number, to: number): readonly StreamRecord[] {
    const isAll = to - from === this.#records.length;
    return (isAll ? this.#records : this.#records.slice(from, to)) as readonly StreamRecord[];
  }

  #tellOthers(stream: FilesStream | undefined, from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const record = this.#records[index];
      if (record === undefined) continue;
      if ("kind" in record) stream?.tellUnwritten(record, this.#unwritten.get(index));
      else record.committed();
    }
  }

  /** Tells that nothing is known of what was to be written. A repeat is not acknowledged either, whatever became of the first. */
  tellFailed(error: JournalError): void {
    for (const [number, { stream, from }] of this.#runs.entries()) {
      const to = this.#endOf(number);
      for (let index = from; index < to; index++) {
        const record = this.#records[index];
        if (record === undefined) continue;
        const fate = this.#unwritten.get(index);
        if ("kind" in record)
          stream?.tellUnwritten(record, fate instanceof JournalError ? fate : error);
        else record.failed(error);
      }
    }
  }
}
