/** The tables of a run of the durable bench, as markdown. */
import type { RecordOf } from "../harness/report.ts";
import { short, showSpread, thousands } from "../harness/statistics.ts";
import { type Goal, goalsOf, verdictOf } from "./goals.ts";
import { durabilities } from "./latency.ts";
import { inFlights, rows as publishers } from "./publishing.ts";
import { rows as recoveries } from "./recovery.ts";
import { shapes } from "./resume-storm.ts";
import { type Sample, Samples } from "./sample.ts";
import { rows as peers, workloadIds } from "./workloads.ts";

export type DurableRecord = RecordOf<Sample>;

type Cells = readonly string[];

export function tableOf(head: Cells, body: readonly Cells[]): string {
  const lines = [head, head.map(() => "---"), ...body];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const milliseconds = (microseconds: number) => short(microseconds / 1000);

function cell(samples: Samples, place: Cells, value: string, show = short): string {
  const [section = "", row = "", setting = ""] = place;
  const failure = samples.of(section, row, setting).find((one) => one.failure !== undefined);
  if (failure !== undefined) return "no figure";
  const spread = samples.spread(section, row, setting, value);
  return spread === undefined ? "–" : showSpread(spread, show);
}

export function goalTable(goals: readonly Goal[]): string {
  const rows = goals.map((goal) => {
    const { what, value, show, floor, more } = goal;
    const bar = more === "better" ? "at least" : "at most";
    const bars =
      floor === undefined ? show(goal.goal) : `${show(goal.goal)} (floor ${show(floor)})`;
    return [what, value === undefined ? "–" : show(value), `${bar} ${bars}`, verdictOf(goal)];
  });
  return tableOf(["", "this run", "goal", "reached"], rows);
}

function publishTables(samples: Samples): string {
  const head = [
    "",
    "messages/s",
    "server CPU per message, µs",
    "p50, ms",
    "p99, ms",
    "flushes per message, in this run",
    "flushes per message, strace",
  ];
  return inFlights
    .map((inFlight) => {
      const setting = String(inFlight);
      const rows = Object.values(publishers)
        .filter((row) => samples.of("publish", row, setting).length > 0)
        .map((row) => [
          row,
          cell(samples, ["publish", row, setting], "perSecond", thousands),
          cell(samples, ["publish", row, setting], "cpuUs"),
          cell(samples, ["publish", row, setting], "p50Us", milliseconds),
          cell(samples, ["publish", row, setting], "p99Us", milliseconds),
          cell(samples, ["publish", row, setting], "flushesPerMessage", (n) => n.toFixed(4)),
          cell(samples, ["flushes", row, setting], "flushesPerMessage", (n) => n.toFixed(4)),
        ]);
      return `### ${thousands(inFlight)} in flight\n\n${tableOf(head, rows)}`;
    })
    .join("\n\n");
}

function latencyTable(samples: Samples): string {
  const rows = durabilities.map((row) => [
    row,
    cell(samples, ["latency", row, "1"], "p50Us", milliseconds),
    cell(samples, ["latency", row, "1"], "p99Us", milliseconds),
  ]);
  const bare = [
    publishers.bare,
    cell(samples, ["publish", publishers.bare, "1"], "p50Us", milliseconds),
    cell(samples, ["publish", publishers.bare, "1"], "p99Us", milliseconds),
  ];
  return tableOf(["a commit survives", "p50, ms", "p99, ms"], [...rows, bare]);
}

function resumeTable(samples: Samples): string {
  const rows = shapes.map(({ row }) => [
    row,
    cell(samples, ["resume", row, ""], "seconds"),
    cell(samples, ["resume", row, ""], "p50Us", (us) => short(us / 1e6)),
    cell(samples, ["resume", row, ""], "serverCpuSeconds"),
    cell(samples, ["resume", row, ""], "cpuUs"),
    cell(samples, ["resume", row, ""], "loadgenCpuSeconds"),
  ]);
  const head = [
    "",
    "until all have everything, s",
    "median client, s",
    "server CPU, s",
    "server CPU per event, µs",
    "load generator CPU, s",
  ];
  return tableOf(head, rows);
}

function recoveryTable(samples: Samples): string {
  const opened = [recoveries.killed, recoveries.closed, recoveries.rebuilt].map((row) => [
    row,
    cell(samples, ["recovery", row, ""], "openMs"),
    cell(samples, ["recovery", row, ""], "openCpuMs"),
    cell(samples, ["recovery", row, ""], "secondsPerGibibyte"),
  ]);
  const head = ["opened", "ms", "CPU, ms", "seconds per GiB of journal"];
  const size = (value: string, show = short) =>
    cell(samples, ["recovery", recoveries.size, ""], value, show);
  return `${size("entries", thousands)} entries of 200 bytes with one tag take ${size("bytes", (bytes) => short(bytes / 1024 ** 2))} MiB: **${size("bytesPerEntry")} bytes per entry**.
They were appended by one process, 1,000 in flight, ${size("entriesPerSecond", thousands)} per second. The files were in the page cache when they were
opened.

${tableOf(head, opened)}`;
}

function workloadTable(samples: Samples): string {
  const over = (id: string, pair: { over: string; under: string }) =>
    showSpread(samples.ratio("workloads", id, "cpuUs", pair), (ratio) => `${ratio.toFixed(2)}x`);
  const rows = workloadIds
    .filter((id) => samples.all.some((one) => one.section === "workloads" && one.setting === id))
    .map((id) => [
      id,
      ...[peers.disk, peers.memory, peers.none, peers.socketIo].map((row) =>
        cell(samples, ["workloads", row, id], "cpuUs"),
      ),
      over(id, { over: peers.disk, under: peers.none }),
      over(id, { over: peers.memory, under: peers.none }),
      over(id, { over: peers.socketIo, under: peers.disk }),
    ]);
  const head = [
    "server CPU per unit, µs",
    "journal on disk",
    "in memory",
    "no store",
    "socket.io, no store",
    "disk / no store",
    "memory / no store",
    "socket.io / disk",
  ];
  return tableOf(head, rows);
}

export function markdownOf(record: DurableRecord): string {
  const samples = new Samples(record.samples);
  const load = (averages: readonly number[]) => averages.map((one) => one.toFixed(2)).join(" ");
  const versions = Object.entries(record.versions).map(([name, version]) => `${name} ${version}`);
  const failures = record.samples
    .filter(({ failure }) => failure !== undefined)
    .map(
      ({ section, row, setting, repetition, failure }) =>
        `- No figure: ${section}, ${row} ${setting}, repetition ${repetition + 1}: ${failure}`,
    );
  const acknowledged = samples.all
    .filter(({ section }) => section === "verified")
    .reduce((sum, { values }) => sum + (values["acknowledged"] ?? 0), 0);
  return `# Bench of the durable part

${record.startedAt}, \`${record.command}\`, ${record.minutes.toFixed(1)} minutes, up to ${record.repetitions} interleaved repetitions (as many as
the time limit allowed) of the workloads, up to three of the rest; recovery and the strace column once. Median (least–most). How it is measured: \`bench/README.md\`.

- Machine: ${record.machine}. Load average before: ${load(record.loadBefore)}, after: ${load(record.loadAfter)}.
- Versions: ${versions.join(", ")}.
- Every acknowledgement and every delivery was checked. Our processes were killed (kill -9) after their publishes, and their
  journals read: all of ${thousands(acknowledged)} acknowledged messages were in them${failures.length === 0 ? "" : ", unless said below"}.
- JetStream of this version acknowledges before it flushes (it flushes every 2 minutes), Redis \`everysec\` too (every second): their rates are of a weaker
  promise. Ours and Redis \`always\` acknowledge what is flushed.
${busyNote(record)}${failures.join("\n")}${failures.length > 0 ? "\n" : ""}
## Against the goals

${goalTable(goalsOf(samples))}

## Acknowledged publishes, 200 bytes each

(a) and (b) have no network: they are for scale. Like for like with Redis and NATS is (c), one connection that pipelines; (c) parses and answers
events of JSON in JavaScript, runs the application's handler, and sequences sessions besides.

${publishTables(samples)}

## From a publisher's event to its subscriber, one in flight

${latencyTable(samples)}

## Resume storm: 5,000 sessions come back at once, 100 missed events each

${resumeTable(samples)}

## Recovery, and size on the disk

${recoveryTable(samples)}

## The workloads of the other bench, with a store

${workloadTable(samples)}
`;
}

/** A run on a machine that had other work says so. */
function busyNote({ loadBefore, loadAfter, machine }: DurableRecord): string {
  const cores = Number.parseInt(machine, 10);
  const load = Math.max(loadBefore[0] ?? 0, loadAfter[0] ?? 0);
  if (!(load > 2 * cores)) return "";
  return `- **The machine was busy**: a load of ${load.toFixed(0)} on ${cores} cores that was not ours. Whoever needs more CPU for a message falls behind further than on a
  machine of its own, flushes wait for other processes' flushes, and a short window holds little compiled code. Rates and times are those of this
  moment; CPU per message within one row's range, and the order of magnitude, are what this run can carry.
`;
}

/** What the README shows. */
export function readmeBlockOf(record: DurableRecord): string {
  const load = record.loadBefore.map((one) => one.toFixed(1)).join(" ");
  const busy =
    busyNote(record) === "" ? "" : " (a busy machine: rates and times are those of that moment)";
  return `${record.startedAt}, load average ${load} before${busy}. [All figures](bench/results/durable.md):

${goalTable(goalsOf(new Samples(record.samples)))}`;
}
