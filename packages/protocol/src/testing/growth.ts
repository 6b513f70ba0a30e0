/**
 * Whether work grows with the input or faster. Wall time says little on a busy machine; what says it is how the CPU time
 * of the process grows when the input doubles: linear work doubles, quadratic work takes four times as much.
 *
 * One doubling cannot tell them apart where CPU time itself is uncertain by half: the caches of a machine are shared.
 * Over several, linear work has to look three times as dear, and quadratic work less than half as dear, to be mistaken.
 */

const rounds = 5;
const sizesMax = 3;
const doublings = 3;

/** Below this a measurement is mostly of the clock. */
const measurableMicros = 2000;

/** What doubling the input may cost, on average. Not two: the collector of garbage works in the same process. */
export const growthMax = 3;

/**
 * Work that is not linear shows at any size, while the collector disturbs now this size, now that: so when the growth
 * is too much, larger sizes are tried.
 *
 * @returns by how much the CPU time grows with each doubling of the input, each time the best of five.
 */
export function growth(prepare: (size: number) => () => void, startSize: number): number {
  // So that what is compared is compiled code with compiled code.
  for (let i = 0; i < rounds; i++) prepare(startSize)();

  let size = startSize;
  while (cpuMicros(prepare(size)) < measurableMicros) size *= 2;
  let least = growthAt(prepare, size);
  for (let more = 1; more < sizesMax && least >= growthMax; more++) {
    size *= 2;
    least = Math.min(least, growthAt(prepare, size));
  }
  return least;
}

function growthAt(prepare: (size: number) => () => void, size: number): number {
  let best = Number.POSITIVE_INFINITY;
  let bestGrown = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    best = Math.min(best, cpuMicros(prepare(size)));
    bestGrown = Math.min(bestGrown, cpuMicros(prepare(size * 2 ** doublings)));
  }
  return (bestGrown / best) ** (1 / doublings);
}

function cpuMicros(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
