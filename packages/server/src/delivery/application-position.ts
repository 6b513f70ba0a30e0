/**
 * The positions that an application gets from `publish`, `history` and `room.position()`, when it gives them back: where
 * the stream goes on from there, and what was lost in between.
 */
import createDebug from "debug";
import type { Delivery } from "./delivery.ts";

const debug = createDebug("holdfast:delivery");

/** Entries after `from` up to `to` that were committed and are gone. */
export interface LostEntries {
  readonly from: number;
  readonly to: number;
  /** reset: the position is past the end of its epoch. ahead: it shows only now that there was more. */
  readonly reason: "reset" | "ahead";
}

export interface ResolvedPosition {
  /** Up to here the stream has what the position stands for. */
  readonly offset: number;
  readonly lost: LostEntries | undefined;
}

/** @returns undefined for what is no position of this namespace */
export function resolvePosition(delivery: Delivery, text: unknown): ResolvedPosition | undefined {
  const position = delivery.positions.decode("application", text);
  const epochs = delivery.stream?.epochs ?? [];
  const index = epochs.findIndex(({ id }) => id === position?.epoch);
  const epoch = epochs[index];
  if (position === undefined) return undefined;
  if (epoch === undefined) return ofUnknownEpoch(delivery, position.offset);
  const end = epoch.end ?? delivery.head;
  if (position.offset <= end) return { offset: position.offset, lost: undefined };
  const next = epochs[index + 1];
  if (next === undefined) {
    beginEpochAfterLoss(delivery);
    return { offset: end, lost: { from: end, to: end, reason: "ahead" } };
  }
  return { offset: end, lost: { from: end, to: Math.max(end, next.start), reason: "reset" } };
}

/**
 * Another copy of the store has given it, or so many epochs ago that this one has forgotten it. Where the copies parted is
 * not known: where one of them was opened. What came after the last opening, or after the position, is given.
 */
function ofUnknownEpoch({ stream }: Delivery, offset: number): ResolvedPosition {
  const { epochs = [], openedAt = 0 } = stream ?? {};
  const to = Math.min(offset, openedAt);
  const from = Math.min(to, epochs[0]?.end ?? openedAt);
  return { offset: to, lost: { from, to, reason: "reset" } };
}

/** The epochs that are about to end. */
const ending = new WeakMap<Delivery, string>();

/**
 * A genuine position is ahead of all that is there: only this stream can have made it, so committed entries were lost. A
 * new epoch begins before its offset is given out again, to something else.
 */
export function beginEpochAfterLoss(delivery: Delivery): void {
  const { stream, epoch, head } = delivery;
  // One is enough, however many come with such a position until it is committed.
  if (stream === undefined || ending.get(delivery) === epoch.id) return;
  ending.set(delivery, epoch.id);
  stream.beginEpoch(head).catch((error: unknown) => {
    ending.delete(delivery);
    debug("%s: no new epoch: %s", delivery.options.name, error);
  });
}
