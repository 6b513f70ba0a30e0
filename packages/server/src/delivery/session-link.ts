/** What a session has while it is connected: where its packets go, and those that wait for their place. */
import type { PacketRun } from "./outbox.ts";
import type { OutgoingPacket } from "./outgoing-packet.ts";
import type { Session } from "./session.ts";

/** The connected end of a session. */
export interface SessionLink {
  /** Puts a packet into the outbox of the connection. */
  deliver(packet: OutgoingPacket, shared: boolean): void;
  /** Puts packets that others get, too, into the outbox. */
  deliverAll(run: PacketRun): void;
  /** What waits to be sent on this connection, in bytes. */
  readonly unsentBytes: number;
  /** What of it has not been handed to the network. */
  readonly outboxBytes: number;
  /** Whether a packet of so many bytes leaves it below the high-water mark, or would wait alone. */
  hasRoom(bytes: number): boolean;
  /** Whether a packet would leave at once. */
  readonly writable: boolean;
  /** Has delivery told before what this turn of the event loop has brought is written: `flushes`. Call it once per turn. */
  awaitFlush(): void;
  /** The session on the connection that was handed what its client may be unable to take: the others wait. */
  suspected: Session | undefined;
  /** The sessions on the connection go on. */
  drained(): void;
  /** Has the session told when the connection can take more. */
  awaitDrain(): void;
  /** Whether there ever is a proof that what has been delivered arrived. */
  readonly confirms: boolean;
  /** Asks for a proof that what has been delivered arrived. */
  requestReceipt(): void;
  /** Asks at once, whatever was asked for before and is not answered. */
  requestReceiptNow(): void;
  /** Registers who gets the client's answer to the packet with this id. */
  awaitAck(id: number, ack: (...args: unknown[]) => void): void;
  /** More waits than may: ends the connection. The session comes back. */
  overflow(detail: string): void;
}

/** A packet, or an act, that is not in the journal and keeps its place among what is. */
export interface HeldPacket {
  readonly packet: OutgoingPacket | undefined;
  readonly shared: boolean;
  /** Dropped, and counted, rather than exceed the high-water mark. */
  readonly transient: boolean;
  /** Whether its last argument is a string, which a stock client takes for its position. */
  readonly misleading: boolean;
  readonly act: (() => void) | undefined;
}
