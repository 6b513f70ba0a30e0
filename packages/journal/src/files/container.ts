/**
 * What every file of a store begins with, and all there is to the small ones: what the file is, its format, a sum
 * over everything, a description in JSON, and blobs.
 *
 *    0  "HOLDFAST"                     24  u32  length of the JSON text
 *    8  u32  format                    28  u32  CRC-32C of all, this one taken as 0
 *   12  u32  what the file is          32  …    the JSON text: { meta, blobs: [lengths] }; then the blobs
 *   16  u48  length of all this, u16 0      …   each of them filled up to a multiple of 8
 */
import type { DiskFile } from "../disk.ts";
import { JournalError } from "../errors.ts";
import { crc32cOfWords } from "./crc32c.ts";
import { write } from "./file-io.ts";

/** Rises with every change that an older version would read wrongly. All former ones can be read for ever. */
export const storeFormat = 1;

export const fileKinds = { store: 1, segment: 2, index: 3, ids: 4, checkpoint: 5 } as const;
export type FileKind = keyof typeof fileKinds;

const magic = Buffer.from("HOLDFAST", "latin1");
const headBytes = 32;

export interface Contents {
  readonly meta: unknown;
  readonly blobs: readonly Uint8Array[];
}

interface Unwrapped extends Contents {
  readonly blobs: readonly Buffer[];
}

const roundUp = (length: number): number => (length + 7) & ~7;
const pieceBytes = 512 * 1024;

/** @param minimum the result is filled up with zeros to this length */
export function wrap(
  kind: FileKind,
  meta: unknown,
  blobs: readonly Uint8Array[] = [],
  minimum = 0,
): Buffer {
  const start = startOf(kind, meta, blobs, minimum);
  const bytes = zeros(lengthIn(start));
  start.copy(bytes);
  let at = start.length;
  for (const blob of blobs) {
    bytes.set(blob, at);
    at += roundUp(blob.length);
  }
  bytes.writeUInt32LE(sumOf(bytes), 28);
  return bytes;
}

/**
 * Writes a large one to a new file, piece by piece, so that nobody waits for more than one of them. What it begins with,
 * and with it the sum of everything, comes last: without it a file is none.
 */
export async function writeInPieces(
  file: DiskFile,
  kind: FileKind,
  { meta, blobs }: Contents,
): Promise<void> {
  const start = startOf(kind, meta, blobs, 0);
  let sum = sumOf(start);
  let place = start.length;
  for (const blob of blobs) {
    for (let at = 0; at < blob.length; at += pieceBytes) {
      const piece = filledUp(blob.subarray(at, at + pieceBytes));
      sum = sumOf(piece, sum);
      await write(file, [piece], place);
      place += piece.length;
    }
  }
  start.writeUInt32LE(sum, 28);
  await write(file, [start], 0);
}

/** All that comes before the blobs, with 0 in the place of the sum. */
function startOf(
  kind: FileKind,
  meta: unknown,
  blobs: readonly Uint8Array[],
  minimum: number,
): Buffer {
  const json = Buffer.from(JSON.stringify({ meta, blobs: blobs.map(({ length }) => length) }));
  const start = zeros(headBytes + roundUp(json.length));
  let { length } = start;
  for (const blob of blobs) length += roundUp(blob.length);
  magic.copy(start);
  start.writeUInt32LE(storeFormat, 8);
  start.writeUInt32LE(fileKinds[kind], 12);
  start.writeUIntLE(Math.max(length, roundUp(minimum)), 16, 6);
  start.writeUInt32LE(json.length, 24);
  json.copy(start, headBytes);
  return start;
}

/** In memory of its own: the sum reads words, and they stand at multiples of their length. */
function zeros(length: number): Buffer {
  return Buffer.from(new ArrayBuffer(length));
}

function filledUp(piece: Uint8Array): Uint8Array {
  if (piece.length % 8 === 0 && piece.byteOffset % 4 === 0) return piece;
  const bytes = zeros(roundUp(piece.length));
  bytes.set(piece);
  return bytes;
}

const lengthIn = (bytes: Buffer): number => bytes.readUIntLE(16, 6);

/**
 * @param bytes the file, or at least the whole of its container, at a place in memory that is a multiple of 8
 * @param name what errors call it. Throws HF_STORE_CORRUPT, HF_STORE_FORMAT
 */
export function unwrap(kind: FileKind, bytes: Buffer, name: string): Unwrapped {
  const corrupt = (what: string): JournalError =>
    new JournalError("HF_STORE_CORRUPT", { detail: `${name}: ${what}` });

  if (bytes.length < headBytes)
    throw corrupt(`${bytes.length} bytes; expected at least ${headBytes}`);
  if (!bytes.subarray(0, 8).equals(magic)) throw corrupt("bytes 0 to 7 are not HOLDFAST");
  const format = bytes.readUInt32LE(8);
  const length = lengthIn(bytes);
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
  const sum = bytes.readUInt32LE(28);
  bytes.writeUInt32LE(0, 28);
  const isWhole = sumOf(whole) === sum;
  bytes.writeUInt32LE(sum, 28);
  if (!isWhole) throw corrupt(`bytes 0 to ${length - 1} are damaged`);
  if (format !== storeFormat) throw corrupt(`format ${format}`);
  if (bytes.readUInt32LE(12) !== fileKinds[kind]) throw corrupt(`it is no ${kind}`);

  const contents = contentsOf(whole);
  if (contents === undefined) throw corrupt("its description is not what it should be");
  return contents;
}

function contentsOf(bytes: Buffer): Unwrapped | undefined {
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

/** @param sum of what stands before it, when that is not all */
function sumOf({ buffer, byteOffset, length }: Uint8Array, sum = 0): number {
  return crc32cOfWords(new Int32Array(buffer, byteOffset, length / 4), 0, length / 4, ~sum);
}
