/**
 * Broadcasts in namespaces that are not ours: those of npm socket.io, and the bare ones that unit tests of adapters
 * make up. Their clients take what npm socket.io-adapter hands out: the encoded parts, and how to send them.
 */
import type { OutgoingPacket } from "./delivery/outgoing-packet.ts";
import type { BroadcastFlags } from "./socket-types.ts";

/** How `writeToEngine` is to send; the names are those of npm socket.io-adapter. */
export interface WriteOptions {
  compress?: boolean | undefined;
  volatile?: boolean | undefined;
  preEncoded?: boolean | undefined;
  wsPreEncodedFrame?: unknown;
}

interface ForeignSocket<Packet> {
  notifyOutgoingListeners?(packet: Packet): void;
  readonly client: {
    writeToEngine(parts: readonly (string | Uint8Array)[], options: WriteOptions): void;
  };
}

/** What hands a packet to one socket. All of them get the same parts and options. */
export function foreignWriter<Packet>(
  packet: Packet,
  parts: readonly (string | Uint8Array)[],
  encoded: OutgoingPacket,
  flags: BroadcastFlags | undefined,
): (socket: ForeignSocket<Packet>) => void {
  const { volatile, compress } = flags ?? {};
  const options: WriteOptions = { preEncoded: true, volatile, compress };
  if (parts.length === 1 && typeof parts[0] === "string") {
    options.wsPreEncodedFrame = headerAndContent(encoded);
  }
  return (socket) => {
    socket.notifyOutgoingListeners?.(packet);
    socket.client.writeToEngine(parts, options);
  };
}

/** The frame of a text, in two as npm ws makes it. The content begins with the type of the Engine.IO packet. */
function headerAndContent(packet: OutgoingPacket): [Buffer, Buffer] {
  const frame = packet.frames();
  const start = frame.length - packet.textBytes().length - 1;
  return [frame.subarray(0, start), frame.subarray(start)];
}
