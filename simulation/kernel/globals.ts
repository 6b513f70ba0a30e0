/**
 * The stock client takes its timers, its clock and its chance from the globals. While a seed runs they are those of
 * the simulation, so that the client runs unmodified.
 */
import type { Random } from "./random.ts";
import type { Scheduled, Scheduler } from "./scheduler.ts";

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  now: Date.now,
  random: Math.random,
};

/** Puts virtual time and seeded chance under the globals. @returns puts the real ones back */
export function replaceGlobals(scheduler: Scheduler, random: Random): () => void {
  const setTimeout = (run: (...values: unknown[]) => void, delayMs = 0, ...values: unknown[]) =>
    scheduler.after(Math.max(1, Math.floor(delayMs)), () => run(...values));
  const clearTimeout = (timer: Scheduled | undefined) => timer?.cancel();
  Object.assign(globalThis, { setTimeout, clearTimeout });
  Date.now = () => scheduler.now;
  Math.random = () => random.next() / 0x1_0000_0000;
  return () => {
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
    Date.now = real.now;
    Math.random = real.random;
  };
}
