/** Older entries of rooms that are owed to a session which joined them, and what of them has arrived. */
import type { ArrivedBackfill } from "./session-changes.ts";

/** Those of one room after `next`, up to `until`. */
export interface Backfill {
  readonly room: string;
  /** Up to here they are known to have arrived. */
  next: number;
  readonly until: number;
  /** Up to here they have been handed to the connection. */
  sent: number;
}

/** Up to where they had been handed to the connection at some time. */
export interface NotedBackfill {
  readonly backfill: Backfill;
  readonly sent: number;
}

const nothing: readonly NotedBackfill[] = [];

/** All of them: of a client that joins many rooms at once each receipt confirms what it has of any. */
export function handedOver(backfills: readonly Backfill[] | undefined): readonly NotedBackfill[] {
  if (backfills === undefined) return nothing;
  const noted: NotedBackfill[] = [];
  for (const backfill of backfills) {
    const { sent, next } = backfill;
    if (sent > next) noted.push({ backfill, sent });
  }
  return noted;
}

/** @returns what is owed after that */
export function stillOwed(
  backfills: readonly Backfill[] | undefined,
  arrived: readonly ArrivedBackfill[],
): Backfill[] | undefined {
  const nextOf = new Map(arrived.map(([room, next, until]) => [`${until} ${room}`, next]));
  const owed = backfills?.filter((backfill) => {
    const next = nextOf.get(`${backfill.until} ${backfill.room}`) ?? 0;
    backfill.next = Math.max(backfill.next, next);
    backfill.sent = Math.max(backfill.sent, next);
    return backfill.next < backfill.until;
  });
  return owed?.length === 0 ? undefined : owed;
}
