/** Finds fewer actions, devices and namespaces with which a plan still breaks the same promise. */
import type { Action, Plan } from "./plan.ts";

/** @param fails whether a plan breaks it */
export async function shrink(
  plan: Plan,
  fails: (candidate: Plan) => Promise<boolean>,
): Promise<Plan> {
  let best = plan;
  const attempt = async (candidate: Plan): Promise<boolean> => {
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.actions.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.actions.length; ) {
      const actions: readonly Action[] = best.actions.toSpliced(at, size);
      if (!(await attempt({ ...best, actions }))) at += size;
    }
  }
  for (let count = best.devices.length - 1; count >= 1; count--) {
    if (!(await attempt({ ...best, devices: best.devices.slice(0, count) }))) break;
  }
  if (best.namespaces.length > 1) await attempt({ ...best, namespaces: ["/"] });
  return best;
}
