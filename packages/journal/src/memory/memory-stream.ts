/** A stream in memory: a ring of entries, and for each tag the offsets at which it occurs. */
import { DeduplicationTable } from "../deduplication.ts";
import { entrySize } from "../entry-size.ts";
import { nextEpochs } from "../epochs.ts";
import { JournalError } from "../errors.ts";
import type {
  EntryRecord,
  Epoch,
  Page,
  ReadRequest,
  Restored,
  Stream,
  StreamFollower,
  StreamRecord,
} from "../journal.ts";
import { mergeOffsets } from "../merge.ts";
import type { MemoryJournal } from "./memory-journal.ts";
import { OffsetList } from "./offset-list.ts";

/**
 * An entry as it is kept: nothing else of the publisher's object, which may hold much more. Its body is a copy: what
 * the publisher does to its own bytes later changes nothing.
 */
class KeptEntry implements EntryRecord {
  readonly kind = "entry";
  readonly tags: readonly string[];
  readonly except: readonly string[];
  readonly body: Uint8Array;
  readonly format: number;
  readonly messageId: EntryRecord["messageId"];
  readonly expiresMs: number | undefined;
  readonly offset: number;
  readonly timeMs: number;
  readonly appendedMs: number;

  constructor(record: EntryRecord, appendedMs: number) {
    this.tags = record.tags;
    this.except = record.except;
    // Small ones side by side in larger pieces of memory: one of its own costs more than the entry.
    const body = Buffer.allocUnsafe(record.body.length);
    body.set(record.body);
    this.body = body;
    this.format = record.format;
    this.messageId = record.messageId;
    this.expiresMs = record.expiresMs;
    this.offset = record.offset;
    this.timeMs = record.timeMs;
    this.appendedMs = appendedMs;
  }
}

export class MemoryStream implements Stream {
  readonly name: string;
  readonly #journal: MemoryJournal;
  readonly #ids: DeduplicationTable;
  readonly openedAt = 0;
  #epochs: readonly Epoch[];
  readonly #entries = new Map<number, KeptEntry>();
  readonly #all = new OffsetList();
  readonly #untagged = new OffsetList();
  readonly #tagged = new Map<string, OffsetList>();
  #head = 0;
  /** The last offset that retention has dropped. */
  #dropped = 0;
  #follower: StreamFollower | undefined;

  constructor(journal: MemoryJournal, name: string) {
    this.#journal = journal;
    this.name = name;
    this.#ids = new DeduplicationTable(journal.deduplication);
    this.#epochs = [{ id: journal.firstEpochId(), start: 0, end: undefined }];
  }

  get epochs(): readonly Epoch[] {
    return this.#epochs;
  }

  get head(): number {
    return this.#head;
  }

  get tail(): number {
    return this.#dropped + 1;
  }

  follow(follower: StreamFollower): Restored {
    this.#follower = follower;
    return { checkpoint: undefined, records: [] };
  }

