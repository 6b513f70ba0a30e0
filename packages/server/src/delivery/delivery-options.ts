/** What delivery needs of the server around it, and what can be set. */
import type { LaneEntry } from "./lane-records.ts";
import type { EncodeEvent } from "./marker.ts";
import type { OnceLimits } from "./once-table.ts";
import type { Session } from "./session.ts";
import type { ExpiryOptions } from "./session-expiry.ts";

export type OffsetMode = "event" | "argument" | "none";

/** How work is done that takes long: so many sessions, and a rest. */
export interface Pieces {
  readonly pieceOfWork: number;
  rest(): Promise<void>;
}

export interface DeliveryOptions {
  /** The namespace. */
  readonly name: string;
  readonly offsets: OffsetMode;
  /** Unsent bytes of a connection above which its session reads from the journal instead. */
  readonly highWaterBytes: number;
  /** Answers of handlers with `once` that are kept. */
  readonly replies: OnceLimits;
  /** Pages that are read at once for sessions that catch up. */
  readonly readsMax: number;
  readonly encode: EncodeEvent;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  readonly expiry: Pick<ExpiryOptions, "keepMs" | "sessionsMax">;
  /** A session may have gone offline. */
  readonly wentOffline: () => void;
  /** An entry is not given to a session any more. */
  readonly skipped: (session: Session, offset: number) => void;
  /** Runs `run` after `delayMs`, once. */
  readonly later: (delayMs: number, run: () => void) => void;
  /** Runs `run` when whatever else there is to do has had its turn. */
  readonly afterTurn: (run: () => void) => void;
  readonly pieces: Pieces;
  readonly counters: { volatileDropped: number; transientDropped: number };
  /** An emit that was not awaited had no effect. */
  readonly refused: (entry: LaneEntry, error: Error & { readonly code: string }) => void;
}
