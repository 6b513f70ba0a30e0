/**
 * The lane of a namespace: the ordered pipeline between `emit` and the outboxes.
 *
 * Everything that is emitted passes through it, so that what must happen before sending has one
 * place. Here an entry is committed the moment it is appended; with a journal it will be committed
 * later, and what follows it for the same socket waits behind it.
 */
import type { OutgoingPacket } from "./outgoing-packet.ts";

/** Where a packet leaves the lane for one socket. */
export interface LaneReceiver {
  /** @param shared whether other sockets get the same packet object. */
  deliver(packet: OutgoingPacket, shared: boolean): void;
}

export interface Lane {
  /** Takes an entry for many. `release` runs when it is committed, in the order of the appends. */
  append<Entry>(entry: Entry, release: (entry: Entry) => void): void;
  /** Takes a packet for one socket that is not stored. It leaves behind all that was appended before for it. */
  follow(receiver: LaneReceiver, packet: OutgoingPacket): void;
}

/** Commits at once: the lane of a server without a store. */
export const directLane: Lane = {
  append(entry, release) {
    release(entry);
  },
  follow(receiver, packet) {
    receiver.deliver(packet, false);
  },
};
