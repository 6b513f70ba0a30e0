/**
 * Entries that a client cannot take: whenever it gets one, its connection ends. Without this it would come back, get
 * it again, and never get anything else.
 *
 * An entry is suspected when the connection ends soon after it was sent and before any receipt of it. From then on it
 * is replayed alone, so that no other can be the cause, nor one of another namespace on the connection; after so many
 * times in a row it is set aside.
 */
import type { Session } from "./session.ts";
import type { SessionLink } from "./session-link.ts";

const soonMs = 1000;

const timesMax = 5;

export class Suspicion {
  /** Of the session's unconfirmed entry: its size, and when it was sent. */
  #sentBytes = 0;
  #sentMs = 0;
  /** The entry on which the connection ended the last time, and how often in a row. Suspected as long as that is not 0. */
  #offset = 0;
  #times = 0;

  /** The entry was handed to the connection, and there is a receipt of all before it. */
  sent(session: Session, offset: number, bytes: number, nowMs: number): void {
    session.unconfirmed = offset;
    this.#sentBytes = bytes;
    this.#sentMs = Math.floor(nowMs);
  }

  /**
   * The connection has ended.
   *
   * @param asked whether the client asked for it: one that chokes does not
   * @returns the offset of an entry that is to be set aside
   */
  ended(session: Session, nowMs: number, asked: boolean): number | undefined {
    const offset = session.unconfirmed;
    session.unconfirmed = -1;
    // Nothing would ever clear it: it would wait alone for ever.
    if (session.link?.confirms === false) return undefined;
    // A page that goes before its first poll did not choke on what waited for it.
    const outboxBytes = session.link?.outboxBytes ?? 0;
    const innocent = asked || outboxBytes >= this.#sentBytes;
    if (innocent && offset === session.suspect) return undefined;
    session.suspect = -1;
    if (offset <= session.receipt || nowMs - this.#sentMs > soonMs) {
      this.#times = 0;
      return undefined;
    }
    this.#times = this.#offset === offset ? this.#times + 1 : 1;
    this.#offset = offset;
    if (this.#times >= timesMax) {
      this.#times = 0;
      return offset;
    }
    session.suspect = offset;
    return undefined;
  }
}

/** Whether the entry that is suspected is on its way, and no receipt of it has come. */
export function awaitsSuspect({ unconfirmed, suspect, receipt }: Session): boolean {
  return suspect === unconfirmed && unconfirmed > receipt;
}

/** Whether nothing more may be sent to a session until what is suspected, there or in another namespace, has arrived. */
export function waitsForReceipt(session: Session, link: SessionLink): boolean {
  const { position, receipt, suspect } = session;
  const { suspected = session } = link;
  const waitsForItsOwn = receipt < position && suspect === position;
  if (!waitsForItsOwn && suspected === session) return false;
  link.requestReceipt();
  return true;
}

/** Something has arrived, or the session leaves its connection: if the others there waited for that, they go on. */
export function releaseOthers(session: Session): void {
  const { link } = session;
  if (link?.suspected !== session) return;
  link.suspected = undefined;
  // Not within what ends a connection.
  process.nextTick(() => link.drained());
}
