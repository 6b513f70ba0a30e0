/** When a session was in a room, or is owed what was said there. */

/** From after the first offset up to and with the second. Flat, two numbers each, oldest first. */
export type Intervals = number[];

export function pairsOf(intervals: Intervals = []): { after: number; upTo: number }[] {
  const pairs = [];
  for (let at = 0; at < intervals.length; at += 2) {
    pairs.push({ after: intervals[at] ?? 0, upTo: intervals[at + 1] ?? 0 });
  }
  return pairs;
}
