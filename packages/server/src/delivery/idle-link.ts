/** For tests: the connected end of a session that takes everything, and does nothing. */
import type { SessionLink } from "./session-link.ts";

export function idleLink(other: Partial<SessionLink> = {}): SessionLink {
  return {
    deliver() {},
    deliverAll() {},
    unsentBytes: 0,
    outboxBytes: 0,
    suspected: undefined,
    drained() {},
    confirms: true,
    hasRoom: () => true,
    writable: true,
    awaitFlush() {},
    awaitDrain() {},
    requestReceipt() {},
    requestReceiptNow() {},
    awaitAck() {},
    overflow() {},
    ...other,
  };
}
