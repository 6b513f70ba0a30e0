/** Engine.IO protocol 4 and Socket.IO protocol 5: bytes in, values out. No I/O, no timers, no dependency. */

export { encodeHandshake, type Handshake } from "./engine.io/handshake.ts";
export {
  decodePacket,
  type EnginePacket,
  type EnginePacketType,
  encodePacket,
  encodePacketAsText,
} from "./engine.io/packet.ts";
export { decodePayload, encodePayload } from "./engine.io/payload.ts";
export {
  encodeWebTransportFrame,
  WebTransportFrameDecoder,
} from "./engine.io/webtransport-frame.ts";
export { ProtocolError, type ProtocolErrorCode, protocolErrors } from "./errors.ts";
export { hasBinary } from "./socket.io/binary.ts";
export { SocketPacketDecoder, type SocketPacketDecoderOptions } from "./socket.io/decode.ts";
export { encodeSocketPacket, type Replacer } from "./socket.io/encode.ts";
export {
  isReservedEventName,
  PacketType,
  reservedEventNames,
  type SocketPacket,
} from "./socket.io/packet.ts";
