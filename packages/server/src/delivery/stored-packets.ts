/**
 * Packets of entries that were read from the journal a moment ago: the members of a room who come back together get
 * the same entries, and share what was made of them. When nobody has come back for a while they are let go of.
 */
import type { EntryRecord } from "@holdfast/journal";
import { AgedMap } from "../aged-map.ts";
import type { OutgoingPacket } from "./outgoing-packet.ts";

/** What makes a packet of an entry, and runs something later. */
interface PacketMaker {
  packetOfStored(entry: EntryRecord, offset: number): OutgoingPacket;
  readonly options: { later(delayMs: number, run: () => void): void };
}

/** After a restart many rooms come back at once, their members in any order. */
const bytesMax = 32 * 1024 * 1024;

const unusedMs = 10_000;

export class StoredPackets {
  readonly #maker: PacketMaker;
  /** Oldest first. */
  readonly #packets = new AgedMap<number, OutgoingPacket>();
  #bytes = 0;
  #used = false;
  #watching = false;

  constructor(maker: PacketMaker) {
    this.#maker = maker;
  }

  /**
   * @param share whether there is anybody to share with: what one slow client reads is not kept
   * @returns the packet of the entry, made unless it is there
   */
  at(entry: EntryRecord, share: boolean): OutgoingPacket {
    this.#used = true;
    const { offset } = entry;
    const known = this.#packets.get(offset);
    if (known !== undefined) return known;
    const packet = this.#maker.packetOfStored(entry, offset);
    if (!share) return packet;
    this.#packets.set(offset, packet);
    this.#bytes += packet.size;
    for (let { oldest } = this.#packets; oldest !== undefined; oldest = this.#packets.oldest) {
      if (this.#bytes <= bytesMax) break;
      this.#bytes -= this.#packets.get(oldest)?.size ?? 0;
      this.#packets.delete(oldest);
    }
    this.#watch();
    return packet;
  }

  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#used = false;
    this.#maker.options.later(unusedMs, () => {
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
