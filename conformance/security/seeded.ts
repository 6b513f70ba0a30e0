/** Chance that comes out the same in every run. */
export function seeded(seed: number): {
  below(max: number): number;
  pick<T>(list: readonly T[]): T;
} {
  let state = seed;
  const below = (max: number): number => {
    // Numerical Recipes' linear congruential generator; its high bits are the good ones.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * max);
  };
  return {
    below,
    pick(list) {
      const item = list[below(list.length)];
      if (item === undefined) throw new Error("nothing to pick from");
      return item;
    },
  };
}
