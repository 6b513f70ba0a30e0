/**
 * Text and attachments to Socket.IO packets. What is taken is what npm socket.io-parser takes, but for the cases in
 * STRICTER.md, which no client sends.
 */

import { ProtocolError } from "../errors.ts";
import { fillSlots, findSlots, type Slot } from "./binary.ts";
import {
  attachmentsMaxDefault,
  PacketType,
  reservedEventNames,
  type SocketPacket,
} from "./packet.ts";

export interface SocketPacketDecoderOptions {
  /** Attachments of one packet. Default 10. */
  readonly maxAttachments?: number | undefined;
  /** Bytes in all attachments of one packet. Default: no limit. */
  readonly maxAttachmentBytes?: number | undefined;
  /** Levels of nesting in JSON of more than 2,000 characters; less cannot be deep. Default 1,000. */
  readonly maxDepth?: number | undefined;
  /** What JSON.parse takes as its second argument. */
  readonly reviver?: ((this: unknown, key: string, value: unknown) => unknown) | undefined;
}

/** A binary packet that waits for attachments. */
interface Unfinished {
  readonly packet: SocketPacket;
  readonly slots: readonly Slot[];
  readonly attachments: Uint8Array[];
  readonly attachmentCount: number;
  byteLength: number;
}

const digitZero = 0x30;
const dash = 0x2d;
const slash = 0x2f;
const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** 2^53 has 16 digits. */
const numberDigitsMax = 16;
const depthMaxDefault = 1000;
/**
 * A thousand levels do not fit into less. Ten kilobytes hold five thousand, at which the JSON.stringify of an
 * application that passes the event on would throw.
 */
const depthCheckedAboveLength = 2000;

/**
 * One per connection. What it holds between calls is a binary packet that is not complete; once it has thrown it
 * holds nothing, and the connection should be closed.
 */
export class SocketPacketDecoder {
  readonly #maxAttachments: number;
  readonly #maxAttachmentBytes: number;
  readonly #maxDepth: number;
  readonly #reviver: SocketPacketDecoderOptions["reviver"];
  #unfinished: Unfinished | undefined;

  constructor(options: SocketPacketDecoderOptions = {}) {
    this.#maxAttachments = options.maxAttachments ?? attachmentsMaxDefault;
    this.#maxAttachmentBytes = options.maxAttachmentBytes ?? Number.POSITIVE_INFINITY;
    this.#maxDepth = options.maxDepth ?? depthMaxDefault;
    this.#reviver = options.reviver;
  }

  /** The number of attachments that are still to come before the packet is complete. */
  get pendingAttachments(): number {
    const unfinished = this.#unfinished;
    return unfinished === undefined
      ? 0
      : unfinished.attachmentCount - unfinished.attachments.length;
  }

  /** Forgets the packet that is not complete. */
  reset(): void {
    this.#unfinished = undefined;
  }

  /**
   * Takes the data of one Engine.IO message.
   * @returns the packet when it is complete, undefined while attachments are missing. Binary packets come out, as
   * from socket.io-parser, with the plain type (EVENT, ACK) and the attachments at their places in the data.
   * @throws ProtocolError
   */
  add(chunk: string | Uint8Array): SocketPacket | undefined {
    if (typeof chunk !== "string") return this.#addAttachment(chunk);
    if (this.#unfinished !== undefined) {
      this.#unfinished = undefined;
      throw new ProtocolError("HF_ATTACHMENT_MISSING", chunk);
    }
    return this.#addText(chunk);
  }

  #addText(text: string): SocketPacket | undefined {
    if (text.length === 0) throw new ProtocolError("HF_PACKET_EMPTY");
    const type = text.charCodeAt(0) - digitZero;
    if (!(type >= PacketType.CONNECT && type <= PacketType.BINARY_ACK)) {
      const character = text.charAt(0);
      const message = `unknown packet type ${Number(character)}`;
      throw new ProtocolError("HF_PACKET_TYPE_UNKNOWN", character, message);
    }

    let at = 1;
    let attachmentCount = 0;
    if (type >= PacketType.BINARY_EVENT) {
      at = endOfDigits(text, 1);
      attachmentCount = this.#readAttachmentCount(text, at);
      at++;
    }

    let nsp = "/";
    if (text.charCodeAt(at) === slash) {
      const comma = text.indexOf(",", at);
      const end = comma === -1 ? text.length : comma;
      nsp = text.slice(at, end);
      at = end + 1;
    }

    let id: number | undefined;
    const idEnd = endOfDigits(text, at);
    if (idEnd > at) {
      id = readId(text, at, idEnd);
      at = idEnd;
    }

    const data = this.#readData(type, text, at);
    if (attachmentCount === 0) return { type, nsp, data, id };

