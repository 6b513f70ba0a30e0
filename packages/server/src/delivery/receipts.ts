/**
 * Receipts: every client answers each ping with a pong, in order, so the answer to a ping that was sent after
 * entries proves that its transport has them. That holds for unmodified clients in any language.
 *
 * One queue of the pings of a connection that are not answered yet, those of the heartbeat and those sent for a
 * receipt alike, each with what its answer will prove. An answer that nobody waits for proves nothing.
 */

import { Alarm, type TimerWheel } from "../host/timer-wheel.ts";
import { handedOver, type NotedBackfill } from "./backfill.ts";
import type { Delivery } from "./delivery.ts";

import type { Session } from "./session.ts";
import type { SessionLink } from "./session-link.ts";

/** Where a session stands on this connection. */
export interface Attached {
  readonly delivery: Delivery;
  readonly session: Session;
  readonly link: SessionLink;
}

export interface ReceiptOptions {
  /** Pings for receipts are at least this far apart, unless `turns` is reached. Asked for when one might be due. */
  intervalMs(): number;
  /** Turns with entries after which the next ping does not wait for the interval. */
  readonly turns: number;
}

export interface ReceiptConnection {
  /** Sends a ping behind all that waits. */
  ping(): void;
  /** Pings that were sent before anybody asked for receipts, and are not answered: their answers prove nothing. */
  readonly pingsUnanswered: number;
  /** The sessions that are on the connection now. */
  attached(): Iterable<Attached>;
  monotonicMs(): number;
  readonly counted: TurnCount;
}

/** Kept with the connection itself: the ledger is not at hand in the processor's caches, and would mostly just count. */
export interface TurnCount {
  /** So many turns with entries the ledger need not be told of: each takes one off. */
  quietTurns: number;
}

interface NotedPosition extends Attached {
  /** Everything up to here was handed to the connection before the ping. */
  readonly offset: number;
  /** The same of older entries of rooms that the session was owed. */
  readonly backfills: readonly NotedBackfill[];
}

interface Note {
  readonly heartbeat: boolean;
  readonly positions: readonly NotedPosition[];
  readonly answered: (() => void) | undefined;
}

/** So long a ping that is due waits for traffic: alone it is a write of its own. */
const companyMs = 100;

/** A client that answers no ping costs no more than so many notes. */
const inFlightMax = 256;

export class ReceiptLedger {
  readonly #connection: ReceiptConnection;
  readonly #wheel: TimerWheel;
  readonly #intervalMs: ReceiptOptions["intervalMs"];
  readonly #turns: number;
  readonly #outstanding: Note[] = [];
  #receiptsInFlight = 0;
  /** When the client answered last, by the monotonic clock. */
  answeredMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;
  #turnsSince = 0;
  readonly #counted: TurnCount;
  /** The turns that it need not be told of, as of when it said so. */
  #quietTurns = 0;
  /** A ping is due, and goes out with what comes next. */
  #awaitsCompany = false;
  /** One has gone out in the middle of this turn: it says nothing of what followed it. */
  #pingedWithin = false;
  /** When the end of such a turn was asked about. */
  #lastEndMs = Number.NEGATIVE_INFINITY;
  readonly #alarm: Alarm<ReceiptLedger>;

  constructor(connection: ReceiptConnection, wheel: TimerWheel, options: ReceiptOptions) {
    this.#connection = connection;
    this.#counted = connection.counted;
    this.#wheel = wheel;
    this.#intervalMs = options.intervalMs;
    this.#turns = options.turns;
    this.answeredMs = connection.monotonicMs();
    this.#alarm = new Alarm<ReceiptLedger>(this, receiptIsDue);
    for (let count = 0; count < connection.pingsUnanswered; count++) {
      this.#outstanding.push({ heartbeat: true, positions: [], answered: undefined });
    }
  }

  /** A turn has sent something that a receipt is wanted for. Of `quietTurns` of them it need not be told. */
  request(): void {
    this.#countQuiet();
    this.#turnsSince++;
    // What the first turn has set off, a ping or the alarm, is for the next ones, too.
    const pingedWithin = this.#pingedWithin;
    this.#pingedWithin = false;
    if (this.#awaitsCompany) {
      this.#ping(undefined);
    } else if (pingedWithin && this.#isEndDue()) {
      this.#lastEndMs = this.#connection.monotonicMs();
      this.#ping(undefined);
    } else if (this.#turnsSince === 1 || this.#turnsSince >= this.#turns) this.#pingIfDue(false);
    this.#beQuiet();
  }

  /** The turns that it was not told of count, too. */
  #countQuiet(): void {
    this.#turnsSince += this.#quietTurns - this.#counted.quietTurns;
    this.#quietTurns = 0;
    this.#counted.quietTurns = 0;
  }

