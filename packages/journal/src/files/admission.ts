/**
 * What is taken, and what is refused: repeats, conflicts, sizes, space. Calls that need a segment which is still being
 * made wait for it, in order.
 */
import { entrySize } from "../entry-size.ts";
import { newEpochId } from "../epochs.ts";
import { JournalError } from "../errors.ts";
import type { StreamRecord } from "../journal.ts";
import type { GroupCommit } from "./commit.ts";
import type { ControlFrame } from "./control.ts";
import type { FilesStream } from "./files-stream.ts";
import { frameBound, unframeable } from "./frame.ts";
import type { Unwritten } from "./group.ts";
import type { Settings } from "./options.ts";
import type { SegmentStore } from "./segment-store.ts";
import { textMaxBytes } from "./text.ts";

/** While there is no space, entries stop here, and what is left of the segment is for sessions and trims. */
const entriesStopAt = 0.75;
/** Which part of a segment is for trims alone: without them there would never be space again. */
const trimPart = 1 / 16;
const retryAfterMs = 1_000;
/** More than the frame that begins an epoch ever has. */
const epochFrameBytes = 512;

interface AppendCall {
  readonly records: readonly StreamRecord[];
  /** What is written, where that is a copy. */
  readonly contents?: readonly StreamRecord[];
  /** Whether too much waited already when it came: its entries are refused, in their turn. */
  readonly isTooMuch?: boolean;
  readonly closed: JournalError | undefined;
}

interface Room {
  refusal(record: StreamRecord): JournalError | undefined;
}

interface Batch {
  readonly records: readonly StreamRecord[];
  readonly contents: readonly StreamRecord[];
  readonly room: Room;
  /** The journal's own time. */
  readonly now: number;
}

const noRefusal: Room = { refusal: () => undefined };

function storeFull(): JournalError {
  return new JournalError("HF_STORE_FULL", { retryAfterMs });
}

export class Admission {
  readonly #settings: Settings;
  readonly #store: SegmentStore;
  readonly #onFull: () => void;
  #commit: GroupCommit | undefined;
  /** Each gives whether it went through. */
  readonly #waiting: (() => boolean)[] = [];
  #isTrying = false;
  #isToTry = false;
  #waitingBytes = 0;
  /** A frame that may be no longer than this is allowed whatever it has: none of its texts is too long. */
  readonly #usualBytes: number;

  constructor(settings: Settings, store: SegmentStore, onFull: () => void) {
    this.#settings = settings;
    this.#usualBytes = Math.min(settings.entryMaxBytes, textMaxBytes);
    this.#store = store;
    this.#onFull = onFull;
  }

  begin(commit: GroupCommit): void {
    this.#commit = commit;
  }

  /** @param closed why all of them are refused, if they are */
  append(
    stream: FilesStream,
    records: readonly StreamRecord[],
    closed: JournalError | undefined,
  ): void {
    const [record] = records;
    if (record === undefined) return;
    if (this.#waiting.length === 0) {
      const isOne = records.length === 1 && closed === undefined;
      if (isOne && this.#takeUsual(stream, record)) return;
      if (this.#take(stream, { records, closed })) return;
    }
    const isTooMuch = this.#isTooMuch(records);
    // Their owners may change the bodies once this call is over.
    const contents = records.map((one) =>
      isTooMuch && one.kind === "entry" ? one : { ...one, body: new Uint8Array(one.body) },
    );
    let bytes = 0;
    for (const [index, content] of contents.entries())
      if (content !== records[index]) bytes += content.body.length;
    this.#waitingBytes += bytes;
    this.#waiting.push(() => {
      const isTaken = this.#take(stream, { records, contents, isTooMuch, closed });
      if (isTaken) this.#waitingBytes -= bytes;
      return isTaken;
    });
  }

  #isTooMuch(records: readonly StreamRecord[]): boolean {
    let bytes = (this.#commit?.pendingBytes ?? 0) + this.#waitingBytes;
    for (const record of records) if (record.kind === "entry") bytes += frameBound(record);
    return bytes > this.#settings.pendingMaxBytes;
  }

