/** The command line of the simulation: see README.md. */
import { parseArgs } from "node:util";
import { campaign, type Figures } from "./campaign.ts";
import { otherWall } from "./clock-free.ts";
import type { PlanOptions, StoreKind } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { planOf } from "./wide-plan.ts";
import { runPlan } from "./world.ts";

const storeKinds: readonly StoreKind[] = ["none", "memory", "simulated", "files"];

export async function run(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seed: { type: "string" },
      seeds: { type: "string", default: "100" },
      from: { type: "string", default: "1" },
      step: { type: "string", default: "1" },
      "budget-ms": { type: "string", default: "86400000" },
      store: { type: "string" },
      wide: { type: "boolean", default: false },
      "other-clock": { type: "boolean", default: false },
      strict: { type: "boolean", default: false },
      first: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      shrink: { type: "boolean", default: false },
    },
  });
  const store = storeKinds.find((kind) => kind === values.store);
  const plan: PlanOptions = {
    ...(store !== undefined && { store }),
    ...(values.strict && { strict: true }),
    ...(values.wide && { wide: true }),
  };
  if (values.seed !== undefined) {
    const { shrink: shrinks, "other-clock": byOther } = values;
    return runOne(Number(values.seed), plan, { shrinks, byOther });
  }
  const started = performance.now();
  const figures = await campaign({
    from: Number(values.from),
    step: Number(values.step),
    count: Number(values.seeds),
    budgetMs: Number(values["budget-ms"]),
    first: values.first,
    plan,
  });
  const seconds = (performance.now() - started) / 1000;
  if (values.json) console.log(JSON.stringify({ ...figures, seconds }));
  else print(figures, seconds);
  return figures.found.length === 0 ? 0 : 1;
}

/** @param how `byOther`: with the other clock on the wall that I16 compares with */
async function runOne(
  seed: number,
  options: PlanOptions,
  { shrinks, byOther }: { readonly shrinks: boolean; readonly byOther: boolean },
): Promise<number> {
  let plan = planOf(seed, options);
  if (byOther) plan = { ...plan, wall: otherWall };
  if (shrinks) {
    const { violation } = await runPlan(plan);
    if (violation !== undefined) plan = await shrink(plan, violation.invariant);
  }
  console.log(JSON.stringify(plan));
  const { violation, lines, hash, steps } = await runPlan(plan, true);
  for (const line of lines) console.log(line);
  console.log(`${violation?.message ?? "no violation"} (${hash}, ${steps} steps)`);
  return violation === undefined ? 0 : 1;
}

function print({ seeds, steps, deliveries, virtualMs, found }: Figures, seconds: number): void {
  for (const { seed, message } of found) console.log(`${seed} ${message.slice(0, 1000)}`);
  const rate = (seeds / seconds).toFixed(0);
  const hours = (virtualMs / 3_600_000).toFixed(1);
  console.log(
    `${seeds} seeds in ${seconds.toFixed(1)} s (${rate} per second), ${steps} steps, ` +
      `${deliveries} deliveries, ${hours} virtual hours, ${found.length} violations`,
  );
}
