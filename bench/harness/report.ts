/** The table of a run, as markdown and as JSON. */
import type { Workload, WorkloadId } from "../workloads/workload.ts";
import { bars, judge, type Verdict } from "./goals.ts";
import type { PeerName } from "./peers.ts";
import { type Spread, short, showSpread, spreadOf, thousands } from "./statistics.ts";

/** One measurement of one peer, or the reason why there is none. */
export interface Sample {
  readonly workload: WorkloadId;
  readonly peer: PeerName;
  readonly repetition: number;
  readonly failure?: string;
  readonly cost?: number;
  readonly perSecond?: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly checked?: number;
  /** CPU of the load generator in the window, as a share of one core. */
  readonly loadgenShare?: number;
  readonly serverShare?: number;
  readonly heapBytes?: number;
  /** Latency of the order of the window: its figures come out of the first backlog. */
  readonly unsteady?: boolean;
}

/** A run: when, where and how, and what it measured. */
export interface RecordOf<Measured> {
  readonly startedAt: string;
  readonly minutes: number;
  readonly command: string;
  readonly machine: string;
  readonly loadBefore: readonly number[];
  readonly loadAfter: readonly number[];
  readonly versions: Readonly<Record<string, string>>;
  readonly repetitions: number;
  readonly samples: readonly Measured[];
}

export type RunRecord = RecordOf<Sample>;

type SampleNumber =
  | "cost"
  | "perSecond"
  | "p50Us"
  | "p99Us"
  | "loadgenShare"
  | "serverShare"
  | "heapBytes";

function numbersOf(samples: readonly Sample[], name: SampleNumber): number[] {
  return samples.map((sample) => sample[name]).filter((value) => value !== undefined);
}

/** socket.io's cost over the peer's, both of the same repetition: the machine's mood cancels out. */
function ratiosOf(samples: readonly Sample[], peer: PeerName): number[] {
  return samples
    .filter((sample) => sample.peer === peer)
    .map((sample) => {
      const { cost } = sample;
      const base = samples.find(
        (other) => other.peer === "socket.io" && other.repetition === sample.repetition,
      )?.cost;
      return cost === undefined || base === undefined ? undefined : base / cost;
    })
    .filter((ratio) => ratio !== undefined);
}

export interface Judgement {
  readonly workload: Workload;
  readonly value: Spread | undefined;
  readonly verdict: Verdict;
}

