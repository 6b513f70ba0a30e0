/**
 * A packet on its way out, encoded once for all who get it.
 *
 * The unit is a whole Socket.IO packet: the header and its attachments are never torn apart. Its form
 * for WebSocket (RFC 6455 §5.2, unmasked, unfragmented) is made when the first WebSocket needs it.
 */
import type { EnginePacket } from "@holdfast/protocol";

/** The digits of the Engine.IO packet types, as characters of the wire. */
const typeDigits = {
  open: 0x30,
  close: 0x31,
  ping: 0x32,
  pong: 0x33,
  message: 0x34,
  upgrade: 0x35,
  noop: 0x36,
} as const;

const finText = 0x81;
const finBinary = 0x82;

export class OutgoingPacket {
  readonly type: EnginePacket["type"];
  /** Roughly what the packet takes on the wire, in bytes. */
  readonly size: number;
  /** What follows the first part: the attachments of a binary packet. */
  readonly attachments: readonly (string | Uint8Array)[] | undefined;
  readonly compress: boolean;
  #data: string | Uint8Array | undefined;
  #frames: Buffer | undefined;
  #textDropped: boolean;

  /** @param frames without `data`: the frame of a text, which is made of that when it is asked for */
  constructor(
    type: EnginePacket["type"],
    data: string | Uint8Array | undefined,
    compress = true,
    attachments?: readonly (string | Uint8Array)[],
    frames?: Buffer,
  ) {
    this.type = type;
    this.#data = data;
    this.compress = compress;
    this.attachments = attachments;
    this.#frames = frames;
    this.#textDropped = data === undefined && frames !== undefined;
    // A short frame has a header of three bytes, with the type.
    this.size = this.#textDropped ? sizeOf(frames, undefined) - 3 : sizeOf(data, attachments);
  }

  /** A message of a text as it is kept: its bytes are those of its frame. */
  static ofTextBytes(bytes: Uint8Array): OutgoingPacket {
    const frame = allocateTextFrame(typeDigits.message, bytes.length);
    frame.set(bytes, frame.length - bytes.length);
    return new OutgoingPacket("message", undefined, true, undefined, frame);
  }

  /** The first part. */
  get data(): string | Uint8Array | undefined {
    if (this.#textDropped) {
      this.#textDropped = false;
      this.#data = this.textBytes().toString();
    }
    return this.#data;
  }

  /** Lets go of a text that its frame has, too: what is kept for long is not kept twice. */
  dropText(): void {
    const kept = this.#frames !== undefined && this.attachments === undefined;
    if (!kept || typeof this.#data !== "string" || this.type !== "message") return;
    this.#textDropped = true;
    this.#data = undefined;
  }

  /** The packet as Engine.IO packets: one, or a header and its attachments. */
  enginePackets(): EnginePacket[] {
    const { type, data } = this;
    const head: EnginePacket =
      type === "message"
        ? { type, data: data ?? "" }
        : typeof data === "string"
          ? { type, data }
          : { type };
    if (this.attachments === undefined) return [head];
    return [head, ...this.attachments.map((data): EnginePacket => ({ type: "message", data }))];
  }

  /** The packet as WebSocket frames, ready for the socket. The same buffer for every caller: do not write to it. */
  frames(): Buffer {
    this.#frames ??= this.#encodeFrames();
    return this.#frames;
  }

  /** The bytes of a text packet without attachments: those of its frame, after the header and the type. */
  textBytes(): Buffer {
    const frames = this.frames();
    const length = frames[1] ?? 0;
    return frames.subarray((length < 126 ? 2 : length === 126 ? 4 : 10) + 1);
  }

  #encodeFrames(): Buffer {
    const head = frameOf(typeDigits[this.type], this.data ?? "");
    if (this.attachments === undefined) return head;
    const rest = this.attachments.map((part) => frameOf(typeDigits.message, part));
    return Buffer.concat([head, ...rest]);
  }
}

function sizeOf(
  data: string | Uint8Array | undefined,
  attachments: readonly (string | Uint8Array)[] | undefined,
): number {
  let size = data === undefined ? 4 : data.length + 8;
  if (attachments !== undefined) for (const part of attachments) size += part.length + 8;
  return size;
}

function frameOf(digit: number, data: string | Uint8Array): Buffer {
  return typeof data === "string" ? textFrame(digit, data) : binaryFrame(data);
}

function textFrame(digit: number, text: string): Buffer {
  const textBytes = Buffer.byteLength(text);
  const frame = allocateTextFrame(digit, textBytes);
  frame.write(text, frame.length - textBytes, textBytes === text.length ? "latin1" : "utf8");
  return frame;
}

/** @returns a frame whose text is still to be written, at its end */
function allocateTextFrame(digit: number, textBytes: number): Buffer {
  const frame = allocateFrame(finText, textBytes + 1);
  frame[frame.length - textBytes - 1] = digit;
  return frame;
}

function binaryFrame(data: Uint8Array): Buffer {
  const frame = allocateFrame(finBinary, data.length);
  frame.set(data, frame.length - data.length);
  return frame;
}

/** @returns a frame whose header is written and whose content is not. */
function allocateFrame(firstByte: number, contentBytes: number): Buffer {
  if (contentBytes < 126) {
    const frame = Buffer.allocUnsafe(contentBytes + 2);
    frame[0] = firstByte;
    frame[1] = contentBytes;
    return frame;
  }
  if (contentBytes < 0x1_0000) {
    const frame = Buffer.allocUnsafe(contentBytes + 4);
    frame[0] = firstByte;
    frame[1] = 126;
    frame.writeUInt16BE(contentBytes, 2);
    return frame;
  }
  const frame = Buffer.allocUnsafe(contentBytes + 10);
  frame[0] = firstByte;
  frame[1] = 127;
  frame.writeBigUInt64BE(BigInt(contentBytes), 2);
  return frame;
}
