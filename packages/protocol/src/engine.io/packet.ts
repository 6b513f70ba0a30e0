/**
 * One Engine.IO packet: a digit for its type, then its data; bytes are always a message and stand alone.
 * Protocol revision 4, "Packet encoding" in the Engine.IO specification.
 */

import { ProtocolError } from "../errors.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";

export type EnginePacketType = "open" | "close" | "ping" | "pong" | "message" | "upgrade" | "noop";

/** Only a message carries bytes, and it always carries something, if only "". */
export type EnginePacket =
  | { readonly type: "message"; readonly data: string | Uint8Array }
  | { readonly type: Exclude<EnginePacketType, "message">; readonly data?: string };

/** The position of a type in this list is its digit on the wire. Never reorder. */
const packetTypes: readonly EnginePacketType[] = [
  "open",
  "close",
  "ping",
  "pong",
  "message",
  "upgrade",
  "noop",
];

const letterB = 0x62;
const digitZero = 0x30;

/** @returns the content of one WebSocket frame: text, or the bytes of a binary message as they are. */
export function encodePacket(packet: EnginePacket): string | Uint8Array {
  if (packet.type !== "message") return encodeControl(packet.type, packet.data);
  return typeof packet.data === "string" ? `4${packet.data}` : packet.data;
}

/**
 * For payloads, and for clients that asked for no binary (`b64=1`): bytes become `b` and base64.
 * `toBase64` is for platforms that do it faster than portable code can.
 */
export function encodePacketAsText(packet: EnginePacket, toBase64 = encodeBase64): string {
  if (packet.type !== "message") return encodeControl(packet.type, packet.data);
  return typeof packet.data === "string" ? `4${packet.data}` : `b${toBase64(packet.data)}`;
}

function encodeControl(type: EnginePacketType, data: string | undefined): string {
  const digit = packetTypes.indexOf(type);
  return data === undefined ? `${digit}` : `${digit}${data}`;
}

/** @throws ProtocolError */
export function decodePacket(frame: string | Uint8Array): EnginePacket {
  if (typeof frame !== "string") return { type: "message", data: frame };
  if (frame.length === 0) throw new ProtocolError("HF_PACKET_EMPTY");

  const first = frame.charCodeAt(0);
  // Stock clients with `forceBase64` send this over WebSocket as well.
  if (first === letterB) return { type: "message", data: decodeBase64(frame, 1) };

  const type = packetTypes[first - digitZero];
  if (type === undefined) throw new ProtocolError("HF_PACKET_TYPE_UNKNOWN", frame.charAt(0));

  if (type === "message") return { type, data: frame.slice(1) };
  return frame.length === 1 ? { type } : { type, data: frame.slice(1) };
}
