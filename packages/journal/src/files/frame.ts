/**
 * A frame is one record in a segment. Everything is little-endian and a multiple of 8 bytes long:
 *
 *    0  u24  length in units of 8 bytes      20  u48  offset of the record in its stream
 *    3  u8   sum of the length               26  u48  when it was appended, since 1970
 *    4  u32  CRC-32C of the rest             32  u48  when it was appended, in the journal's own time
 *    8  u8   kind                            38  u16  number of tags
 *    9  u8   flags                           40  u16  number of excepted tags
 *   10  u8   format of the body              42  …    f64 expiry, texts of the message id, tags, excepted tags, body
 *   11  u8   how many bytes of padding            …   padding
 *   12  u32  flushed: all of the segment before this place was on the disk when the frame was written
 *   16  u32  number of the stream
 *
 * The sum begins with the segment and the place, so a frame that is read in another place is no frame. The first
 * eight bytes are never torn, because a disk writes sectors: a bad sum of the length is damage, not a power cut.
 */
import { excessOf } from "../entry-size.ts";
import type { EntryRecord, MessageId, SessionRecord, StreamRecord } from "../journal.ts";
import type { Block } from "./block.ts";
import { at, crc32cOfWords } from "./crc32c.ts";
import { TextReader, textBound, writeText } from "./text.ts";

export const frameKinds = { entry: 1, session: 2, control: 3, damaged: 4 } as const;
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];

const flags = { endsBatch: 1, messageId: 2, expires: 4 } as const;

export const frameHeaderBytes = 42;
/** What the length of a frame can say. */
export const frameMaxBytes = 0xffffff * 8;

/** What every frame says of itself. One object is used again and again: there are millions of frames. */
export class FrameHead {
  kind: FrameKind = frameKinds.control;
  endsBatch = true;
  format = 0;
  flushed = 0;
  stream = 0;
  offset = 0;
  timeMs = 0;
  ageMs = 0;
}

/** What a segment's sums begin with. */
export function frameSeed(storeSeed: number, segment: number): number {
  return storeSeed ^ Math.imul(segment, 0x9e3779b1);
}

// --- write ---

/** @returns at most how long the frame of a record is */
export function frameBound(record: StreamRecord): number {
  let bound = frameHeaderBytes + 16 + record.body.length;
  if (record.kind === "session") return bound;
  for (const tag of record.tags) bound += textBound(tag);
  for (const tag of record.except) bound += textBound(tag);
  const id = record.messageId;
  if (id !== undefined) bound += textBound(id.producer) + textBound(id.id) + textBound(id.digest);
  return bound;
}

/** @returns what of an entry a frame has no room for */
export function unframeable(entry: EntryRecord): string | undefined {
  const excess = excessOf(entry);
  if (excess !== undefined) return excess;
  const bound = frameBound(entry);
  if (bound > frameMaxBytes) return `${bound} bytes; at most ${frameMaxBytes}`;
  return undefined;
}

/** Writes the frame of a record at `index` of the block. @returns its length */
export function writeRecord(
  block: Block,
  index: number,
  seed: number,
  head: FrameHead,
  record: StreamRecord,
): number {
  let end = index + frameHeaderBytes;
  let mark = 0;
  let tagCount = 0;
  let exceptCount = 0;
  if (record.kind === "entry") {
    tagCount = record.tags.length;
    exceptCount = record.except.length;
    if (record.expiresMs !== undefined) {
      mark |= flags.expires;
      block.view.setFloat64(end, record.expiresMs, true);
      end += 8;
    }
    if (record.messageId !== undefined) {
      mark |= flags.messageId;
      end = writeText(block.bytes, end, record.messageId.producer);
      end = writeText(block.bytes, end, record.messageId.id);
      end = writeText(block.bytes, end, record.messageId.digest);
    }
    for (const tag of record.tags) end = writeText(block.bytes, end, tag);
    for (const tag of record.except) end = writeText(block.bytes, end, tag);
  }
  setCounts(block, index, tagCount, exceptCount);
  return writeBody(block, index, end, seed, head, mark, record.body);
}

/** Writes a frame that has nothing but a body. @returns its length */
export function writePlain(
  block: Block,
  index: number,
  seed: number,
  head: FrameHead,
  body: Uint8Array,
): number {
  setCounts(block, index, 0, 0);
  return writeBody(block, index, index + frameHeaderBytes, seed, head, 0, body);
}

function setCounts({ words, bytes }: Block, index: number, tags: number, excepted: number): void {
  words[(index >> 2) + 9] = tags << 16;
  bytes[index + 40] = excepted;
  bytes[index + 41] = excepted >>> 8;
}

