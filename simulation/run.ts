/** The command line of the simulation: see README.md. */
import { parseArgs } from "node:util";
import { campaign, type Figures } from "./campaign.ts";
import { differsByClock, otherWall } from "./clock-free.ts";
import type { Violation } from "./oracle/violation.ts";
import type { Plan, PlanOptions, StoreKind } from "./plan.ts";
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
    return runOne(wholeNumber("seed", values.seed), plan, { shrinks, byOther });
  }
  const started = performance.now();
  const figures = await campaign({
    from: wholeNumber("from", values.from),
    step: wholeNumber("step", values.step),
    count: wholeNumber("seeds", values.seeds),
    budgetMs: wholeNumber("budget-ms", values["budget-ms"]),
    first: values.first,
    plan,
  });
  const seconds = (performance.now() - started) / 1000;
  if (values.json) console.log(JSON.stringify({ ...figures, seconds }));
  else print(figures, seconds);
  return figures.found.length === 0 ? 0 : 1;
}

/** A campaign of no seeds would find nothing wrong. */
function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${option} is a whole number from 1, got "${text}"`);
}

/** @param how `byOther`: with the other clock on the wall, and compared with the run by the usual one (I16) */
async function runOne(
  seed: number,
  options: PlanOptions,
  { shrinks, byOther }: { readonly shrinks: boolean; readonly byOther: boolean },
): Promise<number> {
  let plan = planOf(seed, options);
  const judge = byOther ? byOtherClock : broken;
  const wrong = await judge(plan);
  if (shrinks && wrong !== undefined) {
    plan = await shrink(plan, async (candidate) => {
      return (await judge(candidate))?.invariant === wrong.invariant;
    });
  }
  const shown = byOther ? { ...plan, wall: otherWall } : plan;
  console.log(JSON.stringify(shown));
  const { lines, hash, steps } = await runPlan(shown, true);
  for (const line of lines) console.log(line);
  const { message = "no violation" } = (await judge(plan)) ?? {};
  console.log(`${message} (${hash}, ${steps} steps)`);
  return wrong === undefined ? 0 : 1;
}

type Wrong = Pick<Violation, "invariant" | "message">;

async function broken(plan: Plan): Promise<Wrong | undefined> {
  return (await runPlan(plan)).violation;
}

async function byOtherClock(plan: Plan): Promise<Wrong | undefined> {
  const outcome = await runPlan(plan);
  const message = await differsByClock(plan, outcome);
  return message === undefined ? outcome.violation : { invariant: "I16 clock-free", message };
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