  /** There is a segment, or none can be had, or the journal has failed. */
  tryWaiting(): void {
    this.#isToTry = true;
    // Whoever is told something meanwhile may come here again.
    if (this.#isTrying) return;
    this.#isTrying = true;
    let through = 0;
    try {
      while (this.#isToTry) {
        this.#isToTry = false;
        while (this.#waiting[through]?.() === true) through++;
      }
    } finally {
      // All at once: to take out the first of a hundred thousand moves all the others. Until then what comes waits behind them.
      this.#waiting.splice(0, through);
      this.#isTrying = false;
    }
  }

  /** The usual case, in one step. @returns false when it is another: more records, a large one, no room, a failure */
  #takeUsual(stream: FilesStream, record: StreamRecord): boolean {
    const commit = this.#commit;
    if (commit === undefined || commit.failure !== undefined || this.#store.lacking) return false;
    if (!stream.isBegun) return false;
    const bound = frameBound(record);
    if (bound > this.#usualBytes || !commit.hasRoom(bound)) return false;
    if (commit.pendingBytes + bound > this.#settings.pendingMaxBytes) return false;
    const fate = this.#fateOfId(stream, record, commit.stamp(), stream.appended + 1);
    if (fate === undefined) commit.add(stream, record, record, true);
    else commit.addUnwritten(stream, record, fate);
    commit.schedule();
    return true;
  }

  /** @returns false when it has to wait for a segment */
  #take(stream: FilesStream, call: AppendCall): boolean {
    const commit = this.#commit;
    if (commit === undefined) return false;
    const { records, contents = records } = call;
    const stopped = call.closed ?? (commit.failure && new JournalError("HF_STORE_READ_ONLY"));
    const room =
      stopped === undefined
        ? this.#roomFor(commit, stream, { ...call, records: contents })
        : { refusal: () => stopped };
    if (room === undefined) return false;

    const now = commit.stamp();
    this.#takeBatch(stream, { records, contents, room, now });
    commit.schedule();
    return true;
  }

  #takeBatch(stream: FilesStream, { records, contents, room, now }: Batch): void {
    let offset = stream.appended;
    let last = -1;
    const fates: (Unwritten | undefined)[] = [];
    for (const [index, content] of contents.entries()) {
      const fate = room.refusal(content) ?? this.#fateOf(stream, content, now, offset + 1);
      fates.push(fate);
      if (fate !== undefined) continue;
      offset++;
      last = index;
    }
    if (last >= 0 && !stream.isBegun) this.#beginOpening(stream);
    for (const [index, record] of records.entries()) {
      const fate = fates[index];
      if (fate !== undefined) this.#commit?.addUnwritten(stream, record, fate);
      else this.#commit?.add(stream, record, contents[index] ?? record, index === last);
    }
  }

  /**
   * The first record that a stream gets since the store was opened has an epoch before it, in the same group: it is there
   * when a position is, and costs no flush. What was there at the opening is the end of the former one. Room was made.
   */
  #beginOpening(stream: FilesStream): void {
    const id = newEpochId(this.#settings.random);
    const { control, encoded, committed } = stream.epochFrame(stream.appended, id);
    stream.beginning = new Promise((resolve, reject) => {
      const call = {
        committed: () => {
          committed();
          resolve();
        },
        failed: reject,
      };
      this.#commit?.addControl(control, call);
    });
    stream.beginning.catch(() => undefined);
    encoded?.();
  }

  /** Makes room for what is taken. @returns why records are refused, if they are; undefined when a segment is waited for */
  #roomFor(
    commit: GroupCommit,
    stream: FilesStream,
    call: Pick<AppendCall, "records" | "isTooMuch">,
  ): Room | undefined {
    const { records, isTooMuch = false } = call;
    let entryBytes = 0;
    let sessionBytes = 0;
    for (const record of records) {
      if (this.#tooLarge(record) !== undefined) continue;
      const bound = frameBound(record);
      if (record.kind === "entry") entryBytes += bound;
      else sessionBytes += bound;
    }
    const noSpace = this.#store.lacking && !this.#store.hasNext;
    const full = noSpace && commit.fill >= entriesStopAt;
    const pending = commit.pendingBytes + entryBytes;
    const refused =
      entryBytes > 0 && (full || isTooMuch || pending > this.#settings.pendingMaxBytes);
    let bytes = sessionBytes + (refused ? 0 : entryBytes);
    if (bytes > 0 && !stream.isBegun) bytes += epochFrameBytes;
    if (bytes > 0 && !commit.makeRoom(bytes + (noSpace ? commit.segmentBytes * trimPart : 0))) {
      if (!this.#store.lacking) return undefined;
      this.#onFull();
      return { refusal: () => storeFull() };
    }
    if (!refused) return noRefusal;
    if (full) this.#onFull();
    return { refusal: ({ kind }) => (kind === "entry" ? storeFull() : undefined) };
  }

  /** @returns undefined when it is to be written, the offset of the first one for a repeat, or why it is refused */
  #fateOf(
    stream: FilesStream,
    record: StreamRecord,
    now: number,
    offset: number,
  ): Unwritten | undefined {
    const detail = this.#tooLarge(record);
    if (detail !== undefined) return new JournalError("HF_ENTRY_TOO_LARGE", { detail });
    return this.#fateOfId(stream, record, now, offset);
  }

  #fateOfId(
    stream: FilesStream,
    record: StreamRecord,
    now: number,
    offset: number,
  ): Unwritten | undefined {
    if (record.kind === "session") return undefined;
    const id = record.messageId;
    if (id === undefined) return undefined;
    const first = stream.ids.find(id, now);
    if (first === undefined) stream.ids.remember(id, offset, now);
    else if (first.digest === id.digest) return first.offset;
    else return new JournalError("HF_MESSAGE_ID_CONFLICT");
    return undefined;
  }

  #tooLarge(record: StreamRecord): string | undefined {
    const most = this.#settings.entryMaxBytes;
    const bytes = record.kind === "entry" ? entrySize(record) : record.body.length;
    if (bytes > most) return `${bytes} bytes; at most ${most}`;
    return record.kind === "entry" ? unframeable(record) : undefined;
  }

  /** Ends the current epoch of a stream at `end`. Resolves when that is committed */
  beginEpoch(stream: FilesStream, end: number): Promise<void> {
    const id = newEpochId(this.#settings.random);
    return this.control(() => stream.epochFrame(end, id));
  }

  /** Writes a control frame. `make` is called when there is room for it. Resolves when it is committed */
  control(make: () => ControlFrame): Promise<void> {
    return new Promise((resolve, reject) => {
      const attempt = (): boolean => {
        const commit = this.#commit;
        if (commit === undefined) return false;
        if (commit.failure !== undefined) reject(new JournalError("HF_STORE_READ_ONLY"));
        else {
          const { control, encoded, committed } = make();
          const call = {
            committed: () => {
              committed();
              resolve();
            },
            failed: reject,
          };
          if (commit.addControl(control, call)) encoded?.();
          else if (this.#store.lacking) reject(storeFull());
          else return false;
        }
        return true;
      };
      if (this.#waiting.length > 0 || !attempt()) this.#waiting.push(attempt);
    });
  }
}
