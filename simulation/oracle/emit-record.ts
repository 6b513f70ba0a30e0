/** One call of the application that sends something, numbered in the order of all calls. */

import type { SessionModel } from "./session-model.ts";

/**
 * stored: in the journal, if there is one. ordered: not stored, but in order, on the connection of the moment
 * (transient events, events with a callback, answers). volatile: may be dropped, and may overtake.
 */
export type EmitKind = "stored" | "transient" | "direct" | "reply" | "volatile";

/**
 * lost: it was under way when the process was killed, and is not in the journal. unknown: the store failed while it was
 * under way; it may be found in the journal later.
 */
export type Fate = "pending" | "committed" | "refused" | "lost" | "unknown";

/** Whom an emit is for. Rooms by name; the ids of sockets are rooms, too. */
export interface Recipients {
  /** None: everybody. */
  readonly rooms: readonly string[];
  readonly except: readonly string[];
  /** Only this session, or everybody but it. */
  readonly only?: SessionModel | undefined;
  readonly notTo?: SessionModel | undefined;
}

export interface EmitRecord {
  readonly n: number;
  readonly namespace: string;
  readonly kind: EmitKind;
  readonly tick: number;
  /** Whether it is for everybody, or everybody but some. */
  readonly toAll: boolean;
  readonly to: Recipients;
  /** When its time to live is over, by the clock on the wall. */
  readonly expiresMs: number | undefined;
  /** That clock has said so: nobody is owed it any more. */
  expired: boolean;
  fate: Fate;
  offset: number;
  /** It was published before, and perhaps acknowledged. */
  published: boolean;
  acknowledged: boolean;
}