    // readData has seen to it that the data of a binary packet is an array.
    const slots = findSlots(data as unknown[], attachmentCount);
    const plainType = type === PacketType.BINARY_EVENT ? PacketType.EVENT : PacketType.ACK;
    const packet: SocketPacket = { type: plainType, nsp, data, id };
    this.#unfinished = { packet, slots, attachments: [], attachmentCount, byteLength: 0 };
    return undefined;
  }

  #readAttachmentCount(text: string, end: number): number {
    const digits = text.slice(1, end);
    // As the encoders write it: a leading zero, a sign or a blank is none of theirs.
    const wellFormed = end > 1 && text.charCodeAt(1) !== digitZero && text.charCodeAt(end) === dash;
    const endless = end - 1 > numberDigitsMax;
    if (!wellFormed && !endless) throw new ProtocolError("HF_ATTACHMENT_COUNT_INVALID", text);
    const count = Number(digits);
    if (endless || count > this.#maxAttachments) {
      throw new ProtocolError(
        "HF_ATTACHMENTS_TOO_MANY",
        `${digits}, the limit is ${this.#maxAttachments}`,
      );
    }
    return count;
  }

  #readData(type: number, text: string, at: number): unknown {
    if (at >= text.length) return absentData(type, text);
    const first = text.charCodeAt(at);
    if (!mayStartData(type, first))
      throw new ProtocolError("HF_PACKET_DATA_INVALID", text.slice(at, at + 64));
    if (text.length > depthCheckedAboveLength) checkDepth(text, at, this.#maxDepth);

    const data = this.#parse(text.slice(at));
    checkData(type, data);
    return data;
  }

  #parse(json: string): unknown {
    try {
      return this.#reviver === undefined ? JSON.parse(json) : JSON.parse(json, this.#reviver);
    } catch {
      throw new ProtocolError("HF_PACKET_JSON_INVALID", json);
    }
  }

  #addAttachment(bytes: Uint8Array): SocketPacket | undefined {
    const unfinished = this.#unfinished;
    if (unfinished === undefined) {
      throw new ProtocolError("HF_ATTACHMENT_UNEXPECTED", `${bytes.length} bytes`);
    }
    unfinished.byteLength += bytes.length;
    if (unfinished.byteLength > this.#maxAttachmentBytes) {
      this.#unfinished = undefined;
      const detail = `${unfinished.byteLength} bytes, the limit is ${this.#maxAttachmentBytes}`;
      throw new ProtocolError("HF_ATTACHMENTS_TOO_LARGE", detail);
    }
    const { attachments, attachmentCount, packet, slots } = unfinished;
    attachments.push(bytes);
    if (attachments.length < attachmentCount) return undefined;

    this.#unfinished = undefined;
    fillSlots(slots, attachments);
    return packet;
  }
}

/** @returns where the digits that start at `at` end, or soon after one more than any number here may have. */
function endOfDigits(text: string, at: number): number {
  let end = at;
  for (; end - at <= numberDigitsMax; end++) {
    // Past the end of the text this is NaN, and no digit.
    const digit = text.charCodeAt(end) - digitZero;
    if (!(digit >= 0 && digit <= 9)) break;
  }
  return end;
}

function readId(text: string, start: number, end: number): number {
  const id = Number(text.slice(start, end));
  if (end - start > numberDigitsMax || !Number.isSafeInteger(id)) {
    throw new ProtocolError("HF_ACK_ID_INVALID", text.slice(start, start + 64));
  }
  return id;
}

function absentData(type: number, text: string): unknown {
  if (type === PacketType.CONNECT || type === PacketType.DISCONNECT) return undefined;
  if (type === PacketType.ACK) return [];
  throw new ProtocolError("HF_PACKET_DATA_INVALID", text);
}

function mayStartData(type: number, first: number): boolean {
  switch (type) {
    case PacketType.CONNECT:
      return first === openBrace;
    case PacketType.DISCONNECT:
      return false;
    case PacketType.CONNECT_ERROR:
      return first === openBrace || first === quote;
    default:
      return first === openBracket;
  }
}

/** The first character has told the kind of the data already, unless a reviver made something else of it. */
function checkData(type: number, data: unknown): void {
  switch (type) {
    case PacketType.CONNECT:
      if (!isObject(data)) throw unexpectedData(data);
      break;
    case PacketType.CONNECT_ERROR:
      if (typeof data !== "string" && !isObject(data)) throw unexpectedData(data);
      break;
    case PacketType.EVENT:
    case PacketType.BINARY_EVENT:
      if (!Array.isArray(data)) throw unexpectedData(data);
      checkEventName(data[0]);
      break;
    default:
      if (!Array.isArray(data)) throw unexpectedData(data);
  }
}

function checkEventName(name: unknown): void {
  if (typeof name === "string") {
    if (reservedEventNames.has(name)) throw new ProtocolError("HF_EVENT_NAME_RESERVED", name);
  } else if (typeof name !== "number") {
    throw new ProtocolError("HF_EVENT_NAME_INVALID", kindOf(name));
  }
}

function isObject(data: unknown): boolean {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

function unexpectedData(data: unknown): ProtocolError {
  return new ProtocolError("HF_PACKET_DATA_INVALID", kindOf(data));
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

/**
 * One pass before the parser runs, which would take most of a second for a megabyte of brackets. It may be wrong about
 * text that is not JSON; the parser refuses that anyway.
 */
function checkDepth(text: string, from: number, maxDepth: number): void {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case quote:
        i = endOfString(text, i);
        break;
      case openBracket:
      case openBrace:
        if (++depth > maxDepth) {
          throw new ProtocolError("HF_PACKET_JSON_TOO_DEEP", `more than ${maxDepth} levels`);
        }
        break;
      case closeBracket:
      case closeBrace:
        depth--;
        break;
      default:
    }
  }
}

/** @returns the index of the quote that ends the string, or the length of the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = end;
    while (text.charCodeAt(escapes - 1) === backslash) escapes--;
    if ((end - escapes) % 2 === 0) return end;
  }
  return text.length;
}
