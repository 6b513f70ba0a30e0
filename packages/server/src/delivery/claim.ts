/**
 * What a client brings back from before: its private id and its position, and what of it counts.
 *
 * A position counts only beside a pid of the session that was found, and never as earlier than that session's
 * start. It is believed also when a receipt is newer: the client knows best what it handled. Whatever is not
 * genuine is as good as absent; what is genuine and cannot be had any more is a gap, and is told.
 */
import type { Epoch } from "@holdfast/journal";
import { beginEpochAfterLoss } from "./application-position.ts";
import type { Delivery } from "./delivery.ts";
import type { GapReason } from "./marker.ts";
import type { Session } from "./session.ts";

/** Events after `from` (undefined: not known) up to `to` that cannot be had. */
export interface ClaimedGap {
  readonly from: number | undefined;
  readonly to: number;
  readonly reason: GapReason;
}

export interface Claim {
  /** The session that the client names. Undefined when there is none, or none any more. */
  readonly session: Session | undefined;
  /** Where the session goes on. */
  readonly from: number;
  readonly gap: ClaimedGap | undefined;
  /** The pid that the client came with, when its session was found. */
  readonly pid: string | undefined;
  /** The pid came from a page that kept it, not from a client that has a connection's memory. */
  readonly saved: boolean;
}

/** Where a session that was found goes on. */
type Continuation = Pick<Claim, "session" | "from" | "gap">;

const nothing: Claim = {
  session: undefined,
  from: 0,
  gap: undefined,
  pid: undefined,
  saved: false,
};

/** @param auth what the client sent with CONNECT */
export function readClaim(delivery: Delivery, auth: Readonly<Record<string, unknown>>): Claim {
  if (auth["pid"] !== undefined) return claimOf(delivery, auth["pid"], auth["offset"], false);
  const saved: unknown = auth["hf"];
  if (typeof saved !== "object" || saved === null) return nothing;
  const { pid, position } = saved as Readonly<Record<string, unknown>>;
  return claimOf(delivery, pid, position, true);
}

function claimOf(delivery: Delivery, pid: unknown, text: unknown, saved: boolean): Claim {
  if (typeof pid !== "string") return nothing;
  const session = delivery.sessions.byPid(pid);
  const position = delivery.positions.decode("resume", text);
  if (session === undefined || session.ending) {
    if (!delivery.pids.isGenuine(pid)) return nothing;
    const from = position?.offset;
    const gap: ClaimedGap = { from, to: delivery.head, reason: "session" };
    return { session: undefined, from: delivery.head, gap, pid: undefined, saved };
  }
  const found = { pid, saved };
  if (position === undefined) {
    return { ...continuing(delivery, session, session.receipt), ...found };
  }
  const known = delivery.stream?.epochs.find(({ id }) => id === position.epoch);
  const { head } = delivery;
  if (known === undefined || position.offset > (known.end ?? head)) {
    return { ...beyond(delivery, session, position.offset, known), ...found };
  }
  if (position.offset < session.start) {
    // It has not been told yet that it lost the session before this one.
    const gap: ClaimedGap = { from: position.offset, to: session.start, reason: "session" };
    return { session, from: session.start, gap, ...found };
  }
  // It was given a position only when it had been told what it missed before the session began.
  session.untold = undefined;
  return { ...continuing(delivery, session, position.offset), ...found };
}

/** A position past what was kept of its epoch: what the client has may be more than the stream. */
function beyond(
  delivery: Delivery,
  session: Session,
  offset: number,
  epoch: Epoch | undefined,
): Continuation {
  const { head } = delivery;
  if (epoch !== undefined && epoch.end === undefined) {
    beginEpochAfterLoss(delivery);
    return { session, from: head, gap: { from: head, to: head, reason: "ahead" } };
  }
  if (epoch?.end !== undefined) {
    const from = Math.max(epoch.end, session.start);
    return { session, from, gap: { from, to: from, reason: "reset" } };
  }
  const { start, forgottenUpTo } = session;
  const from = Math.max(Math.min(offset, sharedUpTo(delivery, session)), start, forgottenUpTo);
  return { session, from, gap: { from: undefined, to: from, reason: "reset" } };
}

/**
 * Up to where a stream is, at least, what a client of an unknown epoch has seen: two copies of a store part where one of
 * them was opened, an epoch's end or the last opening, and what the session has a receipt of is in both.
 */
function sharedUpTo(delivery: Delivery, { receipt }: Session): number {
  const { epochs = [], openedAt = 0 } = delivery.stream ?? {};
  const parted = epochs.find(({ end }) => end !== undefined && end >= receipt);
  return Math.min(parted?.end ?? openedAt, openedAt);
}

/** From a position on; the session's receipt when it brought none. */
export function continuing(delivery: Delivery, session: Session, position: number): Continuation {
  const { start, untold } = session;
  if (untold !== undefined) {
    return { session, from: start, gap: { from: untold.from, to: start, reason: untold.reason } };
  }
  const from = Math.max(position, start);
  // Without the rooms that it was in, an entry that is kept is not known to be for it.
  const kept = Math.max((delivery.stream?.tail ?? 1) - 1, session.forgottenUpTo);
  if (from >= kept) return { session, from, gap: undefined };
  return { session, from: kept, gap: { from, to: kept, reason: "retention" } };
}
