/** What both kinds of profile are summed to. */
import type { Place } from "./places.ts";

export interface FunctionCost {
  readonly place: Place;
  self: number;
  total: number;
  /** Self cost by the nearest JavaScript caller: what makes native code run. */
  readonly callers: Map<string, number>;
}

/** Costs are in any unit: they are shown as shares of `busy`. */
export class ProfileSums {
  readonly groups = new Map<string, number>();
  readonly files = new Map<string, number>();
  readonly lines = new Map<string, number>();
  readonly #functions = new Map<string, FunctionCost>();
  busy = 0;
  idle = 0;

  get functions(): readonly FunctionCost[] {
    return [...this.#functions.values()];
  }

  costOf(place: Place): FunctionCost {
    const key = `${place.name} ${place.at}`;
    const known = this.#functions.get(key);
    if (known !== undefined) return known;
    const fresh = { place, self: 0, total: 0, callers: new Map<string, number>() };
    this.#functions.set(key, fresh);
    return fresh;
  }

  addSelf(cost: FunctionCost, amount: number, caller: Place | undefined): void {
    if (amount === 0) return;
    const { group, file } = cost.place;
    this.busy += amount;
    cost.self += amount;
    add(this.groups, group, amount);
    if (file !== "") add(this.files, file, amount);
    if (caller !== undefined) add(cost.callers, `${caller.name} ${caller.at}`, amount);
  }
}

export function add(sums: Map<string, number>, key: string, amount: number): void {
  sums.set(key, (sums.get(key) ?? 0) + amount);
}
