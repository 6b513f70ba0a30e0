/** Many seeds, one after the other, until there are enough or the time is over. */
import { differsByClock } from "./clock-free.ts";
import type { PlanOptions } from "./plan.ts";
import { planOf } from "./wide-plan.ts";
import { type Outcome, runPlan } from "./world.ts";

export interface CampaignOptions {
  readonly from: number;
  /** Every `step`-th seed: so that several processes share a range. */
  readonly step: number;
  readonly count: number;
  /** After so much real time no other seed begins. */
  readonly budgetMs: number;
  /** Ends with the first violation. */
  readonly first: boolean;
  readonly plan: PlanOptions;
}

export interface Found {
  readonly seed: number;
  readonly invariant: string;
  readonly message: string;
}

export interface Figures {
  seeds: number;
  /** Seeds that were run twice, to see that they are the same. */
  repeated: number;
  steps: number;
  deliveries: number;
  virtualMs: number;
  found: Found[];
}

/** One in so many seeds is run twice. */
const repeatEvery = 100;

/** One in so many seeds of the wide campaign is run with another clock on the wall. */
const clockEvery = 10;

export async function campaign(options: CampaignOptions): Promise<Figures> {
  const figures: Figures = {
    seeds: 0,
    repeated: 0,
    steps: 0,
    deliveries: 0,
    virtualMs: 0,
    found: [],
  };
  const started = performance.now();
  for (let index = 0; index < options.count; index++) {
    if (performance.now() - started > options.budgetMs) break;
    const seed = options.from + index * options.step;
    const plan = planOf(seed, options.plan);
    const outcome = await runPlan(plan);
    count(figures, seed, outcome);
    if (options.plan.wide === true && index % clockEvery === 0) {
      const message = await differsByClock(plan, outcome);
      if (message !== undefined) figures.found.push({ seed, invariant: "I16 clock-free", message });
    }
    if (index % repeatEvery === 0) await repeat(figures, seed, outcome, options.plan);
    if (options.first && figures.found.length > 0) break;
  }
  return figures;
}

function count(figures: Figures, seed: number, outcome: Outcome): void {
  figures.seeds++;
  figures.steps += outcome.steps;
  figures.deliveries += outcome.deliveries;
  figures.virtualMs += outcome.virtualMs;
  if (outcome.violation === undefined) return;
  const { invariant, message } = outcome.violation;
  figures.found.push({ seed, invariant, message });
}

async function repeat(
  figures: Figures,
  seed: number,
  { hash }: Outcome,
  plan: PlanOptions,
): Promise<void> {
  const again = await runPlan(planOf(seed, plan));
  figures.repeated++;
  if (again.hash === hash) return;
  const message = `the hash of seed ${seed} was ${hash}, and then ${again.hash}`;
  figures.found.push({ seed, invariant: "deterministic", message });
}
