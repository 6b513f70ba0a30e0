/** The packets by which clients learn where they are: `hf:position` and `hf:gap`. */
import type { Epoch } from "@holdfast/journal";
import type { OutgoingPacket } from "./outgoing-packet.ts";
import { epochOf, noEpoch, type PositionCodec } from "./positions.ts";

/** Events of the server's own. Applications must not emit them. */
export const positionEvent = "hf:position";
export const gapEvent = "hf:gap";
export const drainingEvent = "hf:draining";

export type GapReason = "retention" | "reset" | "ahead" | "corrupt" | "session" | "skipped";

/** Events of a stretch that a session is not given. Positions as applications hold them. */
export interface Gap {
  readonly from: string | null;
  readonly to: string;
  readonly reason: GapReason;
}

/** Encodes one event of a namespace. */
export type EncodeEvent = (event: string, ...args: unknown[]) => OutgoingPacket;

export class Markers {
  readonly #codec: PositionCodec;
  readonly #encode: EncodeEvent;
  /** Where the last one was asked for: the same packet for all who are there, so that they share its bytes. */
  #offset = -1;
  #current: Epoch | undefined;
  #packet: OutgoingPacket | undefined;

  constructor(codec: PositionCodec, encode: EncodeEvent) {
    this.#codec = codec;
    this.#encode = encode;
  }

  /** The marker of a position. @param epochs those of the stream, the current one last */
  at(offset: number, epochs: readonly Epoch[]): OutgoingPacket {
    const current = epochs[epochs.length - 1] ?? noEpoch;
    if (this.#packet !== undefined && offset === this.#offset && current === this.#current) {
      return this.#packet;
    }
    const { id: epoch } = epochOf(offset, epochs, current);
    const packet = this.#encode(positionEvent, this.#codec.encode("resume", { epoch, offset }));
    this.#offset = offset;
    this.#current = current;
    this.#packet = packet;
    return packet;
  }

  gap(gap: Gap): OutgoingPacket {
    return this.#encode(gapEvent, gap);
  }
}
