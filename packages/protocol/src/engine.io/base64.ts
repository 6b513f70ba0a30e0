/**
 * Base64 (RFC 4648 section 4) for binary packets in text. Written out because neither Buffer nor atob is at
 * hand in every place that this package runs in.
 */

import { ProtocolError } from "../errors.ts";
import { utf8Decoder } from "./utf8.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const padding = 0x3d;

/** Markers in `bitsOf` for characters that carry no bits. */
const skipped = 64;
const illegal = 65;

const codeOf = Uint8Array.from(alphabet, (character) => character.charCodeAt(0));
const bitsOf = makeValueTable();

function makeValueTable(): Uint8Array {
  const table = new Uint8Array(256).fill(illegal);
  for (const [value, code] of codeOf.entries()) table[code] = value;
  // The URL-safe alphabet means the same bits.
  table[0x2d] = 62;
  table[0x5f] = 63;
  // Encoders of the MIME kind, Android's default among them, break lines.
  for (const blank of "\r\n\t ") table[blank.charCodeAt(0)] = skipped;
  return table;
}

export function encodeBase64(bytes: Uint8Array): string {
  const whole = bytes.length - (bytes.length % 3);
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let at = 0;
  for (let i = 0; i < whole; i += 3) {
    const bits =
      ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number);
    out[at++] = codeOf[bits >> 18] as number;
    out[at++] = codeOf[(bits >> 12) & 63] as number;
    out[at++] = codeOf[(bits >> 6) & 63] as number;
    out[at++] = codeOf[bits & 63] as number;
  }
  if (whole < bytes.length) {
    const second = bytes[whole + 1];
    const bits = ((bytes[whole] as number) << 16) | ((second ?? 0) << 8);
    out[at++] = codeOf[bits >> 18] as number;
    out[at++] = codeOf[(bits >> 12) & 63] as number;
    out[at++] = second === undefined ? padding : (codeOf[(bits >> 6) & 63] as number);
    out[at++] = padding;
  }
  return utf8Decoder().decode(out);
}

/** Decodes the base64 in `text` from `start` on. Padding may be left out; line breaks are skipped. */
export function decodeBase64(text: string, start = 0): Uint8Array {
  let end = text.length;
  // A line break may follow the padding, too.
  while (end > start && isPaddingOrBlank(text.charCodeAt(end - 1))) end--;
  const paddingCount = countPadding(text, end);
  if (paddingCount > 2) throw new ProtocolError("HF_BASE64_INVALID", text.slice(end));

  const out = new Uint8Array(Math.floor(((end - start) * 3) / 4));
  let at = 0;
  let bits = 0;
  let count = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    const value = code < 256 ? (bitsOf[code] as number) : illegal;
    if (value >= skipped) {
      if (value === skipped) continue;
      throw new ProtocolError("HF_BASE64_INVALID", text.slice(i, i + 64));
    }
    bits = (bits << 6) | value;
    if (++count === 4) {
      out[at++] = bits >> 16;
      out[at++] = bits >> 8;
      out[at++] = bits;
      bits = 0;
      count = 0;
    }
  }
  if (count === 1 || (paddingCount > 0 && paddingCount !== 4 - count)) {
    throw new ProtocolError("HF_BASE64_INVALID", text.slice(Math.max(start, end - 4)));
  }
  if (count === 2) out[at++] = bits >> 4;
  if (count === 3) {
    out[at++] = bits >> 10;
    out[at++] = bits >> 2;
  }
  return at === out.length ? out : out.slice(0, at);
}

function isPaddingOrBlank(code: number): boolean {
  return code === padding || (code < 256 && bitsOf[code] === skipped);
}

function countPadding(text: string, from: number): number {
  let count = 0;
  for (let i = from; i < text.length; i++) if (text.charCodeAt(i) === padding) count++;
  return count;
}
