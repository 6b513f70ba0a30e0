/** The epochs of a stream: its lives so far, oldest first, the current one last. */
import type { Epoch } from "./journal.ts";

/**
 * So many are remembered, the latest. A position of an older one is judged as one of an epoch that nobody knows: its
 * client is told of a gap, so forgetting one is honest.
 */
export const epochsMax = 100;

/** @returns the epochs after the current one has ended and another has begun behind `start` */
export function nextEpochs(
  epochs: readonly Epoch[],
  { end, id, start }: { readonly end: number; readonly id: string; readonly start: number },
): Epoch[] {
  const ended = epochs.map((epoch) => (epoch.end === undefined ? { ...epoch, end } : epoch));
  return [...ended, { id, start, end: undefined }].slice(-epochsMax);
}
