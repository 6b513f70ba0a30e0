/**
 * Entries that a client cannot take: whenever it gets one, its connection ends. Without this it would come back, get
 * it again, and never get anything else.
 *
 * An entry is suspected when the connection ends soon after it was sent and before any receipt of it. From then on it
 * is replayed alone, so that no other can be the cause; after so many times in a row it is set aside.
 */
import type { Session } from "./session.ts";

const soonMs = 1000;

const timesMax = 5;

/** The first entry that was sent on a connection and is not receipted. */
interface Sent {
  readonly offset: number;
  readonly sentMs: number;
}

export class Suspicion {
  #sent: Sent | undefined;
  #offset = 0;
  #times = 0;

  /** Whether the entry is to be replayed alone: what follows waits for its receipt. */
  isSuspect(offset: number): boolean {
    return this.#times > 0 && offset === this.#offset;
  }

  /** An entry was handed to the connection. */
  sent(session: Session, offset: number, monotonicMs: () => number): void {
    if (this.#sent !== undefined && this.#sent.offset > session.receipt) return;
    this.#sent = { offset, sentMs: monotonicMs() };
  }

  /** The connection has ended. @returns the offset of an entry that is to be set aside */
  ended(session: Session, nowMs: number): number | undefined {
    const sent = this.#sent;
    this.#sent = undefined;
    if (sent === undefined || sent.offset <= session.receipt || nowMs - sent.sentMs > soonMs) {
      this.#times = 0;
      return undefined;
    }
    this.#times = this.#offset === sent.offset ? this.#times + 1 : 1;
    this.#offset = sent.offset;
    if (this.#times < timesMax) return undefined;
    this.#times = 0;
    return sent.offset;
  }
}
