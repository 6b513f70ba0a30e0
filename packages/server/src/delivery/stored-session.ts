/** A session as a checkpoint of the journal has it. */
import { Session } from "./session.ts";
import type { Identity, StartGap } from "./session-changes.ts";

/** What a checkpoint keeps of a session. */
export interface StoredSession {
  readonly key: string;
  readonly pids: readonly string[];
  readonly socketIds: readonly string[];
  readonly identity?: Identity;
  readonly slot: number;
  readonly start: number;
  readonly data?: unknown;
  /** -1 stands for "still". */
  readonly memberships: readonly (readonly [string, readonly number[]])[];
  readonly receipt: number;
  readonly offlineSinceMs: number | null;
  readonly backfills?: readonly { room: string; next: number; until: number }[];
  readonly backfilled?: readonly (readonly [string, readonly number[]])[];
  readonly skipped?: readonly number[];
  readonly untold?: StartGap;
  readonly forgottenUpTo?: number;
}

export function storedSession(session: Session): StoredSession {
  const { key, pids, socketIds, identity, slot, start, data, receipt } = session;
  const { backfills, skipped, untold, forgottenUpTo } = session;
  return {
    key,
    pids,
    socketIds,
    ...(identity && { identity }),
    slot,
    start,
    data,
    memberships: [...session.memberships].map(([room, intervals]) => [
      room,
      intervals.map((offset) => (offset === Number.POSITIVE_INFINITY ? -1 : offset)),
    ]),
    receipt,
    offlineSinceMs: session.offlineSinceMs ?? null,
    ...(backfills && {
      backfills: backfills.map(({ room, next, until }) => ({ room, next, until })),
    }),
    ...(session.backfilled.size > 0 && { backfilled: [...session.backfilled] }),
    ...(skipped && { skipped: [...skipped] }),
    ...(untold && { untold }),
    forgottenUpTo,
  };
}

export function restoredSession(stored: StoredSession): Session {
  const [pid = ""] = stored.pids;
  const [socketId = ""] = stored.socketIds;
  const session = new Session(stored.key, pid, socketId, stored.identity, stored.slot);
  session.pids = [...stored.pids];
  session.socketIds = [...stored.socketIds];
  session.start = stored.start;
  session.data = stored.data;
  for (const [room, intervals] of stored.memberships) {
    const offsets = intervals.map((offset) => (offset === -1 ? Number.POSITIVE_INFINITY : offset));
    session.restoreMembership(room, offsets);
  }
  session.receipt = stored.receipt;
  session.storedReceipt = stored.receipt;
  session.offlineSinceMs = stored.offlineSinceMs ?? undefined;
  session.backfills = stored.backfills?.map((backfill) => ({ ...backfill, sent: backfill.next }));
  for (const [room, intervals] of stored.backfilled ?? []) {
    session.backfilled.set(room, [...intervals]);
  }
  if (stored.skipped !== undefined) session.skipped = new Set(stored.skipped);
  session.untold = stored.untold;
  session.forgottenUpTo = stored.forgottenUpTo ?? 0;
  return session;
}
