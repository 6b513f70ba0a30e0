/**
 * What every file of a store begins with, and all there is to the small ones: what the file is, its format, a sum
 * over everything, a description in JSON, and blobs.
 *
 *    0  "HOLDFAST"                     24  u32  length of the JSON text
 *    8  u32  format                    28  u32  CRC-32C of all, this one taken as 0
 *   12  u32  what the file is          32  …    the JSON text: { meta, blobs: [lengths] }; then the blobs
 *   16  u48  length of all this, u16 0      …   each of them filled up to a multiple of 8
 */
import { JournalError } from "../errors.ts";
import { crc32cOfWords } from "./crc32c.ts";

/** Rises with every change that an older version would read wrongly. All former ones can be read for ever. */
export const storeFormat = 1;

export const fileKinds = { store: 1, segment: 2, index: 3, ids: 4, checkpoint: 5 } as const;
export type FileKind = keyof typeof fileKinds;

const magic = Buffer.from("HOLDFAST", "latin1");
const headBytes = 32;

export interface Contents {
  readonly meta: unknown;
  readonly blobs: readonly Buffer[];
}

const roundUp = (length: number): number => (length + 7) & ~7;

/** @param minimum the result is filled up with zeros to this length */
export function wrap(
  kind: FileKind,
  meta: unknown,
  blobs: readonly Uint8Array[] = [],
  minimum = 0,
): Buffer {
  const json = Buffer.from(JSON.stringify({ meta, blobs: blobs.map(({ length }) => length) }));
  let length = headBytes + roundUp(json.length);
  for (const blob of blobs) length += roundUp(blob.length);
  length = Math.max(length, roundUp(minimum));

  const bytes = Buffer.from(new ArrayBuffer(length));
  magic.copy(bytes);
  bytes.writeUInt32LE(storeFormat, 8);
  bytes.writeUInt32LE(fileKinds[kind], 12);
  bytes.writeUIntLE(length, 16, 6);
  bytes.writeUInt32LE(json.length, 24);
  json.copy(bytes, headBytes);
  let at = headBytes + roundUp(json.length);
  for (const blob of blobs) {
    bytes.set(blob, at);
    at += roundUp(blob.length);
  }
  bytes.writeUInt32LE(sumOf(bytes), 28);
  return bytes;
}

/**
 * @param bytes the file, or at least the whole of its container, at a place in memory that is a multiple of 8
 * @param name what errors call it. Throws HF_STORE_CORRUPT, HF_STORE_FORMAT
 */
export function unwrap(kind: FileKind, bytes: Buffer, name: string): Contents {
  const corrupt = (what: string): JournalError =>
    new JournalError("HF_STORE_CORRUPT", { detail: `${name}: ${what}` });

  if (bytes.length < headBytes)
    throw corrupt(`${bytes.length} bytes; expected at least ${headBytes}`);
  if (!bytes.subarray(0, 8).equals(magic)) throw corrupt("bytes 0 to 7 are not HOLDFAST");
  const format = bytes.readUInt32LE(8);
  const length = bytes.readUIntLE(16, 6);
  // A newer format may have its sum elsewhere: only the number itself is looked at.
  if (format > storeFormat && format < 1_000) {
    throw new JournalError("HF_STORE_FORMAT", {
      detail: `${name} has format ${format}; this version reads up to ${storeFormat}`,
    });
  }
  if (length % 8 !== 0 || length < headBytes || length > bytes.length) {
    throw corrupt(`it says that it has ${length} bytes, and has ${bytes.length}`);
  }
  const whole = bytes.subarray(0, length);
  if (sumOf(whole) !== bytes.readUInt32LE(28))
    throw corrupt(`bytes 0 to ${length - 1} are damaged`);
  if (format !== storeFormat) throw corrupt(`format ${format}`);
  if (bytes.readUInt32LE(12) !== fileKinds[kind]) throw corrupt(`it is no ${kind}`);

  const contents = contentsOf(whole);
  if (contents === undefined) throw corrupt("its description is not what it should be");
  return contents;
}

function contentsOf(bytes: Buffer): Contents | undefined {
  const jsonEnd = headBytes + bytes.readUInt32LE(24);
  if (jsonEnd > bytes.length) return undefined;
  let description: unknown;
  try {
    description = JSON.parse(bytes.toString("utf8", headBytes, jsonEnd));
  } catch {
    return undefined;
  }
  if (typeof description !== "object" || description === null) return undefined;
  const { meta, blobs: lengths } = description as Partial<Record<"meta" | "blobs", unknown>>;
  if (!Array.isArray(lengths)) return undefined;

  const blobs: Buffer[] = [];
  let at = roundUp(jsonEnd);
  for (const length of lengths as unknown[]) {
    if (!isCount(length) || at + length > bytes.length) return undefined;
    blobs.push(bytes.subarray(at, at + length));
    at += roundUp(length);
  }
  return { meta, blobs };
}

export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function sumOf(bytes: Buffer): number {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const kept = words[7] ?? 0;
  words[7] = 0;
  const sum = crc32cOfWords(words, 0, words.length);
  words[7] = kept;
  return sum;
}
