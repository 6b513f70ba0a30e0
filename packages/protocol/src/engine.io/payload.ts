/** The body of one long-polling request or response: packets as text, joined by U+001E. */

import { ProtocolError } from "../errors.ts";
import { decodePacket, type EnginePacket, encodePacketAsText } from "./packet.ts";

const separator = "\x1e";
const packetsMaxDefault = 65_536;

/** `toBase64` is for platforms that do it faster than portable code can. */
export function encodePayload(
  packets: readonly EnginePacket[],
  toBase64?: (bytes: Uint8Array) => string,
): string {
  let payload = "";
  for (let i = 0; i < packets.length; i++) {
    const text = encodePacketAsText(packets[i] as EnginePacket, toBase64);
    payload = i === 0 ? text : payload + separator + text;
  }
  return payload;
}

export interface DecodedPayload {
  /** The packets before the first bad one, all of them when there is none. */
  packets: EnginePacket[];
  error?: ProtocolError;
}

/** Never throws: what came before the bad packet has to be handled. */
export function decodePayload(payload: string, options?: { maxPackets?: number }): DecodedPayload {
  const maxPackets = options?.maxPackets ?? packetsMaxDefault;
  const packets: EnginePacket[] = [];
  try {
    for (let start = 0; start <= payload.length; ) {
      if (packets.length === maxPackets) {
        throw new ProtocolError("HF_PAYLOAD_PACKETS_TOO_MANY", `more than ${maxPackets}`);
      }
      const found = payload.indexOf(separator, start);
      const end = found === -1 ? payload.length : found;
      packets.push(decodePacket(payload.slice(start, end)));
      start = end + 1;
    }
  } catch (error) {
    if (error instanceof ProtocolError) return { packets, error };
    throw error;
  }
  return { packets };
}
