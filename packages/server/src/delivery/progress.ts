/** How far a session has come since it began to catch up. */
import type { Gap } from "./marker.ts";

/** What has been found for a session since it began to catch up. */
export interface Progress {
  /** Entries that were handed over. */
  missed: number;
  /** Entries whose time to live has passed. */
  expired: number;
  readonly gaps: Gap[];
  /** Called once, when the session is live. */
  caughtUp: (() => void) | undefined;
}
