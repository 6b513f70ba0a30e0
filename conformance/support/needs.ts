/**
 * What some tests need from the machine besides Node. `npm test` installs or names what is missing; who wants to do
 * without says `HOLDFAST_SKIP=browser,redis,python,mount,strace`, and the runner prints how many tests that left out.
 *
 *     describe.skipIf(leftOut("redis"))("the Redis adapter", () => { … });
 */
import type { Need } from "../../scripts/categories.ts";

const skipped = (process.env["HOLDFAST_SKIP"] ?? "").split(",").map((name) => name.trim());

/** True when the person who runs the tests asked to do without `need`. The only reason to skip a test. */
export function leftOut(need: Need): boolean {
  return skipped.includes(need);
}
