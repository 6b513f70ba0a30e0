/** What a session has missed, when it is little, and in memory. */
import { recentMax } from "./catch-up.ts";
import type { Delivery } from "./delivery.ts";
import type { LaneEntry } from "./lane-records.ts";
import type { Session } from "./session.ts";

/** What goes into one payload with CONNECT, whatever else there is for it. */
const replayFirstBytes = 32 * 1024;

/**
 * How many packets a session has missed that can be handed over at once; undefined when they cannot, or are large.
 * A packet with attachments counts as so many.
 */
export function missedInMemory({ recent, head }: Delivery, session: Session): number | undefined {
  if (!recent.covers(session.position) || session.backfills !== undefined) return undefined;
  if (head - session.position > recentMax) return undefined;
  const wants = (entry: LaneEntry) => session.receives(entry);
  return recent.countPacketsAfter(session.position, wants, replayFirstBytes);
}
