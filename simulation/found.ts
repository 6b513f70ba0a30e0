/**
 * Seeds that break a promise and are not understood yet: open bugs of the server or of the oracle, each to be taken out
 * with its fix. `node simulation/run.mjs --seed N --shrink` shows one. Most are of one kind (I9): a client that comes back
 * behind its receipt is given again what its transport has confirmed.
 */
export const openSeeds: readonly { readonly seed: number; readonly invariant: string }[] = [
  { seed: 1429, invariant: "I9 no repeats" },
  { seed: 2270, invariant: "I9 no repeats" },
  { seed: 9008, invariant: "I9 no repeats" },
  { seed: 9585, invariant: "I9 no repeats" },
  { seed: 9729, invariant: "I9 no repeats" },
  { seed: 9781, invariant: "I9 no repeats" },
  { seed: 11457, invariant: "I9 no repeats" },
  { seed: 12085, invariant: "I20 isolation" },
  { seed: 12091, invariant: "I10 honest gap" },
  { seed: 12312, invariant: "I9 no repeats" },
  { seed: 12325, invariant: "I9 no repeats" },
  { seed: 12856, invariant: "I10 honest gap" },
  { seed: 14484, invariant: "I9 no repeats" },
  { seed: 16995, invariant: "I9 no repeats" },
  { seed: 17471, invariant: "I9 no repeats" },
  { seed: 17855, invariant: "I9 no repeats" },
];
