/** What applications may send on a connection, and how its packets look in the events that show them. */
import type { EnginePacket } from "@holdfast/protocol";
import type { OutgoingPacket } from "../delivery/outgoing-packet.ts";

export interface SendOptions {
  /** Whether the transport may compress the packet. Default true. */
  compress?: boolean | undefined;
  /** The packet as a WebSocket frame, made by the caller: what goes out where nothing is compressed. */
  wsPreEncodedFrame?: readonly Uint8Array[] | undefined;
}

/** What can be sent: text, bytes in any form, and, as in Socket.IO, numbers as text and null as nothing. */
export type SendData = string | ArrayBufferView | ArrayBufferLike | number | null;

/** The text or the bytes that are sent. */
export function contentOf(data: SendData): string | Uint8Array {
  if (typeof data === "string") return data;
  if (data === null || typeof data === "number") return data === null ? "" : String(data);
  if (data instanceof Uint8Array) return data;
  if (!ArrayBuffer.isView(data)) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A packet as the events of a connection show it. */
export interface ShownPacket {
  type: EnginePacket["type"];
  data?: string | Uint8Array;
  options: { compress: boolean; wsPreEncodedFrame?: Buffer[] };
}

export function shownPackets(packet: OutgoingPacket, shared = false): ShownPacket[] {
  const options: ShownPacket["options"] = { compress: packet.compress };
  // Socket.IO's adapter shows the frame of a broadcast, which it makes once for all.
  if (shared && packet.attachments === undefined) options.wsPreEncodedFrame = [packet.frames()];
  return packet.enginePackets().map((part) => ({ ...part, options }));
}
