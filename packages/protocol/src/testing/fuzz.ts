/** Runs a fuzzer: the corpus, then inputs of a grammar, as they are and spoiled, until there were enough. */
import { type Chunk, formatInput, readCorpus } from "./corpus.ts";
import { chooseSeed, Random } from "./random.ts";

/** They take seconds; this is for machines that do much else. */
export const fuzzTimeoutMs = 120_000;

export interface Fuzzer {
  /** Also the name of the file in corpus/. */
  readonly name: string;
  readonly inputCount: number;
  make(random: Random): Chunk[];
  mutate(random: Random, input: readonly Chunk[], other: readonly Chunk[]): Chunk[];
  /** @returns whether the decoder accepted the input. @throws when the decoder did what it must not. */
  check(input: readonly Chunk[]): boolean;
}

export interface FuzzResult {
  readonly inputs: number;
  readonly accepted: number;
}

export function fuzz(fuzzer: Fuzzer): FuzzResult {
  const seed = chooseSeed(`fuzz ${fuzzer.name}`);
  const random = new Random(seed);
  const corpus = readCorpus(fuzzer.name);
  let accepted = 0;
  let inputs = 0;
  const run = (input: readonly Chunk[]): void => {
    inputs++;
    if (checkInput(fuzzer, seed, input)) accepted++;
  };

  for (const input of corpus) run(input);
  let previous: readonly Chunk[] = corpus[0] ?? [];
  while (inputs < fuzzer.inputCount) {
    let input = random.once(8) ? random.pick(corpus) : fuzzer.make(random);
    // Half of them several times: one fault is often needed to reach the next.
    if (random.once(2)) {
      do input = fuzzer.mutate(random, input, previous);
      while (random.once(2));
    }
    run(input);
    previous = input;
  }
  return { inputs, accepted };
}

function checkInput(fuzzer: Fuzzer, seed: number, input: readonly Chunk[]): boolean {
  try {
    return fuzzer.check(input);
  } catch (cause) {
    throw new Error(`${fuzzer.name}, seed ${seed}, fails on ${formatInput(input)}`, { cause });
  }
}
