/** The options of `bench/run.mjs`. */
import { parseArgs } from "node:util";
import { workloads } from "../workloads/all.ts";
import type { Workload } from "../workloads/workload.ts";
import { isPeerName, type PeerName, peerNames } from "./peers.ts";

export const usage = `node bench/run.mjs [options]
  --quick            one short repetition of everything (under 2 minutes)
  --only W1,W2       only these workloads: ${workloads.map(({ id }) => id).join(", ")}
  --peers holdfast   only these peers: ${peerNames.join(", ")}
  --reps 11          interleaved repetitions
  --check            exit 1 when a floor does not hold
  --write            write bench/results/latest.* even if the run was not the full one`;

/** What every run is told. */
export interface CommonSettings {
  readonly quick: boolean;
  readonly check: boolean;
  readonly write: boolean;
  readonly repetitions: number;
  /** Everything, often enough: the only kind of run whose table is kept. */
  readonly full: boolean;
}

export interface Settings extends CommonSettings {
  readonly workloads: readonly Workload[];
  readonly peers: readonly PeerName[];
}

const fullRepetitions = 11;

/** What every run can be told. */
export const commonOptions = {
  quick: { type: "boolean", default: false },
  check: { type: "boolean", default: false },
  write: { type: "boolean", default: false },
  only: { type: "string" },
  reps: { type: "string" },
} as const;

/** How often everything is measured: as `--reps` says, else once for a quick run. */
export function repetitionsOf(reps: string | undefined, quick: boolean, full: number): number {
  return reps === undefined ? (quick ? 1 : full) : countOf("reps", reps);
}

/** How often something is done, as an option says it. */
export function countOf(option: string, word: string): number {
  const count = Number(word);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new Error(`--${option} is a whole number from 1, got "${word}"`);
}

/** "W1, W2" */
export function listOf(words: string | undefined): string[] | undefined {
  return words?.split(",").map((word) => word.trim());
}

function choosePeers(words: string | undefined): readonly PeerName[] {
  const chosen = listOf(words) ?? [...peerNames];
  return chosen.map((word) => {
    if (!isPeerName(word)) throw new Error(`no peer "${word}": ${peerNames.join(", ")}`);
    return word;
  });
}

function chooseWorkloads(words: string | undefined): readonly Workload[] {
  const chosen = listOf(words) ?? workloads.map(({ id }) => id);
  return chosen.map((word) => {
    const found = workloads.find(({ id }) => id === word);
    if (found === undefined) throw new Error(`no workload "${word}"\n${usage}`);
    return found;
  });
}

export function readSettings(words: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...words],
    options: { ...commonOptions, peers: { type: "string" } },
  });
  const { quick, check, write, only, peers, reps } = values;
  const repetitions = repetitionsOf(reps, quick, fullRepetitions);
  return {
    quick,
    check,
    write,
    repetitions,
    workloads: chooseWorkloads(only),
    peers: choosePeers(peers),
    full: !quick && only === undefined && peers === undefined && repetitions >= fullRepetitions,
  };
}
