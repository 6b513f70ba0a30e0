/** The options of `bench/run.mjs --durable`. */
import { parseArgs } from "node:util";
import {
  type CommonSettings,
  commonOptions,
  listOf,
  repetitionsOf,
} from "../harness/command-line.ts";
import { workloadIds as everyWorkload, type WorkloadId } from "../workloads/workload.ts";
import { workloadIds } from "./workloads.ts";

export const sectionNames = [
  "publish",
  "latency",
  "workloads",
  "resume",
  "recovery",
  "flushes",
] as const;
export type SectionName = (typeof sectionNames)[number];

export interface DurableSettings extends CommonSettings {
  /** No section is begun after so much time: a busy machine must not make a run endless. */
  readonly minutes: number;
  readonly sections: readonly SectionName[];
  readonly workloads: readonly WorkloadId[];
  /** Where the temporary folder is made: on the disk that is measured. */
  readonly folder: string | undefined;
}

const fullRepetitions = 7;

const isSection = (word: string): word is SectionName =>
  (sectionNames as readonly string[]).includes(word);
const isWorkload = (word: string): word is WorkloadId =>
  (everyWorkload as readonly string[]).includes(word);

export function readDurableSettings(words: readonly string[]): DurableSettings {
  const { values } = parseArgs({
    args: [...words],
    options: {
      ...commonOptions,
      minutes: { type: "string", default: "20" },
      folder: { type: "string" },
    },
  });
  const { quick, check, write, only, reps, minutes, folder } = values;
  const repetitions = repetitionsOf(reps, quick, fullRepetitions);
  const chosen = listOf(only);
  for (const word of chosen ?? []) {
    if (!isSection(word) && !isWorkload(word)) {
      throw new Error(`no section "${word}": ${[...sectionNames, ...workloadIds].join(", ")}`);
    }
  }
  const workloads = chosen?.filter(isWorkload) ?? [];
  const sections = chosen?.filter(isSection) ?? sectionNames;
  return {
    quick,
    check,
    write,
    repetitions,
    minutes: Number(minutes),
    sections: workloads.length > 0 ? [...new Set([...sections, "workloads" as const])] : sections,
    workloads: workloads.length > 0 ? workloads : workloadIds,
    folder,
    full: !quick && only === undefined && repetitions >= fullRepetitions,
  };
}
