/** Where clients meet what is not ours: packets that other adapters have encoded, and connections of other engines. */
import { encodedPacket } from "./adapter.ts";
import type { OutgoingPacket } from "./delivery/outgoing-packet.ts";

/** The broadcast of a foreign adapter that was seen last: its packet is shared by the sockets that follow. */
let latest:
  | {
      readonly parts: readonly unknown[];
      readonly compress: boolean | undefined;
      readonly packet: OutgoingPacket;
    }
  | undefined;

/** The packet of parts that an adapter has encoded: the same one for the same array, as adapters give it for all sockets. */
export function sharedPacket(
  parts: readonly (string | Uint8Array)[],
  compress: boolean | undefined,
): OutgoingPacket {
  if (latest?.parts !== parts || latest.compress !== compress) {
    latest = { parts, compress, packet: encodedPacket(parts, compress !== false) };
  }
  return latest.packet;
}

/** The connection of another engine, bound by `io.bind(engine)`. */
interface ForeignConnection {
  write(data: string | Uint8Array, options: { compress: boolean }): unknown;
}

export function writeToForeignConnection(conn: ForeignConnection, packet: OutgoingPacket): void {
  for (const part of packet.enginePackets()) {
    conn.write(part.data ?? "", { compress: packet.compress });
  }
}
