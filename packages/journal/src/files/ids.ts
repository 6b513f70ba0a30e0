/**
 * The message ids of one segment. In memory as in a file of their own, which remembers them for their window even when
 * retention has dropped the segment: three numbers for each, and its texts one after the other in blocks.
 */
import type { MessageId } from "../journal.ts";
import type { IdsFacts } from "./checkpoint.ts";
import { type Contents, isCount, unwrap } from "./container.ts";
import { corrupt, idsName } from "./names.ts";
import { TextReader, textBound, writeText } from "./text.ts";

export interface StoredId extends MessageId {
  readonly stream: number;
  readonly offset: number;
  readonly ageMs: number;
}

/** Of the first block; each one is twice as large as the one before it, up to the second figure. */
const firstBlockBytes = 1024;
const blockBytes = 256 * 1024;

/** Encoded as they come: a full segment may have hundreds of thousands, and nobody is to wait for all of them at once. */
export class SegmentIds implements Iterable<StoredId> {
  size = 0;
  #numbers = new Float64Array(0);
  /** The blocks that are full, without what stayed empty at their ends. */
  readonly #full: Buffer[] = [];
  #block = Buffer.alloc(0);
  #end = 0;

  add(stream: number, offset: number, ageMs: number, { producer, id, digest }: MessageId): void {
    const bound = textBound(producer) + textBound(id) + textBound(digest);
    if (this.#end + bound > this.#block.length) this.#nextBlock(bound);
    this.#end = writeText(this.#block, this.#end, producer);
    this.#end = writeText(this.#block, this.#end, id);
    this.#end = writeText(this.#block, this.#end, digest);
    const at = this.size * 3;
    if (at === this.#numbers.length) this.#growNumbers();
    this.#numbers[at] = stream;
    this.#numbers[at + 1] = offset;
    this.#numbers[at + 2] = ageMs;
    this.size++;
  }

  /** What a checkpoint has to say of them. */
  facts(segment: number): IdsFacts {
    const counts = new Map<number, number>();
    for (let index = 0; index < this.size; index++) {
      const stream = this.#numbers[index * 3] ?? 0;
      counts.set(stream, (counts.get(stream) ?? 0) + 1);
    }
    const lastAgeMs = this.#numbers[this.size * 3 - 1] ?? 0;
    return { segment, lastAgeMs, counts: [...counts] };
  }

  /** What their file has. */
  contents(segment: number): Contents {
    const numbers = this.#numbers.subarray(0, this.size * 3);
    const { buffer, byteOffset, byteLength } = numbers;
    const blobs = [new Uint8Array(buffer, byteOffset, byteLength), ...this.#blocks()];
    return { meta: { segment, count: this.size }, blobs };
  }

  [Symbol.iterator](): Iterator<StoredId> {
    return decode(this.#numbers, this.size, this.#blocks());
  }

  #blocks(): readonly Buffer[] {
    return this.#end === 0 ? this.#full : [...this.#full, this.#block.subarray(0, this.#end)];
  }

  #nextBlock(bytes: number): void {
    const { length } = this.#block;
    if (this.#end > 0) this.#full.push(this.#block.subarray(0, this.#end));
    const usual = Math.min(blockBytes, Math.max(firstBlockBytes, length * 2));
    this.#block = Buffer.allocUnsafeSlow(Math.max(usual, bytes));
    this.#end = 0;
  }

  #growNumbers(): void {
    const grown = new Float64Array(Math.max(24, this.#numbers.length * 2));
    grown.set(this.#numbers);
    this.#numbers = grown;
  }
}

/** Throws HF_STORE_CORRUPT: nothing else has the ids of a segment that retention has dropped. */
export function decodeIds(bytes: Buffer, segment: number): StoredId[] {
  const name = idsName(segment);
  const { meta, blobs } = unwrap("ids", bytes, name);
  const { segment: written, count } = (meta ?? {}) as Partial<Record<string, unknown>>;
  const [numbers, ...blocks] = blobs;
  if (written !== segment || !isCount(count) || numbers?.length !== count * 24) {
    throw corrupt(name, "its description is not what it should be");
  }
  const values = new Float64Array(numbers.buffer, numbers.byteOffset, count * 3);
  const ids = [...decode(values, count, blocks)];
  if (ids.length === count) return ids;
  throw corrupt(name, `its texts end after ${ids.length} of ${count} ids`);
}

/** Ends early where the texts do. */
function* decode(
  numbers: Float64Array,
  count: number,
  blocks: readonly Buffer[],
): Generator<StoredId, void, undefined> {
  let index = 0;
  for (const block of blocks) {
    const reader = new TextReader(block, 0, block.length);
    while (index < count && reader.position < block.length) {
      const [producer, id, digest] = reader.list(3) ?? [];
      if (producer === undefined || id === undefined || digest === undefined) return;
      const at = index++ * 3;
      const [stream = 0, offset = 0, ageMs = 0] = numbers.subarray(at, at + 3);
      yield { stream, offset, ageMs, producer, id, digest };
    }
  }
}
