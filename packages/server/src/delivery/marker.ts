/** The packets by which clients learn where they are: `hf:position` and `hf:gap`. */
import type { OutgoingPacket } from "./outgoing-packet.ts";
import type { PositionCodec } from "./positions.ts";

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
  #latest:
    | { readonly epoch: string; readonly offset: number; readonly packet: OutgoingPacket }
    | undefined;

  constructor(codec: PositionCodec, encode: EncodeEvent) {
    this.#codec = codec;
    this.#encode = encode;
  }

  /** The marker of a position: the same packet for all who are there, so that they share its bytes. */
  at(epoch: string, offset: number): OutgoingPacket {
    const latest = this.#latest;
    if (latest?.offset === offset && latest.epoch === epoch) return latest.packet;
    const packet = this.#encode(positionEvent, this.#codec.encode("resume", { epoch, offset }));
    this.#latest = { epoch, offset, packet };
    return packet;
  }

  gap(gap: Gap): OutgoingPacket {
    return this.#encode(gapEvent, gap);
  }
}
