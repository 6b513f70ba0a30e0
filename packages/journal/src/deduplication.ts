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

interface Kept extends RememberedId {
  readonly key: string;
}

const shardCount = 64;

export class DeduplicationTable {
  readonly #window: DeduplicationWindow;
  /** By a sum of their keys: a single Map of half a million holds everybody up for 0.3 s whenever it is laid out anew. */
  readonly #shards: Map<string, Kept>[] = [];
  /**
   * In the order in which they came, from `#first` on. Not that of a Map: to its first key it takes a step for each one
   * that was deleted before. What a shard does not have any more, or has anew, is passed over.
   */
  #queue: (Kept | undefined)[] = [];
  #first = 0;
  #size = 0;

  constructor(window: DeduplicationWindow) {
    this.#window = window;
  }

  get size(): number {
    return this.#size;
  }

  /** @returns the first publish under this id, when it is still within the window */
  find(id: MessageId, nowMs: number): RememberedId | undefined {
    const key = keyOf(id);
    const found = this.#shardOf(key).get(key);
    return found !== undefined && nowMs - found.atMs < this.#window.ageMs ? found : undefined;
  }

  /** Takes it for the youngest, also when it was remembered before. */
  remember(id: MessageId, offset: number, nowMs: number): void {
    const key = keyOf(id);
    const kept: Kept = { key, digest: id.digest, offset, atMs: nowMs };
    const shard = this.#shardOf(key);
    const before = shard.size;
    shard.set(key, kept);
    this.#size += shard.size - before;
    this.#queue.push(kept);
    this.#forgetOldest(nowMs);
  }

  #forgetOldest(nowMs: number): void {
    const { ids, ageMs } = this.#window;
    for (;;) {
      const oldest = this.#queue[this.#first];
      if (oldest === undefined || (this.#size <= ids && nowMs - oldest.atMs < ageMs)) break;
      this.#queue[this.#first++] = undefined;
      const shard = this.#shardOf(oldest.key);
      if (shard.get(oldest.key) === oldest && shard.delete(oldest.key)) this.#size--;
    }
    if (this.#first < 1024 || this.#first * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#first);
    this.#first = 0;
  }

  #shardOf(key: string): Map<string, Kept> {
    let sum = 0;
    for (let at = 0; at < key.length; at++) sum = Math.imul(sum, 31) + key.charCodeAt(at);
    const number = (sum ^ (sum >>> 16)) & (shardCount - 1);
    const shard = this.#shards[number] ?? new Map<string, Kept>();
    this.#shards[number] = shard;
    return shard;
  }
}

/** No producer and id have the same key as another producer and id: the length says where the producer ends. */
function keyOf({ producer, id }: MessageId): string {
  return `${producer.length} ${producer}${id}`;
}
