/**
 * The end of sessions that nobody comes back to.
 *
 * How long one has been offline is told by a clock of its own: it begins at the wall clock's time when the server
 * starts, after the last of them went and not more than half of the time that sessions are kept after that, and goes
 * on as the monotonic clock does. So a wall clock that jumps ends no session before its time, and those who were
 * connected when the server ended count as the last that went, whatever it says.
 */
import type { Pieces } from "./delivery-options.ts";
import type { Session } from "./session.ts";
import type { SessionChange } from "./session-changes.ts";

export interface ExpiryOptions {
  /** How long an offline session is kept. */
  readonly keepMs: number;
  /** More sessions than this are not kept: those that went first end. */
  readonly sessionsMax: number;
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  readonly pieces: Pieces;
}

interface Sessions {
  readonly byKey: ReadonlyMap<string, Session>;
}

export class SessionExpiry {
  readonly #options: ExpiryOptions;
  readonly #sessions: Sessions;
  readonly #change: (change: SessionChange) => Promise<void>;
  #startMs: number;
  readonly #startMonotonicMs: number;

  constructor(
    options: ExpiryOptions,
    sessions: Sessions,
    change: (change: SessionChange) => Promise<void>,
  ) {
    this.#options = options;
    this.#sessions = sessions;
    this.#change = change;
    this.#startMs = options.wallMs();
    this.#startMonotonicMs = options.monotonicMs();
  }

  /** The sessions of an earlier run are known. */
  opened(): void {
    let latestMs = 0;
    for (const { offlineSinceMs } of this.#sessions.byKey.values()) {
      latestMs = Math.max(latestMs, offlineSinceMs ?? 0);
    }
    if (latestMs > 0) {
      const mostMs = latestMs + this.#options.keepMs / 2;
      this.#startMs = Math.min(Math.max(this.#startMs, latestMs + 1), mostMs);
    }
  }

  /** The time by which sessions go offline, in milliseconds. */
  nowMs(): number {
    return this.#startMs + this.#options.monotonicMs() - this.#startMonotonicMs;
  }

  /** Whether any session waits for its client. */
  get hasOffline(): boolean {
    for (const { link } of this.#sessions.byKey.values()) if (link === undefined) return true;
    return false;
  }

  /** How often to look. */
  get intervalMs(): number {
    return Math.min(Math.max(this.#options.keepMs / 4, 1000), 60_000);
  }

  /** Ends those whose time is up, so many in a turn, until it is `stopped`. */
  async sweep(stopped: () => boolean): Promise<void> {
    const { keepMs, pieces } = this.#options;
    const oldestMs = this.nowMs() - keepMs;
    const expired: Session[] = [];
    const refused: Session[] = [];
    const offline: Session[] = [];
    let others = 0;
    for (const session of this.#sessions.byKey.values()) {
      const { offlineSinceMs, link, end, ending, endRefused } = session;
      if (endRefused) refused.push(session);
      if (ending || end !== undefined) continue;
      if (link !== undefined || offlineSinceMs === undefined) others++;
      else if (offlineSinceMs <= oldestMs) expired.push(session);
      else offline.push(session);
    }
    const surplus = this.#wentFirst(offline, others + offline.length);
    const latestMs = surplus.at(-1)?.offlineSinceMs ?? oldestMs;
    let count = 0;
    for (const session of [...refused, ...expired, ...surplus]) {
      // Its client may have come back since, and gone again.
      const { link, ending, endRefused, offlineSinceMs = Number.POSITIVE_INFINITY } = session;
      const isOver = link === undefined && !ending && offlineSinceMs <= latestMs;
      if (isOver || endRefused) this.#end(session);
      if (++count % pieces.pieceOfWork !== 0) continue;
      await pieces.rest();
      if (stopped()) return;
    }
  }

  /** Those of them that are too many, of so many in all. */
  #wentFirst(offline: Session[], all: number): Session[] {
    const tooMany = all - this.#options.sessionsMax;
    if (tooMany <= 0) return [];
    offline.sort((a, b) => (a.offlineSinceMs ?? 0) - (b.offlineSinceMs ?? 0));
    return offline.slice(0, tooMany);
  }

  #end({ key }: Session): void {
    void this.#change({ type: "end", session: key });
  }
}
