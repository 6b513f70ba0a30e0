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

export class Group {
  readonly segment: Segment;
  /** Where it begins in the segment, and where it ends so far. */
  readonly start: number;
  end: number;
  readonly parts: Part[] = [];
  // One element for each record, side by side: an object for each would be most of the work of a commit.
  readonly #records: (StreamRecord | ControlCall)[] = [];
  readonly #streams: (FilesStream | undefined)[] = [];
  readonly #places: number[] = [];
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

  addRecord(stream: FilesStream, record: StreamRecord, place: number): void {
    this.#records.push(record);
    this.#streams.push(stream);
    this.#places.push(place);
  }

  addUnwritten(stream: FilesStream, record: StreamRecord, fate: Unwritten): void {
    this.#unwritten.set(this.#records.length, fate);
    this.addRecord(stream, record, -1);
  }

  addControl(call: ControlCall): void {
    this.#records.push(call);
    this.#streams.push(undefined);
    this.#places.push(-1);
  }

  content(): Uint8Array[] {
    return this.parts.map(({ block, from, to }) => block.bytes.subarray(from, to));
  }

  /** Tells all fates, in order; those that come one after the other for a stream at once. */
  tellCommitted(): void {
    const blocks = this.parts.map(({ block }) => block);
    let run: StreamRecord[] = [];
    let runStream: FilesStream | undefined;
    const tellRun = (): void => {
      const told = run;
      run = [];
      if (told.length > 0) runStream?.tellCommitted(told);
    };

    let at = 0;
    for (let index = 0; index < this.#records.length; index++) {
      const record = this.#records[index];
      const stream = this.#streams[index];
      const place = this.#places[index] ?? -1;
      if (record === undefined) continue;
      if (stream !== runStream || place < 0) {
        tellRun();
        runStream = stream;
      }
      if (!("kind" in record)) record.committed();
      else if (place < 0) stream?.tellUnwritten(record, this.#unwritten.get(index));
      else {
        let block = blocks[at];
        while (block !== undefined && place >= block.end) block = blocks[++at];
        if (block !== undefined) stream?.commit(record, this.segment, block, place);
        run.push(record);
      }
    }
    tellRun();
  }

  /** Tells that nothing is known of what was to be written. A repeat is not acknowledged either, whatever became of the first. */
  tellFailed(error: JournalError): void {
    for (const [index, record] of this.#records.entries()) {
      const fate = this.#unwritten.get(index);
      if (!("kind" in record)) record.failed(error);
      else this.#streams[index]?.tellUnwritten(record, fate instanceof JournalError ? fate : error);
    }
  }
}
