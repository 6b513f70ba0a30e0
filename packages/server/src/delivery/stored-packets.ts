/**
 * Packets of entries that were read from the journal a moment ago: the members of a room who come back together get
 * the same entries, and share what was made of them. When nobody has come back for a while they are let go of.
 */
import type { OutgoingPacket } from "./outgoing-packet.ts";

/** After a restart many rooms come back at once, their members in any order. */
const bytesMax = 32 * 1024 * 1024;

const unusedMs = 10_000;

export class StoredPackets {
  readonly #later: (delayMs: number, run: () => void) => void;
  /** Oldest first. */
  readonly #packets = new Map<number, OutgoingPacket>();
  #bytes = 0;
  #used = false;
  #watching = false;

  /** @param later runs `run` after `delayMs`, once */
  constructor(later: (delayMs: number, run: () => void) => void) {
    this.#later = later;
  }

  /** @returns the packet of the entry at `offset`, made unless it is there */
  at(offset: number, make: () => OutgoingPacket): OutgoingPacket {
    this.#used = true;
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
    this.#watch();
    return packet;
  }

  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#used = false;
    this.#later(unusedMs, () => {
      this.#watching = false;
      if (this.#used) {
        this.#watch();
        return;
      }
      this.#packets.clear();
      this.#bytes = 0;
    });
  }
}
