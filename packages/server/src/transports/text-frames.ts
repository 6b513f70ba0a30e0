/**
 * The frames that nearly all of a client's traffic consists of: whole, masked, unfragmented text (RFC 6455 §5.2).
 *
 * `ws` reads any stream of bytes, and pays for it with a stream, a state machine and half a dozen views
 * for each frame. What arrives complete is read here with none of these. Whatever else there is in a chunk, from
 * the first frame on that is not of this kind, is for `ws`: it refuses what is malformed, and nothing here does.
 */
import { isUtf8 } from "node:buffer";

/** Takes the text of a frame; it stands unmasked in `bytes` and is only there during the call. */
export interface TextReceiver {
  /** @param ascii whether all of it is ASCII */
  textReceived(bytes: Buffer, start: number, end: number, ascii: boolean): void;
}

const finText = 0x81;
const maskBit = 0x80;

/**
 * Reads the frames from some place of a chunk on and unmasks them in place.
 *
 * @param from where a frame begins
 * @param chunkEnd where in `chunk` the bytes that came end
 * @param maxBytes longer texts are left to `ws`, which refuses them; 0 is no limit
 * @returns where what was read ends: always whole frames. What follows them is as it came.
 */
export function readTextFrames(
  chunk: Buffer,
  from: number,
  chunkEnd: number,
  maxBytes: number,
  receiver: TextReceiver,
): number {
  let at = from;
  // The shortest frame with a text in it has 7 bytes.
  while (at + 7 <= chunkEnd && chunk[at] === finText) {
    let length = (chunk[at + 1] ?? 0) - maskBit;
    let maskAt = at + 2;
    if (length === 126) {
      length = ((chunk[at + 2] ?? 0) << 8) | (chunk[at + 3] ?? 0);
      maskAt = at + 4;
    } else if (length === 127) {
      // 64 KiB and more does not come in one chunk.
      break;
    }
    const start = maskAt + 4;
    const end = start + length;
    // Not masked, empty, incomplete or too long: `ws` knows what to do.
    if (length <= 0 || end > chunkEnd || (maxBytes > 0 && length > maxBytes)) break;
    const ascii = unmask(chunk, maskAt, start, end) < 0x80;
    if (!ascii && !isUtf8(chunk.subarray(start, end))) {
      // The same once more masks it again.
      unmask(chunk, maskAt, start, end);
      break;
    }
    at = end;
    receiver.textReceived(chunk, start, end, ascii);
  }
  return at;
}

/** @returns the bits that any unmasked byte has. */
function unmask(bytes: Buffer, maskAt: number, start: number, end: number): number {
  const mask0 = bytes[maskAt] ?? 0;
  const mask1 = bytes[maskAt + 1] ?? 0;
  const mask2 = bytes[maskAt + 2] ?? 0;
  const mask3 = bytes[maskAt + 3] ?? 0;
  let bits = 0;
  let at = start;
  for (; at + 3 < end; at += 4) {
    const byte0 = (bytes[at] ?? 0) ^ mask0;
    const byte1 = (bytes[at + 1] ?? 0) ^ mask1;
    const byte2 = (bytes[at + 2] ?? 0) ^ mask2;
    const byte3 = (bytes[at + 3] ?? 0) ^ mask3;
    bytes[at] = byte0;
    bytes[at + 1] = byte1;
    bytes[at + 2] = byte2;
    bytes[at + 3] = byte3;
    bits |= byte0 | byte1 | byte2 | byte3;
  }
  for (let index = 0; at < end; at++, index++) {
    const byte = (bytes[at] ?? 0) ^ (bytes[maskAt + index] ?? 0);
    bytes[at] = byte;
    bits |= byte;
  }
  return bits;
}

/**
 * Where `ws` stands in the stream of frames, told from the bytes that it was given.
 *
 * Only right as long as `ws` finds nothing to refuse; then it begins to close, and its `readyState` says so.
 */
export class FramePosition {
  /** How many bytes of a header were given; the second one tells how many it has. */
  #headerAt = 0;
  #headerEnd = 2;
  #lengthEnd = 2;
  #payloadLeft = 0;
  #inMessage = false;

  /** Whether `ws` then stands between two messages. */
  get between(): boolean {
    return this.#headerAt === 0 && !this.#inMessage;
  }

  /**
   * Notes that `ws` gets the bytes of a chunk from `from` on.
   *
   * @param toText whether to stop where `ws` stands between two messages, and a whole text may follow
   * @returns how far it gets them: to `end`, if it was not to stop
   */
  follow(chunk: Buffer, from: number, end: number, toText: boolean): number {
    let at = from;
    while (at < end) {
      if (this.#headerAt < this.#headerEnd) {
        this.#readHeader(chunk[at] ?? 0);
        at++;
      } else {
        const step = Math.min(this.#payloadLeft, end - at);
        this.#payloadLeft -= step;
        at += step;
      }
      if (this.#headerAt !== this.#headerEnd || this.#payloadLeft > 0) continue;
      this.#headerAt = 0;
      if (toText && !this.#inMessage && chunk[at] === finText) break;
    }
    return at;
  }

  #readHeader(byte: number): void {
    if (this.#headerAt === 0) {
      this.#headerEnd = 2;
      // Control frames may come between the fragments of a message.
      if ((byte & 0x08) === 0) this.#inMessage = (byte & 0x80) === 0;
    } else if (this.#headerAt === 1) {
      const short = byte & 0x7f;
      this.#lengthEnd = short === 127 ? 10 : short === 126 ? 4 : 2;
      this.#headerEnd = this.#lengthEnd + ((byte & maskBit) === 0 ? 0 : 4);
      this.#payloadLeft = short < 126 ? short : 0;
    } else if (this.#headerAt < this.#lengthEnd) {
      this.#payloadLeft = this.#payloadLeft * 256 + byte;
    }
    this.#headerAt++;
  }
}