/** Expects the counts to be there. */
function writeBody(
  block: Block,
  index: number,
  bodyIndex: number,
  seed: number,
  head: FrameHead,
  mark: number,
  body: Uint8Array,
): number {
  copy(block.bytes, bodyIndex, body);
  const end = bodyIndex + body.length;
  const length = (end - index + 7) & ~7;
  for (let n = end; n < index + length; n++) block.bytes[n] = 0;
  // Word by word: as calls of a DataView these took a twentieth of the time of a commit.
  const { words } = block;
  const word = index >> 2;
  const flag = mark | (head.endsBatch ? flags.endsBatch : 0);
  const padding = index + length - end;
  words[word + 2] = head.kind | (flag << 8) | ((head.format & 0xff) << 16) | (padding << 24);
  words[word + 3] = head.flushed;
  words[word + 4] = head.stream;
  words[word + 5] = head.offset;
  words[word + 6] = highOf(head.offset) | (head.timeMs << 16);
  words[word + 7] = Math.floor(head.timeMs / 2 ** 16);
  words[word + 8] = head.ageMs;
  words[word + 9] = highOf(head.ageMs) | (at(words, word + 9) & ~0xffff);
  seal(block, index, length, seed);
  return length;
}

/** Writes length and sum of a frame whose rest is there. */
function seal(block: Block, index: number, length: number, seed: number): void {
  const units = length / 8;
  const word = index >> 2;
  block.words[word] = units | (sumOfLength(units) << 24);
  block.words[word + 1] = sumOfFrame(block, index, length, seed);
}

/** Small bodies byte by byte: a call into the engine costs more than they do. */
function copy(target: Uint8Array, at: number, source: Uint8Array): void {
  if (source.length > 64) target.set(source, at);
  else for (let n = 0; n < source.length; n++) target[at + n] = source[n] ?? 0;
}

// --- read ---

/** What stands at a place: the length of a whole frame, or one of these. */
export const noFrame = {
  /** Eight zeros: nothing was written here, or it was lost. */
  empty: 0,
  /** A length that is none: damage, not a torn write. */
  length: -1,
  /** The frame goes on behind the end of what is there. */
  short: -2,
  /** The sum is wrong: a torn write, or damage. */
  sum: -3,
} as const;

/** @returns the length of the whole frame at `index`, or a member of `noFrame` */
export function frameAt(block: Block, index: number, seed: number): number {
  const length = lengthAt(block, index);
  if (length <= 0) return length;
  if (index + length > block.length) return noFrame.short;
  const sum = block.view.getUint32(index + 4, true);
  return sum === sumOfFrame(block, index, length, seed) ? length : noFrame.sum;
}

/** @returns the length that the frame at `index` claims to have, or a member of `noFrame` */
export function lengthAt(block: Block, index: number): number {
  if (index + 8 > block.length) return noFrame.short;
  const word = block.view.getUint32(index, true);
  if (word === 0) {
    return block.view.getUint32(index + 4, true) === 0 ? noFrame.empty : noFrame.length;
  }
  const units = word & 0xffffff;
  if (word >>> 24 !== sumOfLength(units) || units * 8 < frameHeaderBytes) return noFrame.length;
  return units * 8;
}

/** Reads what a whole frame says of itself into `head`. */
export function readHead({ words }: Block, index: number, head: FrameHead): void {
  const word = index >> 2;
  const second = at(words, word + 2);
  head.kind = kindOf(second & 0xff);
  head.endsBatch = ((second >>> 8) & flags.endsBatch) !== 0;
  head.format = (second >>> 16) & 0xff;
  head.flushed = at(words, word + 3) >>> 0;
  head.stream = at(words, word + 4) >>> 0;
  head.offset = offsetAt(words, word);
  head.timeMs = timeAt(words, word);
  head.ageMs = ageAt(words, word);
}

/** @returns how long the whole frame at `index` is */
export function lengthOf({ words }: Block, index: number): number {
  return (at(words, index >> 2) & 0xffffff) * 8;
}

/** @returns when the record of the whole frame at `index` was appended, since 1970 */
export function timeOf({ words }: Block, index: number): number {
  return timeAt(words, index >> 2);
}

/** @returns when it was appended, in the journal's own time */
export function ageOf({ words }: Block, index: number): number {
  return ageAt(words, index >> 2);
}

function kindOf(byte: number): FrameKind {
  if (byte === frameKinds.entry || byte === frameKinds.session) return byte;
  return byte === frameKinds.control ? byte : frameKinds.damaged;
}

