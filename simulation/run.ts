/** `node simulation/run.mjs --seed 7`, `--seeds 1000 [--from 1]`, `--store none`: see README.md. */
import { parseArgs } from "node:util";
import { makePlan, type StoreKind } from "./plan.ts";
import { shrink } from "./shrink.ts";
import { runPlan } from "./world.ts";

export async function run(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seed: { type: "string" },
      seeds: { type: "string", default: "100" },
      from: { type: "string", default: "1" },
      store: { type: "string" },
      shrink: { type: "boolean", default: false },
    },
  });
  const store = values.store as StoreKind | undefined;
  const options = store === undefined ? {} : { store };
  if (values.seed !== undefined) {
    let plan = makePlan(Number(values.seed), options);
    if (values.shrink) {
      const { violation } = await runPlan(plan);
      if (violation !== undefined) plan = await shrink(plan, violation.invariant);
      console.log(JSON.stringify(plan));
    }
    const outcome = await runPlan(plan, true);
    for (const line of outcome.lines) console.log(line);
    console.log(outcome.violation?.message ?? "no violation", outcome.hash, outcome.steps);
    return outcome.violation === undefined ? 0 : 1;
  }
  const from = Number(values.from);
  const count = Number(values.seeds);
  const started = performance.now();
  const found = new Map<string, number[]>();
  let steps = 0;
  let virtualMs = 0;
  let deliveries = 0;
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await runPlan(makePlan(seed, options));
    steps += outcome.steps;
    virtualMs += outcome.virtualMs;
    deliveries += outcome.deliveries;
    if (outcome.violation === undefined) continue;
    const name = outcome.violation.message.slice(0, 60);
    found.set(name, [...(found.get(name) ?? []), seed]);
    if (found.size < 10) console.log(seed, outcome.violation.message.slice(0, 1000));
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${count} seeds in ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(0)} per second; ` +
      `${steps} steps, ${deliveries} deliveries, ${(virtualMs / 3_600_000).toFixed(1)} virtual hours`,
  );
  for (const [name, seeds] of found) console.log(`${seeds.length} ${name}: ${seeds.slice(0, 8)}`);
  return found.size === 0 ? 0 : 1;
}
