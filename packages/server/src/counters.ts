/** What a server has left out, counted since it was made: `io.counters`. */
export interface ServerCounters {
  /** Volatile events that a client could not be given at once. One event counts once for each such client. */
  readonly volatileDropped: number;
  /** Transient events that were dropped for a client above `highWater`. One event counts once for each such client. */
  readonly transientDropped: number;
  /** Emits that had no effect, or one that is not known: each was told by "emit_refused", or on the console. */
  readonly emitsRefused: number;
}

export class Counters implements ServerCounters {
  volatileDropped = 0;
  transientDropped = 0;
  emitsRefused = 0;
}
