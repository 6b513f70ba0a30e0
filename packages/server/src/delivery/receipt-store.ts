/** Receipts on their way into the journal: stored together, once in a while, for they come with every turn. */
import type { NotedBackfill } from "./backfill.ts";
import type { Session } from "./session.ts";
import type { ArrivedBackfill, SessionChange } from "./session-changes.ts";

const intervalMs = 1000;
/** A record may be no longer than an entry. */
const backfillsInRecord = 250;

/** Where changes of sessions go. */
interface Changes {
  change(change: SessionChange): Promise<void>;
}

export class ReceiptStore {
  readonly #changes: Changes;
  readonly #later: (delayMs: number, run: () => void) => void;
  /** Whoever waits for a receipt goes on. */
  readonly #arrived: (session: Session) => void;
  readonly #due = new Set<Session>();
  #scheduled = false;

  constructor(
    changes: Changes,
    later: (delayMs: number, run: () => void) => void,
    arrived: (session: Session) => void,
  ) {
    this.#changes = changes;
    this.#later = later;
    this.#arrived = arrived;
  }

  /** The transport of a client is known to have everything up to `offset`. */
  add(session: Session, offset: number): void {
    // What it had missed was told before anything else on its connection.
    session.untold = undefined;
    if (offset <= session.receipt) return;
    session.receipt = offset;
    this.#arrived(session);
    this.#due.add(session);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#later(intervalMs, () => this.store());
  }

  /** The same of older entries of rooms that the session is owed. */
  addBackfills(session: Session, noted: readonly NotedBackfill[]): void {
    const arrived: ArrivedBackfill[] = [];
    for (const { backfill, sent } of noted) {
      if (sent <= backfill.next) continue;
      backfill.next = sent;
      arrived.push([backfill.room, sent, backfill.until]);
    }
    for (let at = 0; at < arrived.length; at += backfillsInRecord) {
      const some = arrived.slice(at, at + backfillsInRecord);
      void this.#changes.change({ type: "backfills", session: session.key, arrived: some });
    }
  }

  /** Stores what has come since the last time. */
  store(): void {
    this.#scheduled = false;
    const receipts: [string, number][] = [];
    for (const session of this.#due) {
      if (session.end === undefined && session.receipt > session.storedReceipt) {
        receipts.push([session.key, session.receipt]);
      }
    }
    this.#due.clear();
    if (receipts.length > 0) void this.#changes.change({ type: "receipts", receipts });
  }
}
