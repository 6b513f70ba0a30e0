/** The epochs of a stream: its lives so far, oldest first, the current one last. */
import type { Epoch } from "./journal.ts";
import type { Random } from "./random.ts";

/** So many of a stream, and of all streams together, are remembered; of each at least so many. */
const mostOfOne = 1_000;
const mostOfAll = 20_000;
const leastOfOne = 10;

/**
 * How many epochs of each stream are remembered, the latest: a segment begins with those of all streams. A position of an
 * older one is judged as one of an epoch that nobody knows: its client is told of a gap, so forgetting one is honest.
 */
export function epochsMax(streams: number): number {
  return Math.max(leastOfOne, Math.min(mostOfOne, Math.floor(mostOfAll / Math.max(1, streams))));
}

export function newEpochId(random: Random): string {
  return Buffer.from(random.bytes(12)).toString("base64url");
}

/** @returns the epochs after the current one has ended at `end` and another has begun behind `start`; none ends later */
export function nextEpochs(
  epochs: readonly Epoch[],
  next: { readonly end: number; readonly id: string; readonly start: number },
  most: number,
): Epoch[] {
  const { end, id, start } = next;
  const ended = epochs.map((epoch) =>
    epoch.end !== undefined && epoch.end <= end ? epoch : { ...epoch, end },
  );
  return [...ended, { id, start, end: undefined }].slice(-most);
}