  append(records: readonly StreamRecord[]): void {
    let committed: StreamRecord[] = [];
    const tellCommitted = (): void => {
      const told = committed;
      committed = [];
      if (told.length > 0) this.#journal.tell(() => this.#follower?.committed(told));
    };

    for (const record of records) {
      const fate = this.#take(record);
      if (fate === undefined) {
        committed.push(record);
        continue;
      }
      tellCommitted();
      this.#journal.tell(() => {
        if (fate instanceof JournalError) this.#follower?.refused(record, fate);
        else if (record.kind === "entry") this.#follower?.duplicate(record, fate);
      });
    }
    tellCommitted();
    this.#journal.trim();
    this.#journal.tellAll();
  }

  read(request: ReadRequest): Page | Promise<Page> {
    if (this.#journal.status.state === "closed") {
      return Promise.reject(new JournalError("HF_STORE_CLOSED"));
    }
    const forward = request.direction === "forward";
    const entries: KeptEntry[] = [];
    let bytes = 0;
    for (const offset of mergeOffsets(this.#wanted(request), request)) {
      if (entries.length >= request.maxEntries || (entries.length > 0 && bytes >= request.maxBytes))
        return this.#page(request, entries, entries.at(-1)?.offset ?? request.from);
      const entry = this.#entries.get(offset);
      if (entry === undefined) continue;
      entries.push(entry);
      bytes += entry.body.length;
    }
    return this.#page(request, entries, forward ? Math.max(request.from, this.#head) : 1);
  }

  beginEpoch(end: number): Promise<void> {
    if (this.#journal.status.state === "closed") {
      return Promise.reject(new JournalError("HF_STORE_CLOSED"));
    }
    const id = this.#journal.newEpochId();
    this.#epochs = nextEpochs(
      this.#epochs,
      { end, id, start: this.#head },
      this.#journal.epochsMax(),
    );
    return Promise.resolve();
  }

  /** Drops the oldest entry that is kept. @returns how many bytes were kept of it */
  dropOldest(): number {
    const offset = this.#all.at(0);
    const entry = offset === undefined ? undefined : this.#entries.get(offset);
    if (entry === undefined) return 0;
    this.#entries.delete(entry.offset);
    this.#all.shift();
    if (entry.tags.length === 0) this.#untagged.shift();
    for (const tag of new Set(entry.tags)) {
      const offsets = this.#tagged.get(tag);
      offsets?.shift();
      if (offsets?.size === 0) this.#tagged.delete(tag);
    }
    this.#dropped = entry.offset;
    return keptBytes(entry);
  }

  /** When the oldest entry was appended, on the clock that never jumps. */
  get oldestMs(): number | undefined {
    const offset = this.#all.at(0);
    return offset === undefined ? undefined : this.#entries.get(offset)?.appendedMs;
  }

  /** @returns undefined when it is committed, the offset of the first one for a repeat, or why it is refused */
  #take(record: StreamRecord): undefined | number | JournalError {
    const journal = this.#journal;
    if (journal.status.state === "closed") return new JournalError("HF_STORE_CLOSED");
    const detail = journal.tooLarge(record);
    if (detail !== undefined) return new JournalError("HF_ENTRY_TOO_LARGE", { detail });
    if (record.kind === "session") {
      this.#place(record);
      return undefined;
    }

    const now = journal.clock.monotonicMs();
    if (record.messageId !== undefined) {
      const first = this.#ids.find(record.messageId, now);
      if (first?.digest === record.messageId.digest) return first.offset;
      if (first !== undefined) return new JournalError("HF_MESSAGE_ID_CONFLICT");
    }
    this.#place(record);
    if (record.messageId !== undefined) this.#ids.remember(record.messageId, record.offset, now);
    this.#keep(new KeptEntry(record, now));
    return undefined;
  }

  #place(record: StreamRecord): void {
    this.#head++;
    record.offset = this.#head;
    record.timeMs = this.#journal.clock.wallMs();
  }

  #keep(entry: KeptEntry): void {
    const { offset, tags } = entry;
    this.#entries.set(offset, entry);
    this.#all.add(offset);
    if (tags.length === 0) this.#untagged.add(offset);
    for (const tag of tags) {
      let offsets = this.#tagged.get(tag);
      if (offsets === undefined) {
        offsets = new OffsetList();
        this.#tagged.set(tag, offsets);
      }
      // A tag may be given twice.
      if (offsets.last !== offset) offsets.add(offset);
    }
    this.#journal.kept(this, keptBytes(entry));
  }

  #wanted({ tags, untagged }: ReadRequest): OffsetList[] {
    if (tags === undefined) return [this.#all];
    const lists = untagged ? [this.#untagged] : [];
    for (const tag of tags) {
      const offsets = this.#tagged.get(tag);
      if (offsets !== undefined) lists.push(offsets);
    }
    return lists;
  }

  /** Forward, what retention has dropped comes before the entries; backward, after the last of them. */
  #page(request: ReadRequest, entries: readonly EntryRecord[], next: number): Page {
    const forward = request.direction === "forward";
    const from = forward ? request.from : 0;
    const to = forward ? this.#dropped : Math.min(this.#dropped, request.from - 1);
    const reached = forward || next === 1;
    const gaps = reached && from < to ? [{ from, to, reason: "retention" as const }] : [];
    return { entries, next, gaps };
  }
}

/** What it takes to keep an entry: itself, and a guess at what objects cost. */
function keptBytes(entry: EntryRecord): number {
  return entrySize(entry) + 128;
}
