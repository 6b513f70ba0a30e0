/**
 * The default parser, in the shape that the `parser` option has: adapters and other packages use its
 * encoder, and may ask for its decoder. The server itself decodes without the emitter around it.
 */
import { EventEmitter } from "node:events";
import {
  encodeSocketPacket,
  PacketType,
  type Replacer,
  type SocketPacket,
  SocketPacketDecoder,
} from "@holdfast/protocol";

export interface PacketEncoder {
  /** @returns what is sent for the packet, in order: each becomes one Engine.IO message. */
  encode(packet: SocketPacket): (string | Uint8Array)[];
}

export interface PacketDecoder {
  on(event: "decoded", listener: (packet: SocketPacket) => void): unknown;
  /** Takes one Engine.IO message. @throws when it is none of the parser's */
  // biome-ignore lint/suspicious/noExplicitAny: parsers declare what they accept, each in its way
  add(data: any): void;
  destroy(): void;
}

/** The `parser` option: another encoding of packets, as in npm socket.io-msgpack-parser. */
export interface Parser {
  Encoder: new () => PacketEncoder;
  Decoder: new () => PacketDecoder;
}

export class Encoder implements PacketEncoder {
  readonly #replacer: Replacer | undefined;

  /** @param replacer as in JSON.stringify */
  constructor(replacer?: Replacer) {
    this.#replacer = replacer;
  }

  encode(packet: SocketPacket): (string | Uint8Array)[] {
    return encodeSocketPacket(packet, this.#replacer);
  }
}

export class Decoder extends EventEmitter implements PacketDecoder {
  readonly #decoder = new SocketPacketDecoder();

  add(data: string | Uint8Array): void {
    const packet = this.#decoder.add(data);
    if (packet !== undefined) this.emit("decoded", packet);
  }

  destroy(): void {
    this.#decoder.reset();
  }
}

export const defaultParser = { protocol: 5, PacketType, Encoder, Decoder };
