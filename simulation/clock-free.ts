/**
 * I16: the clock on the wall decides nothing. A plan is run once more on a day of another year, with jumps of weeks
 * instead of hours: the same must be committed at the same offsets, and given in the same order.
 */
import type { Plan } from "./plan.ts";
import { type Outcome, runPlan } from "./world.ts";

export const otherWall = { startMs: 1_500_000_000_000, jumpMs: -86_400_000 * 9 };

/** What goes by that clock, and is said to. */
const byTheWall: ReadonlySet<string> = new Set(["perishable", "join since"]);

/** @returns what is wrong; undefined when nothing is, or when the plan goes by the clock on the wall */
export async function differsByClock(plan: Plan, outcome: Outcome): Promise<string | undefined> {
  if (outcome.violation !== undefined) return undefined;
  if (plan.actions.some(({ kind }) => byTheWall.has(kind))) return undefined;
  const { violation, orderHash } = await runPlan({ ...plan, wall: otherWall });
  if (violation !== undefined) return `by another clock on the wall: ${violation.message}`;
  return orderHash === outcome.orderHash
    ? undefined
    : "by another clock on the wall something else was committed, or given";
}
