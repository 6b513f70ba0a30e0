/** The floors that must hold and the goals we are after: ours against socket.io in the same run. */
import type { WorkloadId } from "../workloads/workload.ts";

export interface Bar {
  /** "ratio": socket.io's cost divided by ours. "bytes": ours alone, per connection. */
  readonly kind: "ratio" | "bytes";
  readonly floor: number;
  readonly goal: number;
}

export const bars: Readonly<Record<WorkloadId, Bar>> = {
  W1: { kind: "ratio", floor: 10, goal: 15 },
  W1s: { kind: "ratio", floor: 1.4, goal: 1.8 },
  W2: { kind: "ratio", floor: 1.7, goal: 2.5 },
  W3: { kind: "ratio", floor: 1.8, goal: 2.5 },
  W3p: { kind: "ratio", floor: 4, goal: 7 },
  storm: { kind: "ratio", floor: 1.5, goal: 2.2 },
  memory: { kind: "bytes", floor: 8 * 1024, goal: 6.5 * 1024 },
  polling: { kind: "ratio", floor: 1.4, goal: 1.9 },
};

export type Verdict = "goal" | "floor" | "below the floor" | "no figure";

export function judge(bar: Bar, value: number | undefined): Verdict {
  if (value === undefined || Number.isNaN(value)) return "no figure";
  const reaches = (wanted: number) => (bar.kind === "ratio" ? value >= wanted : value <= wanted);
  if (reaches(bar.goal)) return "goal";
  return reaches(bar.floor) ? "floor" : "below the floor";
}
