/**
 * Strings in frames: two bytes of length, then one byte for each character, or two when one of them needs it. Every
 * string comes back as it was, which UTF-8 does not do for a half of a surrogate pair: two rooms must not become one.
 */

/** What one string may have, in bytes. */
export const textMaxBytes = 0x7fff;

/** @returns at most how many bytes `writeText` takes */
export function textBound(text: string): number {
  return 2 + 2 * text.length;
}

/** Writes the length, with a mark for two bytes a character, and the characters. @returns where the string ends */
export function writeText(bytes: Uint8Array, position: number, text: string): number {
  let end = position + 2;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0xff) return writeWideText(bytes, position, text);
    bytes[end++] = code;
  }
  return writeLength(bytes, position, end, 0);
}

function writeWideText(bytes: Uint8Array, position: number, text: string): number {
  let end = position + 2;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    bytes[end++] = code & 0xff;
    bytes[end++] = code >> 8;
  }
  return writeLength(bytes, position, end, 1);
}

function writeLength(bytes: Uint8Array, position: number, end: number, wide: 0 | 1): number {
  const length = ((end - position - 2) << 1) | wide;
  bytes[position] = length & 0xff;
  bytes[position + 1] = length >> 8;
  return end;
}

/** Short names that were read last, by a sum of them: those of rooms come again and again. */
const latest: string[] = Array.from({ length: 8192 }, () => "");

const shortMax = 32;

function textAt(bytes: Buffer, start: number, end: number): string {
  return bytes.toString("latin1", start, end);
}

function nameAt(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > shortMax) return textAt(bytes, start, end);
  let sum = length;
  for (let at = start; at < end; at++) sum = Math.imul(sum, 31) + (bytes[at] ?? 0);
  const slot = (sum ^ (sum >>> 13)) & (latest.length - 1);
  const known = latest[slot] ?? "";
  if (known.length === length && stands(known, bytes, start)) return known;
  const text = textAt(bytes, start, end);
  latest[slot] = text;
  return text;
}

function stands(text: string, bytes: Buffer, start: number): boolean {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) !== bytes[start + at]) return false;
  }
  return true;
}

const none: readonly string[] = Object.freeze([]);

/** Reads strings one after the other. */
export class TextReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  position: number;

  constructor(bytes: Buffer, position: number, end: number) {
    this.#bytes = bytes;
    this.position = position;
    this.#end = end;
  }

  /** @returns the next `count` strings, which are none that come again; undefined when there is not all of them */
  list(count: number): readonly string[] | undefined {
    return this.#list(count, textAt);
  }

  /** @returns the next `count` strings, which come again and again */
  names(count: number): readonly string[] | undefined {
    return count === 0 ? none : this.#list(count, nameAt);
  }

  #list(count: number, narrow: typeof textAt): string[] | undefined {
    const texts: string[] = [];
    for (let index = 0; index < count; index++) {
      const text = this.#next(narrow);
      if (text === undefined) return undefined;
      texts.push(text);
    }
    return texts;
  }

  #next(narrow: typeof textAt): string | undefined {
    const start = this.position + 2;
    if (start > this.#end) return undefined;
    const length = (this.#bytes[start - 2] ?? 0) | ((this.#bytes[start - 1] ?? 0) << 8);
    const end = start + (length >> 1);
    if (end > this.#end) return undefined;
    this.position = end;
    if ((length & 1) !== 0) return this.#bytes.toString("utf16le", start, end);
    return narrow(this.#bytes, start, end);
  }
}
