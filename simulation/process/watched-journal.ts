/** A journal as it is; what it commits and refuses is told on the way. */
import type {
  Durability,
  Journal,
  JournalError,
  JournalStatus,
  Restored,
  Stream,
  StreamFollower,
  StreamRecord,
} from "@holdfast/journal";

export interface JournalWatcher {
  committed(stream: string, record: StreamRecord): void;
  /** A repeat, of something that is committed. */
  duplicate?(stream: string, record: StreamRecord): void;
  refused(stream: string, record: StreamRecord, error: JournalError): void;
}

export class WatchedJournal implements Journal {
  readonly durability: Durability;
  readonly secret: Uint8Array;
  readonly streams = new Map<string, Stream>();
  readonly #inner: Journal;
  readonly #watcher: JournalWatcher;

  constructor(inner: Journal, watcher: JournalWatcher) {
    this.#inner = inner;
    this.durability = inner.durability;
    this.secret = inner.secret;
    this.#watcher = watcher;
  }

  get status(): JournalStatus {
    return this.#inner.status;
  }

  set onStatus(listener: ((status: JournalStatus) => void) | undefined) {
    this.#inner.onStatus = listener;
  }

  get onStatus(): ((status: JournalStatus) => void) | undefined {
    return this.#inner.onStatus;
  }

  async stream(name: string): Promise<Stream> {
    const known = this.streams.get(name);
    if (known !== undefined) return known;
    const made = new WatchedStream(await this.#inner.stream(name), this.#watcher);
    this.streams.set(name, made);
    return made;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

class WatchedStream implements Stream {
  readonly name: string;
  readonly #inner: Stream;
  readonly #watcher: JournalWatcher;

  constructor(inner: Stream, watcher: JournalWatcher) {
    this.name = inner.name;
    this.#inner = inner;
    this.#watcher = watcher;
  }

  get openedAt(): number {
    return this.#inner.openedAt;
  }

  get epochs(): Stream["epochs"] {
    return this.#inner.epochs;
  }

  get head(): number {
    return this.#inner.head;
  }

  get tail(): number {
    return this.#inner.tail;
  }

  follow(follower: StreamFollower): Restored {
    const { name } = this;
    const watcher = this.#watcher;
    return this.#inner.follow({
      committed(records) {
        for (const record of records) watcher.committed(name, record);
        follower.committed(records);
      },
      duplicate(record, offset) {
        watcher.duplicate?.(name, record);
        follower.duplicate(record, offset);
      },
      refused(record, error) {
        watcher.refused(name, record, error);
        follower.refused(record, error);
      },
      checkpoint: () => follower.checkpoint(),
    });
  }

  append(records: readonly StreamRecord[]): void {
    this.#inner.append(records);
  }

  read(request: Parameters<Stream["read"]>[0]): ReturnType<Stream["read"]> {
    return this.#inner.read(request);
  }

  beginEpoch(end: number): Promise<void> {
    return this.#inner.beginEpoch(end);
  }
}
