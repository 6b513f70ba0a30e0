/**
 * The message ids of one stream that are remembered, so that a repeated publish has no second effect.
 *
 * Age is counted on a clock that never jumps: a wall clock that is set forward must not make the journal forget
 * (docs/guide/guarantees.md). The oldest id is forgotten first, by age or when there are too many.
 */
import type { DeduplicationWindow, MessageId } from "./journal.ts";

export const defaultDeduplication: DeduplicationWindow = { ageMs: 86_400_000, ids: 500_000 };

/** What is remembered of a first publish. */
export interface RememberedId {
  readonly digest: string;
  readonly offset: number;
  /** When it was appended, on the clock that never jumps. */
  readonly atMs: number;
}

export class DeduplicationTable {
  readonly #window: DeduplicationWindow;
  /** Oldest first: a Map keeps the order of insertion. */
  readonly #ids = new Map<string, RememberedId>();

  constructor(window: DeduplicationWindow) {
    this.#window = window;
  }

  get size(): number {
    return this.#ids.size;
  }

  /** @returns the first publish under this id, when it is still within the window */
  find(id: MessageId, nowMs: number): RememberedId | undefined {
    const found = this.#ids.get(keyOf(id));
    return found !== undefined && nowMs - found.atMs < this.#window.ageMs ? found : undefined;
  }

  remember(id: MessageId, offset: number, nowMs: number): void {
    this.restore(keyOf(id), { digest: id.digest, offset, atMs: nowMs });
    for (const [key, { atMs }] of this.#ids) {
      if (this.#ids.size <= this.#window.ids && nowMs - atMs < this.#window.ageMs) break;
      this.#ids.delete(key);
    }
  }

  /** Puts back what `entries` gave, in the same order. */
  restore(key: string, remembered: RememberedId): void {
    this.#ids.delete(key); // So that the new one is the youngest.
    this.#ids.set(key, remembered);
  }

  /** Everything that is remembered, oldest first, under keys that mean something to `restore` alone. */
  entries(): IterableIterator<[string, RememberedId]> {
    return this.#ids.entries();
  }
}

/** No producer and id have the same key as another producer and id: the length says where the producer ends. */
function keyOf({ producer, id }: MessageId): string {
  return `${producer.length} ${producer}${id}`;
}
