/**
 * How an event is kept in the journal: as the packet that its recipients get, without ack id and position.
 *
 * A text packet is its text; a packet with attachments is its parts, each with its kind and length.
 */
import { OutgoingPacket } from "./outgoing-packet.ts";

export const textFormat = 0;
export const partsFormat = 1;

const partHeaderBytes = 5;

export interface EntryBody {
  readonly body: Uint8Array;
  readonly format: number;
}

/** The bytes of a packet. Those of a text packet are the very ones of its frame: encoded once. */
export function bodyOf(packet: OutgoingPacket): EntryBody {
  const { data, attachments } = packet;
  if (attachments === undefined && typeof data === "string") {
    const body = packet.textBytes();
    packet.dropText();
    return { body, format: textFormat };
  }
  const parts = [data ?? "", ...(attachments ?? [])].map(partOf);
  return { body: Buffer.concat(parts), format: partsFormat };
}

function partOf(part: string | Uint8Array): Buffer {
  const bytes = typeof part === "string" ? Buffer.from(part) : part;
  const header = Buffer.allocUnsafe(partHeaderBytes);
  header[0] = typeof part === "string" ? 0 : 1;
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

/** The parts of a stored packet, as its encoder gave them. Bytes are copies: what an application does to them is its own. */
export function partsOf({ body, format }: EntryBody): (string | Uint8Array)[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (format === textFormat) return [bytes.toString()];
  const parts: (string | Uint8Array)[] = [];
  for (let at = 0; at + partHeaderBytes <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    const content = bytes.subarray(at + partHeaderBytes, at + partHeaderBytes + length);
    parts.push(bytes[at] === 0 ? content.toString() : Buffer.from(content));
    at += partHeaderBytes + length;
  }
  return parts;
}

/** The packet as it is sent. With a position, that is its last argument. */
export function packetOf(entry: EntryBody, position?: string): OutgoingPacket {
  if (position === undefined && entry.format === textFormat) {
    return OutgoingPacket.ofTextBytes(entry.body);
  }
  const [head, ...attachments] = partsOf(entry);
  const first =
    position === undefined || typeof head !== "string" ? head : withArgument(head, position);
  return new OutgoingPacket(
    "message",
    first,
    true,
    attachments.length === 0 ? undefined : attachments,
  );
}

/** A packet as it is sent in "argument" mode: the position is its last argument. */
export function withPosition(packet: OutgoingPacket, position: string): OutgoingPacket {
  const { data, compress, attachments } = packet;
  if (typeof data !== "string") return packet;
  return new OutgoingPacket("message", withArgument(data, position), compress, attachments);
}

/** An event's text with one more argument: it ends with the bracket of its array. */
function withArgument(text: string, argument: string): string {
  return `${text.slice(0, -1)},${JSON.stringify(argument)}]`;
}