/** What an entry is found by, and where its body begins. */
export interface EntryTexts {
  readonly tags: readonly string[];
  readonly except: readonly string[];
  readonly messageId: MessageId | undefined;
  readonly bodyIndex: number;
}

/** @returns undefined when the texts are none */
export function readTexts(block: Block, index: number): EntryTexts | undefined {
  const { view, bytes } = block;
  const mark = view.getUint8(index + 9);
  const start = index + frameHeaderBytes + ((mark & flags.expires) === 0 ? 0 : 8);
  const texts = new TextReader(bytes, start, endOf(block, index));
  let messageId: MessageId | undefined;
  if ((mark & flags.messageId) !== 0) {
    const [producer, id, digest] = texts.list(3) ?? [];
    if (producer === undefined || id === undefined || digest === undefined) return undefined;
    messageId = { producer, id, digest };
  }
  const tags = texts.names(view.getUint16(index + 38, true));
  const except = texts.names(view.getUint16(index + 40, true));
  if (tags === undefined || except === undefined || texts.position > endOf(block, index)) {
    return undefined;
  }
  return { tags, except, messageId, bodyIndex: texts.position };
}

/** @returns the entry of a whole frame, with a body of its own: a view would keep all of the block. Undefined when the texts are none */
export function readEntry(block: Block, index: number): EntryRecord | undefined {
  const texts = readTexts(block, index);
  if (texts === undefined) return undefined;
  const { view, bytes, words } = block;
  const { tags, except, messageId, bodyIndex } = texts;
  const expires = (view.getUint8(index + 9) & flags.expires) !== 0;
  return {
    kind: "entry",
    tags,
    except,
    body: copyOf(bytes, bodyIndex, endOf(block, index)),
    format: view.getUint8(index + 10),
    messageId,
    expiresMs: expires ? view.getFloat64(index + frameHeaderBytes, true) : undefined,
    offset: offsetAt(words, index >> 2),
    timeMs: timeAt(words, index >> 2),
  };
}

function copyOf(bytes: Buffer, start: number, end: number): Uint8Array {
  const copy = Buffer.allocUnsafe(end - start);
  bytes.copy(copy, 0, start, end);
  return copy;
}

/** @returns the session record of a whole frame, with a body of its own */
export function readSession(block: Block, index: number): SessionRecord {
  const word = index >> 2;
  return {
    kind: "session",
    body: readBody(block, index),
    offset: offsetAt(block.words, word),
    timeMs: timeAt(block.words, word),
  };
}

/** @returns a copy of the body of a whole frame that has nothing else */
export function readBody(block: Block, index: number): Uint8Array {
  return new Uint8Array(block.bytes.subarray(index + frameHeaderBytes, endOf(block, index)));
}

/** Where the content of a whole frame ends. */
function endOf(block: Block, index: number): number {
  return index + lengthOf(block, index) - Math.min(7, block.view.getUint8(index + 11));
}

// --- sums and numbers ---

function sumOfFrame(block: Block, index: number, length: number, seed: number): number {
  const start = ~(seed ^ (block.start + index));
  return crc32cOfWords(block.words, (index + 8) >> 2, (index + length) >> 2, start);
}

/** CRC-8 of three bytes: any flipped bit, and any run of eight, is seen. */
function sumOfLength(units: number): number {
  let crc = crc8[units & 0xff] ?? 0;
  crc = crc8[crc ^ ((units >>> 8) & 0xff)] ?? 0;
  return (crc8[crc ^ ((units >>> 16) & 0xff)] ?? 0) ^ 0x5a;
}

const crc8 = Uint8Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80 ? (crc << 1) ^ 0x07 : crc << 1) & 0xff;
  return crc;
});

/** The upper 16 of 48 bits. A number that has more must not reach what stands beside it. */
function highOf(value: number): number {
  return Math.floor(value / 2 ** 32) & 0xffff;
}

// Words of the head, by the word with which the frame begins.

function offsetAt(words: Int32Array, word: number): number {
  return (at(words, word + 5) >>> 0) + (at(words, word + 6) & 0xffff) * 2 ** 32;
}

function timeAt(words: Int32Array, word: number): number {
  return (at(words, word + 6) >>> 16) + (at(words, word + 7) >>> 0) * 2 ** 16;
}

function ageAt(words: Int32Array, word: number): number {
  return (at(words, word + 8) >>> 0) + (at(words, word + 9) & 0xffff) * 2 ** 32;
}
