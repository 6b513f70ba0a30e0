/** Receipts on their way into the journal: stored together, once in a while, for they come with every turn. */
import type { Backfill, Session } from "./session.ts";
import type { SessionChange } from "./session-changes.ts";

const intervalMs = 1000;

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

  /** The same of older entries of a room that the session is owed. */
  addBackfill(session: Session, backfill: Backfill, sent: number): void {
    if (sent <= backfill.next) return;
    backfill.next = sent;
    const { room, until } = backfill;
    void this.#changes.change({ type: "backfill", session: session.key, room, next: sent, until });
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
