/** Counting: what was published against what came in, and many trials into one cell of the table. */

export interface Tally {
  readonly events: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
  /** Connects after the first one, and of how many the client says `recovered`. */
  readonly reconnects: number;
  readonly recovered: number;
}

export interface Cell extends Tally {
  readonly trials: number;
  readonly trialsWithLoss: number;
}

/** `received` in the order of arrival; numbers that were not published (their fate is open) count for nothing. */
export function count(
  published: Iterable<number>,
  received: readonly number[],
): Pick<Tally, "events" | "lost" | "duplicated" | "outOfOrder"> {
  const wanted = new Set(published);
  const seen = new Set<number>();
  let duplicated = 0;
  let outOfOrder = 0;
  let highest = Number.NEGATIVE_INFINITY;
  for (const n of received) {
    if (seen.has(n)) duplicated++;
    else if (n < highest) outOfOrder++;
    seen.add(n);
    highest = Math.max(highest, n);
  }
  const lost = [...wanted].filter((n) => !seen.has(n)).length;
  return { events: wanted.size, lost, duplicated, outOfOrder };
}

export function sum(tallies: readonly Tally[]): Cell {
  const total = (pick: (tally: Tally) => number) => tallies.reduce((n, one) => n + pick(one), 0);
  return {
    trials: tallies.length,
    events: total(({ events }) => events),
    lost: total(({ lost }) => lost),
    duplicated: total(({ duplicated }) => duplicated),
    outOfOrder: total(({ outOfOrder }) => outOfOrder),
    trialsWithLoss: tallies.filter(({ lost }) => lost > 0).length,
    reconnects: total(({ reconnects }) => reconnects),
    recovered: total(({ recovered }) => recovered),
  };
}

/** The numbers from the first to the last. */
export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
