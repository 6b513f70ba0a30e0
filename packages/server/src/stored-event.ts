/** Events as the journal keeps them, read back for an application. */
import type { SocketPacket } from "@holdfast/protocol";
import { partsOf } from "./delivery/entry-body.ts";
import type { EntryRecord } from "./delivery/store.ts";
import type { Parser } from "./parser.ts";

export interface StoredEvent {
  readonly event: string;
  readonly args: unknown[];
}

/** Decodes a stored packet with the parser that has encoded it. */
export function eventOf(entry: Pick<EntryRecord, "body" | "format">, parser: Parser): StoredEvent {
  const decoder = new parser.Decoder();
  let packet: SocketPacket | undefined;
  decoder.on("decoded", (decoded) => {
    packet = decoded;
  });
  for (const part of partsOf(entry)) decoder.add(part);
  decoder.destroy();
  const [event, ...args] = Array.isArray(packet?.data) ? (packet.data as unknown[]) : [];
  return { event: String(event), args };
}
