/** Events as the journal keeps them, read back for an application. */
import { type SocketPacket, SocketPacketDecoder } from "@holdfast/protocol";
import { partsOf } from "./delivery/entry-body.ts";
import type { EntryRecord } from "./delivery/store.ts";
import { Decoder, type PacketDecoder, type Parser } from "./parser.ts";

export interface StoredEvent {
  readonly event: string;
  readonly args: unknown[];
}

/** Decodes a stored packet with the parser that has encoded it. */
export function eventOf(entry: Pick<EntryRecord, "body" | "format">, parser: Parser): StoredEvent {
  const parts = partsOf(entry);
  const packet =
    parser.Decoder === Decoder ? decodedHere(parts) : decodedBy(new parser.Decoder(), parts);
  const [event, ...args] = Array.isArray(packet?.data) ? (packet.data as unknown[]) : [];
  return { event: String(event), args };
}

type Parts = readonly (string | Uint8Array)[];

/** As deep as it was made: the limit on how deep JSON may be is for what clients send. */
function decodedHere(parts: Parts): SocketPacket | undefined {
  const decoder = new SocketPacketDecoder({ maxDepth: Number.POSITIVE_INFINITY });
  let packet: SocketPacket | undefined;
  for (const part of parts) packet = decoder.add(part);
  return packet;
}

function decodedBy(decoder: PacketDecoder, parts: Parts): SocketPacket | undefined {
  let packet: SocketPacket | undefined;
  decoder.on("decoded", (decoded) => {
    packet = decoded;
  });
  for (const part of parts) decoder.add(part);
  decoder.destroy();
  return packet;
}