/** A failed repetition spoils the workload: what is lost or wrong once has no figure. */
export function judgeRun(record: RunRecord, workloads: readonly Workload[]): Judgement[] {
  return workloads.map((workload) => {
    const samples = record.samples.filter((sample) => sample.workload === workload.id);
    const bar = bars[workload.id];
    const ours = samples.filter((sample) => sample.peer === "holdfast");
    const failed = ours.some((sample) => sample.failure !== undefined);
    const values = bar.kind === "ratio" ? ratiosOf(samples, "holdfast") : numbersOf(ours, "cost");
    const value = failed ? undefined : spreadOf(values);
    return { workload, value, verdict: judge(bar, value?.median) };
  });
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const lines = [head, head.map(() => "---"), ...body];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function summaryOf(judgements: readonly Judgement[], record: RunRecord): string {
  const rows = judgements.map(({ workload, value, verdict }) => {
    const bar = bars[workload.id];
    const show = (number: number) =>
      bar.kind === "ratio" ? `${short(number)}x` : `${short(number / 1024)} KB`;
    const samples = record.samples.filter((sample) => sample.workload === workload.id);
    const other = (peer: PeerName) => {
      const spread = spreadOf(ratiosOf(samples, peer));
      return spread === undefined ? "–" : `${short(spread.median)}x`;
    };
    return [
      workload.id,
      workload.title,
      value === undefined ? "no figure" : showSpread(value, show),
      `${show(bar.floor)} / ${show(bar.goal)}`,
      verdict,
      other("holdfast"),
      other("ws"),
      other("uwebsockets"),
    ];
  });
  const head = ["", "workload", "holdfast", "floor / goal", "reached"];
  return tableOf([[...head, "socket.io / holdfast", "/ bare ws", "/ bare uWS"], ...rows]);
}

function cpuTable(
  workload: Workload,
  samples: readonly Sample[],
  peers: readonly PeerName[],
): string {
  const milliseconds = (microseconds: number) => short(microseconds / 1000);
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  const rows = peers.map((peer) => {
    const own = samples.filter((sample) => sample.peer === peer);
    const failure = own.find((sample) => sample.failure !== undefined)?.failure;
    if (failure !== undefined) return [peer, `no figure: ${failure}`, "", "", "", "", "", ""];
    const cell = (name: SampleNumber, show = short) =>
      showSpread(spreadOf(numbersOf(own, name)), show);
    return [
      peer,
      cell("cost"),
      showSpread(spreadOf(ratiosOf(samples, peer))),
      cell("perSecond", thousands),
      cell("p50Us", milliseconds),
      cell("p99Us", milliseconds),
      cell("serverShare", percent),
      cell("loadgenShare", percent),
    ];
  });
  const per = `per ${workload.unit}`;
  return tableOf([
    [
      "peer",
      `server CPU ${per}, µs`,
      "socket.io / peer",
      `${workload.unit}s per second`.replace("deliverys", "deliveries"),
      "p50, ms",
      "p99, ms",
      "server CPU",
      "load generator CPU",
    ],
    ...rows,
  ]);
}

function memoryTable(samples: readonly Sample[], peers: readonly PeerName[]): string {
  const kilobytes = (bytes: number) => short(bytes / 1024);
  const rows = peers.map((peer) => {
    const own = samples.filter((sample) => sample.peer === peer);
    const failure = own.find((sample) => sample.failure !== undefined)?.failure;
    if (failure !== undefined) return [peer, `no figure: ${failure}`, "", ""];
    return [
      peer,
      showSpread(spreadOf(numbersOf(own, "cost")), kilobytes),
      showSpread(spreadOf(ratiosOf(samples, peer))),
      showSpread(spreadOf(numbersOf(own, "heapBytes")), kilobytes),
    ];
  });
  return tableOf([
    ["peer", "resident KB per connection", "socket.io / peer", "of that JS heap, KB"],
    ...rows,
  ]);
}

export function markdownOf(
  record: RunRecord,
  workloads: readonly Workload[],
  judgements: readonly Judgement[],
): string {
  const load = (averages: readonly number[]) => averages.map((one) => one.toFixed(2)).join(" ");
  const versions = Object.entries(record.versions).map(([name, version]) => `${name} ${version}`);
  const sections = workloads.map((workload) => {
    const samples = record.samples.filter((sample) => sample.workload === workload.id);
    const peers = workload.peers.filter((peer) => samples.some((sample) => sample.peer === peer));
    const table =
      workload.cost === "memory" ? memoryTable(samples, peers) : cpuTable(workload, samples, peers);
    return `## ${workload.id}: ${workload.title}\n\n${table}\n`;
  });
  return `# Bench against the peers

${record.startedAt}, \`${record.command}\`, ${record.minutes.toFixed(1)} minutes, ${record.repetitions} interleaved
repetition(s). Median (least–most). How it is measured and what the words mean: \`bench/README.md\`.

- Machine: ${record.machine}. Load average before: ${load(record.loadBefore)}, after: ${load(record.loadAfter)}.
- Versions: ${versions.join(", ")}.
- Every delivery was checked for bytes and order: ${thousands(checkedIn(record))} in this run. ws and uwebsockets
  are bare: no Socket.IO, no JSON, no acks. They are floors, not equals.
${unsteadyNote(record)}
## Against the floors

${summaryOf(judgements, record)}

${sections.join("\n")}`;
}

function checkedIn(record: RunRecord): number {
  return record.samples.reduce((sum, sample) => sum + (sample.checked ?? 0), 0);
}

function unsteadyNote({ samples }: RunRecord): string {
  const unsteady = samples.filter((sample) => sample.unsteady === true);
  if (unsteady.length === 0) return "";
  const names = unsteady.map(({ workload, peer }) => `${workload} ${peer}`);
  return `- Not in a steady state (p50 over a third of the window): ${[...new Set(names)].join(", ")}.\n`;
}
