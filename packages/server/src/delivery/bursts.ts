/** The parts that a long turn is sent in. */

/**
 * After so many bytes of one turn, or events (long-polling may carry few at a time), a client is told how far it is, and
 * asked for a receipt. If its link always broke before it had them, it would begin at the same place for ever.
 */
const burstBytesMax = 16 * 1024;
export const burstEventsMax = 64;
/** And not less often than this part of what may wait for it. */
const burstsWaiting = 32;

/** What a client is sent in one turn until it is told how far it is, in bytes. */
export function burstOf(highWaterBytes: number): number {
  return Math.min(burstBytesMax, highWaterBytes / burstsWaiting);
}
