/** What we are after with a store, and whether this run reached it. */
import { rows as publishers } from "./publishing.ts";
import { shapes } from "./resume-storm.ts";
import type { Samples } from "./sample.ts";
import { rows as peers, workloadIds } from "./workloads.ts";

export interface Goal {
  readonly what: string;
  readonly value: number | undefined;
  readonly show: (value: number) => string;
  readonly floor: number | undefined;
  readonly goal: number;
  readonly more: "better" | "worse";
}

export type Verdict = "goal" | "floor" | "not reached" | "no figure";

export function verdictOf({ value, floor, goal, more }: Goal): Verdict {
  if (value === undefined || Number.isNaN(value)) return "no figure";
  const reaches = (bar: number) => (more === "better" ? value >= bar : value <= bar);
  if (reaches(goal)) return "goal";
  return floor !== undefined && reaches(floor) ? "floor" : "not reached";
}

const times = (value: number) => `${value.toFixed(2)}x`;
const seconds = (value: number) => `${value.toFixed(2)} s`;

export function goalsOf(samples: Samples): Goal[] {
  const failed = (section: string, row: string) =>
    samples.all.some(
      (sample) => sample.section === section && sample.row === row && sample.failure !== undefined,
    );
  const rate = (over: string, under: string) =>
    samples.ratio("publish", "1000", "perSecond", { over, under })?.median;
  const rates = [
    { row: publishers.wire, name: "(c)" },
    { row: publishers.inProcess, name: "(b)" },
    { row: publishers.journal, name: "(a)" },
  ].flatMap(({ row, name }): Goal[] => {
    const verified = !failed("verified", row) && !failed("publish", row);
    const value = (under: string) => (verified ? rate(row, under) : undefined);
    const common = { show: times, more: "better" } as const;
    return [
      {
        ...common,
        what: `flushed publishes per second, 1,000 in flight, ${name} / Redis \`always\``,
        value: value(publishers["redis-always"]),
        floor: 2,
        goal: 4,
      },
      {
        ...common,
        what: `the same, ${name} / JetStream (acknowledged before the flush)`,
        value: value(publishers.nats),
        floor: undefined,
        goal: 3,
      },
    ];
  });

  const p50 = [
    { row: publishers.journal, name: "(a)" },
    { row: publishers.inProcess, name: "(b)" },
    { row: publishers.wire, name: "(c)" },
  ].map(({ row, name }): Goal => {
    const value = samples.spread("publish", row, "1", "overBare")?.median;
    const what = `one publisher's p50, ${name} / one bare fdatasync just before and after`;
    return { what, value, show: times, floor: undefined, goal: 1.5, more: "worse" };
  });

  const storms = shapes.map(
    ({ row }): Goal => ({
      what: `5,000 sessions resume with 100 missed each, ${row}`,
      value: failed("resume", row)
        ? undefined
        : samples.spread("resume", row, "", "seconds")?.median,
      show: seconds,
      floor: undefined,
      goal: 5,
      more: "worse",
    }),
  );
  return [...rates, ...p50, ...storms, ...workloadGoals(samples, failed)];
}

function workloadGoals(
  samples: Samples,
  failed: (section: string, row: string) => boolean,
): Goal[] {
  const goals = workloadIds.flatMap((id) =>
    [peers.disk, peers.memory].map((row): Goal => {
      const pair = { over: row, under: peers.none };
      const value = samples.ratio("workloads", id, "cpuUs", pair)?.median;
      const what = `${id}, ${row}: CPU per unit / no store`;
      return { what, value, show: times, floor: undefined, goal: 1.3, more: "worse" };
    }),
  );
  const pair = { over: peers.socketIo, under: peers.disk };
  const w3 = samples.ratio("workloads", "W3", "cpuUs", pair)?.median;
  const value = failed("workloads", peers.disk) ? undefined : w3;
  const what = "W3, journal on disk: cheaper than socket.io without any";
  return [...goals, { what, value, show: times, floor: 1.6, goal: 2.2, more: "better" }];
}
