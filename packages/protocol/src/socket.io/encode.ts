/** Socket.IO packets to text, with the bytes in their data after it as attachments. */

import { hasBinary, takeAttachments } from "./binary.ts";
import { PacketType, type SocketPacket } from "./packet.ts";

/** What JSON.stringify takes as its second argument. */
export type Replacer = (this: unknown, key: string, value: unknown) => unknown;

/**
 * Events and acks become binary ones when their data contains bytes, and plain ones when it does not,
 * whichever of the two `packet.type` says.
 *
 * @returns the text, then the attachments in order; each is the data of one Engine.IO message.
 * @throws ProtocolError for more than 10 attachments; TypeError for data that is not JSON.
 */
export function encodeSocketPacket(
  packet: SocketPacket,
  replacer?: Replacer,
): (string | Uint8Array)[] {
  const { type, data } = packet;
  switch (type) {
    case PacketType.EVENT:
    case PacketType.BINARY_EVENT:
      return hasBinary(data)
        ? encodeBinary(PacketType.BINARY_EVENT, packet, replacer)
        : [encodeText(PacketType.EVENT, packet, data, replacer)];
    case PacketType.ACK:
    case PacketType.BINARY_ACK:
      return hasBinary(data)
        ? encodeBinary(PacketType.BINARY_ACK, packet, replacer)
        : [encodeText(PacketType.ACK, packet, data, replacer)];
    default:
      return [encodeText(type, packet, data, replacer)];
  }
}

function encodeBinary(
  type: number,
  packet: SocketPacket,
  replacer: Replacer | undefined,
): (string | Uint8Array)[] {
  const attachments: Uint8Array[] = [];
  const data = takeAttachments(packet.data, attachments);
  return [encodeText(`${type}${attachments.length}-`, packet, data, replacer), ...attachments];
}

function encodeText(
  head: number | string,
  packet: SocketPacket,
  data: unknown,
  replacer: Replacer | undefined,
): string {
  const { nsp, id } = packet;
  let text = `${head}`;
  if (nsp !== "/" && nsp) text += `${nsp},`;
  if (id !== undefined && id !== null) text += id;
  if (data === undefined || data === null) return text;
  const json: string | undefined =
    replacer === undefined ? JSON.stringify(data) : JSON.stringify(data, replacer);
  return json === undefined ? text : text + json;
}
