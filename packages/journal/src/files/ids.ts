/**
 * The message ids of one segment, in a file of their own: they are remembered for their window even when retention has
 * dropped the segment.
 */
import type { MessageId } from "../journal.ts";
import { isCount, unwrap, wrap } from "./container.ts";
import { corrupt, idsName } from "./segment.ts";
import { TextReader, textBound, writeText } from "./text.ts";

export interface StoredId extends MessageId {
  readonly stream: number;
  readonly offset: number;
  readonly ageMs: number;
}

export function encodeIds(segment: number, ids: readonly StoredId[]): Buffer {
  let bound = 0;
  for (const { producer, id, digest } of ids) {
    bound += textBound(producer) + textBound(id) + textBound(digest);
  }
  const texts = Buffer.alloc(bound);
  const numbers = new Float64Array(ids.length * 3);
  let end = 0;
  for (const [index, { stream, offset, ageMs, producer, id, digest }] of ids.entries()) {
    numbers.set([stream, offset, ageMs], index * 3);
    for (const text of [producer, id, digest]) end = writeText(texts, end, text);
  }
  const columns = [new Uint8Array(numbers.buffer), texts.subarray(0, end)];
  return wrap("ids", { segment, count: ids.length }, columns);
}

/** Throws HF_STORE_CORRUPT: nothing else has the ids of a segment that retention has dropped. */
export function decodeIds(bytes: Buffer, segment: number): StoredId[] {
  const name = idsName(segment);
  const { meta, blobs } = unwrap("ids", bytes, name);
  const { segment: written, count } = (meta ?? {}) as Partial<Record<string, unknown>>;
  const [numbers, texts] = blobs;
  if (written !== segment || !isCount(count) || numbers?.length !== count * 24 || !texts) {
    throw corrupt(name, "its description is not what it should be");
  }
  const values = new Float64Array(numbers.buffer, numbers.byteOffset, count * 3);
  const reader = new TextReader(texts, 0, texts.length);
  return Array.from({ length: count }, (_, index) => {
    const [producer, id, digest] = reader.list(3) ?? [];
    if (producer === undefined || id === undefined || digest === undefined) {
      throw corrupt(name, `its texts end after ${index} of ${count} ids`);
    }
    const [stream = 0, offset = 0, ageMs = 0] = values.subarray(index * 3, index * 3 + 3);
    return { stream, offset, ageMs, producer, id, digest };
  });
}
