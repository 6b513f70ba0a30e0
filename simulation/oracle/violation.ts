/** A promise that was not kept, by the name that docs/guide/guarantees.md and the tests know it under. */

export type Invariant =
  | "I1 durable"
  | "I2 no effect of refused"
  | "I3 one effect"
  | "I4 increasing"
  | "I5 immutable"
  | "I6 no phantom"
  | "I7 in order, no skip"
  | "I8 resume"
  | "I9 no repeats"
  | "I10 honest gap"
  | "I11 fencing"
  | "I12 class honest"
  | "I13 poison"
  | "I14 bound"
  | "I15 retention"
  | "I16 clock-free"
  | "I18 liveness"
  | "I19 drain"
  | "I20 isolation"
  | "I21 emit order"
  | "time to live"
  | "no crash";

export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, what: string) {
    super(`${invariant}: ${what}`);
    this.invariant = invariant;
  }
}
