/**
 * Packets on a WebTransport stream, which has no frames of its own: a header of 1, 3 or 9 bytes, then the packet.
 * Bit 0x80 of the first byte says binary; the other seven are the length, or 126 for 16 more bits, or 127 for 64.
 */

import { ProtocolError } from "../errors.ts";
import { decodePacket, type EnginePacket, encodePacket, encodePacketAsText } from "./packet.ts";
import { utf8Decoder, utf8Encoder } from "./utf8.ts";

const binaryBit = 0x80;
const length16 = 126;
const length64 = 127;

/** A first part of a body gets this much room; more is taken only as the bytes really come. */
const roomMin = 1024;

/** @returns header and body, which the caller may write one after the other. */
export function encodeWebTransportFrame(packet: EnginePacket): Uint8Array[] {
  const content = encodePacket(packet);
  if (typeof content !== "string" && content.length > 0) {
    return [encodeHeader(content.length, binaryBit), content];
  }
  // A frame cannot be empty, so an empty binary message travels as the text "b".
  const text = utf8Encoder().encode(
    typeof content === "string" ? content : encodePacketAsText(packet),
  );
  return [encodeHeader(text.length, 0), text];
}

function encodeHeader(length: number, kind: number): Uint8Array {
  if (length < length16) return Uint8Array.of(kind | length);
  if (length < 0x1_0000) return Uint8Array.of(kind | length16, length >> 8, length);
  const header = new Uint8Array(9);
  const view = new DataView(header.buffer);
  view.setUint8(0, kind | length64);
  view.setUint32(1, Math.floor(length / 0x1_0000_0000));
  view.setUint32(5, length % 0x1_0000_0000);
  return header;
}

/** Cuts a byte stream into packets. After it has thrown it throws the same again: the stream is lost. */
export class WebTransportFrameDecoder {
  readonly #maxPayloadBytes: number;
  /** A header that came in pieces. */
  readonly #header = new Uint8Array(9);
  #headerLength = 0;
  /** Room for a body that came in pieces; it grows with what comes, not with what is announced. */
  #body: Uint8Array | undefined;
  #bodyLength = 0;
  /** 0 while the header is not complete: no body has this length. */
  #bodyLengthExpected = 0;
  #failure: ProtocolError | undefined;

  constructor(options: { maxPayloadBytes: number }) {
    this.#maxPayloadBytes = options.maxPayloadBytes;
  }

  /**
   * The bodies are copied, so `chunk` may be reused.
   * @throws ProtocolError; packets of the same chunk that stand before the bad one are dropped with it.
   */
  push(chunk: Uint8Array): EnginePacket[] {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#pushAll(chunk);
    } catch (error) {
      if (error instanceof ProtocolError) this.#failure = error;
      this.#body = undefined;
      throw error;
    }
  }

  #pushAll(chunk: Uint8Array): EnginePacket[] {
    const packets: EnginePacket[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#bodyLengthExpected === 0) {
        this.#pushHeaderByte(chunk[at++] as number);
        continue;
      }
      const taken = Math.min(chunk.length - at, this.#bodyLengthExpected - this.#bodyLength);
      const part = chunk.subarray(at, at + taken);
      at += taken;
      if (taken === this.#bodyLengthExpected) {
        packets.push(this.#finish(part.slice()));
        continue;
      }
      const body = this.#makeRoom(this.#bodyLength + taken);
      body.set(part, this.#bodyLength);
      this.#bodyLength += taken;
      if (this.#bodyLength === this.#bodyLengthExpected) packets.push(this.#finish(body));
    }
    return packets;
  }

  #pushHeaderByte(byte: number): void {
    this.#header[this.#headerLength++] = byte;
    const short = (this.#header[0] as number) & ~binaryBit;
    if (short === length16 && this.#headerLength < 3) return;
    if (short === length64 && this.#headerLength < 9) return;

    const length = short < length16 ? short : this.#readLongLength(short);
    if (length === 0) throw new ProtocolError("HF_FRAME_EMPTY", "0 bytes");
    if (length > this.#maxPayloadBytes) {
      const detail = `${length} bytes, the limit is ${this.#maxPayloadBytes}`;
      throw new ProtocolError("HF_FRAME_TOO_LARGE", detail);
    }
    this.#bodyLengthExpected = length;
  }

  #readLongLength(short: number): number {
    const view = new DataView(this.#header.buffer);
    // Lengths from 2^53 on come out rounded, which is as good: they are over every limit.
    return short === length16
      ? view.getUint16(1)
      : view.getUint32(1) * 0x1_0000_0000 + view.getUint32(5);
  }

  /** Doubling, so that one-byte chunks cost linear time and an announced length alone costs no memory. */
  #makeRoom(needed: number): Uint8Array {
    const old = this.#body;
    if (old !== undefined && old.length >= needed) return old;
    const room = Math.min(this.#bodyLengthExpected, Math.max(roomMin, needed * 2));
    const body = new Uint8Array(room);
    if (old !== undefined) body.set(old);
    this.#body = body;
    return body;
  }

  #finish(body: Uint8Array): EnginePacket {
    const binary = ((this.#header[0] as number) & binaryBit) !== 0;
    this.#headerLength = 0;
    this.#bodyLengthExpected = 0;
    this.#bodyLength = 0;
    this.#body = undefined;
    return decodePacket(binary ? body : decodeText(body));
  }
}

function decodeText(body: Uint8Array): string {
  try {
    return utf8Decoder().decode(body);
  } catch {
    throw new ProtocolError("HF_FRAME_UTF8_INVALID");
  }
}
