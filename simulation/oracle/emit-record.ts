/** One call of the application that sends something, numbered in the order of all calls. */

/**
 * stored: in the journal, if there is one. ordered: not stored, but in order, on the connection of the moment
 * (transient events, events with a callback, answers). volatile: may be dropped, and may overtake.
 */
export type EmitKind = "stored" | "transient" | "direct" | "reply" | "volatile";

/** lost: it was under way when the process was killed, and is not in the journal. */
export type Fate = "pending" | "committed" | "refused" | "lost";

export interface EmitRecord {
  readonly n: number;
  readonly namespace: string;
  readonly kind: EmitKind;
  readonly tick: number;
  /** Whether it is for everybody, or everybody but some. */
  readonly toAll: boolean;
  /** Whether it has a time to live: then nobody is owed it. */
  readonly perishable: boolean;
  fate: Fate;
  offset: number;
  /** It was published before, and perhaps acknowledged. */
  published: boolean;
  acknowledged: boolean;
}
