/**
 * Packets of entries that were read from the journal a moment ago: the members of a room who come back together get
 * the same entries, and share what was made of them.
 */
import type { OutgoingPacket } from "./outgoing-packet.ts";

const bytesMax = 4 * 1024 * 1024;

export class StoredPackets {
  /** Oldest first. */
  readonly #packets = new Map<number, OutgoingPacket>();
  #bytes = 0;

  /** @returns the packet of the entry at `offset`, made unless it is there */
  at(offset: number, make: () => OutgoingPacket): OutgoingPacket {
    const known = this.#packets.get(offset);
    if (known !== undefined) return known;
    const packet = make();
    this.#packets.set(offset, packet);
    this.#bytes += packet.size;
    for (const [oldest, { size }] of this.#packets) {
      if (this.#bytes <= bytesMax) break;
      this.#packets.delete(oldest);
      this.#bytes -= size;
    }
    return packet;
  }
}
