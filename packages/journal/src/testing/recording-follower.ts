/** A follower that writes down what it is told, and records to append. */
import type { JournalError } from "../errors.ts";
import type {
  EntryContent,
  EntryRecord,
  SessionRecord,
  Stream,
  StreamFollower,
  StreamRecord,
} from "../journal.ts";

export type Fate =
  | { readonly kind: "committed"; readonly record: StreamRecord; readonly offset: number }
  | { readonly kind: "duplicate"; readonly record: StreamRecord; readonly offset: number }
  | { readonly kind: "refused"; readonly record: StreamRecord; readonly error: JournalError };

/** An entry as a publisher makes it. `text` is its body. */
export function entry(text: string, content: Partial<EntryContent> = {}): EntryRecord {
  return {
    kind: "entry",
    tags: [],
    except: [],
    body: new TextEncoder().encode(text),
    format: 0,
    messageId: undefined,
    expiresMs: undefined,
    ...content,
    offset: 0,
    timeMs: 0,
  };
}

export function session(text: string): SessionRecord {
  return { kind: "session", body: new TextEncoder().encode(text), offset: 0, timeMs: 0 };
}

export class RecordingFollower implements StreamFollower {
  readonly fates: Fate[] = [];
  /** What a checkpoint of this follower says. */
  state = new Uint8Array();
  /** How many microtasks later it says so: the state is the one of then. */
  late = 0;
  /** Called with each fate, from within the journal's call. */
  onFate: ((fate: Fate) => void) | undefined;
  readonly #waiting: { count: number; resolve: () => void }[] = [];
  #appended = 0;

  /** Appends, and waits until the fate of everything appended so far is known. @returns the fates of these records */
  async append(stream: Stream, ...records: StreamRecord[]): Promise<Fate[]> {
    this.#appended += records.length;
    stream.append(records);
    await this.told(this.#appended);
    return this.fates.filter(({ record }) => records.includes(record));
  }

  /** Resolves when this many fates are known. */
  async told(count: number): Promise<void> {
    if (this.fates.length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }

  committed(records: readonly StreamRecord[]): void {
    for (const record of records) this.#add({ kind: "committed", record, offset: record.offset });
  }

  duplicate(record: EntryRecord, offset: number): void {
    this.#add({ kind: "duplicate", record, offset });
  }

  refused(record: StreamRecord, error: JournalError): void {
    this.#add({ kind: "refused", record, error });
  }

  checkpoint(): Uint8Array | Promise<Uint8Array> {
    return this.late === 0 ? this.state : this.#stateLater();
  }

  async #stateLater(): Promise<Uint8Array> {
    for (let count = 0; count < this.late; count++) await Promise.resolve();
    return this.state;
  }

  #add(fate: Fate): void {
    this.fates.push(fate);
    for (const waiting of this.#waiting.splice(0)) {
      if (this.fates.length >= waiting.count) waiting.resolve();
      else this.#waiting.push(waiting);
    }
    this.onFate?.(fate);
  }
}
