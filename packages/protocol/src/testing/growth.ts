/**
 * Whether work grows with the input or faster. Wall time says little on a busy machine; what says it is how the CPU time
 * of the process grows when the input doubles: linear work doubles, quadratic work takes four times as much.
 */

const rounds = 5;
const sizesMax = 3;

/** Below this a measurement is mostly of the clock. */
const measurableMicros = 4000;

/** What doubling the input may cost. Not two: the collector of garbage works in the same process. */
export const growthMax = 3;

/**
 * Work that is not linear shows at any size, while the collector disturbs now this size, now that: so when the growth
 * is too much, larger sizes are tried.
 *
 * @returns the CPU time for twice the input divided by that for the input, each the best of five.
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
  let bestTwice = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    best = Math.min(best, cpuMicros(prepare(size)));
    bestTwice = Math.min(bestTwice, cpuMicros(prepare(size * 2)));
  }
  return bestTwice / best;
}

function cpuMicros(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