  /** Until `turns` is reached, or something else happens, a turn with entries changes nothing but the count. */
  #beQuiet(): void {
    this.#countQuiet();
    const changes = this.#turnsSince === 0 || this.#awaitsCompany;
    this.#quietTurns = changes ? 0 : Math.max(0, this.#turns - this.#turnsSince - 1);
    this.#counted.quietTurns = this.#quietTurns;
  }

  /** So much is sent at once that the connection may end before the client has all of it. */
  requestNow(): void {
    if (this.#receiptsInFlight >= inFlightMax) return;
    this.#pingedWithin = true;
    this.#ping(undefined);
  }

  /** Later the end of the turn would be asked about alone: one who comes back gets a long turn, and then nothing. */
  #isEndDue(): boolean {
    const sinceMs = this.#connection.monotonicMs() - this.#lastEndMs;
    return this.#receiptsInFlight < inFlightMax && sinceMs >= this.#intervalMs();
  }

  /** @param alone whether nothing else goes out in this turn: under traffic the ping waits for company. */
  #pingIfDue(alone: boolean): void {
    if (this.#turnsSince === 0 || this.#receiptsInFlight > 0) return;
    const often = this.#turnsSince >= this.#turns;
    if (this.#alarm.armed && !often) return;
    const intervalMs = this.#intervalMs();
    if (!often && this.#connection.monotonicMs() - this.#lastMs < intervalMs) {
      this.#wheel.arm(this.#alarm, intervalMs);
    } else if (alone && this.#turnsSince > 1 && !this.#awaitsCompany) {
      this.#awaitsCompany = true;
      this.#wheel.arm(this.#alarm, companyMs);
    } else {
      this.#ping(undefined);
    }
  }

  /** @internal */
  due(): void {
    this.#countQuiet();
    this.#pingIfDue(true);
    this.#beQuiet();
  }

  #ping(answered: (() => void) | undefined): void {
    this.#countQuiet();
    this.#turnsSince = 0;
    if (this.#awaitsCompany) this.#wheel.disarm(this.#alarm);
    this.#awaitsCompany = false;
    this.#lastMs = this.#connection.monotonicMs();
    this.#receiptsInFlight++;
    this.#note(false, answered);
    this.#connection.ping();
  }

  #note(heartbeat: boolean, answered: (() => void) | undefined): void {
    const positions = [];
    for (const { delivery, session, link } of this.#connection.attached()) {
      delivery.beforePing(session, heartbeat);
      const offset = delivery.sentUpTo(session);
      positions.push({ delivery, session, link, offset, backfills: handedOver(session.backfills) });
    }
    this.#outstanding.push({ heartbeat, positions, answered });
  }

  /** A ping of the heartbeat goes out now. */
  heartbeatGoesOut(): void {
    this.#note(true, undefined);
  }

  /** An answer came, to the oldest ping that had none. */
  answered(): void {
    const note = this.#outstanding.shift();
    if (note === undefined) return;
    this.answeredMs = this.#connection.monotonicMs();
    for (const { delivery, session, link, offset, backfills } of note.positions) {
      // A session that has been taken over says nothing any more here.
      if (session.link !== link) continue;
      delivery.receipts.add(session, offset);
      delivery.receipts.addBackfills(session, backfills);
    }
    note.answered?.();
    if (note.heartbeat) return;
    this.#receiptsInFlight--;
    this.#countQuiet();
    this.#pingIfDue(true);
    this.#beQuiet();
  }

  /** Asks whether the client is there. @returns resolves with false when it has not answered in time */
  probe(waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const alarm = new Alarm<unknown>(undefined, () => resolve(false));
      this.#wheel.arm(alarm, waitMs);
      this.#ping(() => {
        this.#wheel.disarm(alarm);
        resolve(true);
      });
    });
  }

  /** The connection is gone. */
  stop(): void {
    this.#wheel.disarm(this.#alarm);
  }
}

function receiptIsDue(ledger: ReceiptLedger): void {
  ledger.due();
}
