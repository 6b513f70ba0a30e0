/** What the sections of the durable bench give: figures by name, or why there are none. */
import { type Spread, spreadOf } from "../harness/statistics.ts";
import type { Modules } from "./node-peer.ts";

export interface Sample {
  readonly section: string;
  /** Who was measured. */
  readonly row: string;
  /** Of several settings within a section: in flight, durability, workload. */
  readonly setting: string;
  readonly repetition: number;
  readonly failure?: string;
  readonly values: Readonly<Record<string, number>>;
}

/** What every section is given. */
export interface DurableRun {
  readonly benchFolder: string;
  readonly loadgen: string;
  readonly modules: Modules;
  /** On the disk that is measured. */
  readonly folder: string;
  readonly quick: boolean;
  readonly warmupMs: number;
  readonly measureMs: number;
  readonly repetition: number;
  record(sample: Omit<Sample, "repetition">): void;
}

/** Measures one thing; that it failed is a result too. */
export async function attempt(
  run: DurableRun,
  name: Pick<Sample, "section" | "row" | "setting">,
  measure: () => Promise<Readonly<Record<string, number>>>,
): Promise<void> {
  try {
    run.record({ ...name, values: await measure() });
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    run.record({ ...name, failure, values: {} });
  }
}

/** Another one goes first in every repetition, so that no one always has the cold machine. */
export function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

export class Samples {
  readonly all: readonly Sample[];

  constructor(all: readonly Sample[]) {
    this.all = all;
  }

  of(section: string, row: string, setting: string): Sample[] {
    return this.all.filter(
      (sample) => sample.section === section && sample.row === row && sample.setting === setting,
    );
  }

  spread(section: string, row: string, setting: string, value: string): Spread | undefined {
    const values = this.of(section, row, setting).map(({ values }) => values[value]);
    return spreadOf(values.filter((one) => one !== undefined));
  }

  /** `value` of one row over that of another, formed within each repetition: the machine's mood cancels out. */
  ratio(
    section: string,
    setting: string,
    value: string,
    { over, under }: { readonly over: string; readonly under: string },
  ): Spread | undefined {
    const below = this.of(section, under, setting);
    const ratios = this.of(section, over, setting).map((sample) => {
      const other = below.find(({ repetition }) => repetition === sample.repetition);
      const [top, bottom] = [sample.values[value], other?.values[value]];
      return top === undefined || bottom === undefined ? undefined : top / bottom;
    });
    return spreadOf(ratios.filter((ratio) => ratio !== undefined));
  }
}
