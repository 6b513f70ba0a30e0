/**
 * The bench: every workload on every peer, interleaved, one fresh server per measurement.
 *
 * Prints a table, keeps it in `bench/results/` when the run was the full one (else in
 * `bench/build/`), and exits 1 when a delivery was lost or wrong, or, with `--check`, when a floor
 * does not hold.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { readSettings, type Settings } from "./harness/command-line.ts";
import { compileLoadgen } from "./harness/compile-loadgen.ts";
import { findHoldfast } from "./harness/holdfast-module.ts";
import { PeerProcess } from "./harness/peer-process.ts";
import { type PeerName, peersOf, versionOf } from "./harness/peers.ts";
import { judgeRun, markdownOf, type RunRecord, type Sample } from "./harness/report.ts";
import { short } from "./harness/statistics.ts";
import type { Figure, RunSettings, Workload } from "./workloads/workload.ts";

interface Bench {
  readonly benchFolder: string;
  readonly holdfastModule: string | undefined;
  readonly settings: Settings;
  readonly runSettings: RunSettings;
}

export interface RunOptions {
  readonly benchFolder: string;
  readonly words: readonly string[];
}

export async function run({ benchFolder, words }: RunOptions): Promise<number> {
  const settings = readSettings(words);
  const started = Date.now();
  const loadBefore = loadavg();
  const loadgen = await compileLoadgen(benchFolder);
  const ours = settings.peers.includes("holdfast") ? await findHoldfast(benchFolder) : undefined;
  if (ours !== undefined) console.log(`holdfast: ${ours.description}`);

  const samples = await measureAll({
    benchFolder,
    holdfastModule: ours?.file,
    settings,
    runSettings: {
      loadgen,
      quick: settings.quick,
      warmupMs: settings.quick ? 500 : 1000,
      measureMs: settings.quick ? 800 : 2000,
    },
  });

  const record: RunRecord = {
    startedAt: new Date(started).toISOString().slice(0, 16).replace("T", " "),
    minutes: (Date.now() - started) / 60_000,
    command: ["node bench/run.mjs", ...words].join(" "),
    machine: `${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}, Linux, loopback`,
    loadBefore,
    loadAfter: loadavg(),
    versions: versionsOf(benchFolder, ours?.description),
    repetitions: settings.repetitions,
    samples,
  };
  return conclude(benchFolder, settings, record);
}

async function measureAll(bench: Bench): Promise<Sample[]> {
  const { repetitions, workloads, peers } = bench.settings;
  const samples: Sample[] = [];
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    for (const workload of workloads) {
      for (const peer of rotate(peersOf(repetition, peers), repetition)) {
        if (!workload.peers.includes(peer)) continue;
        const sample = await measureOnce(bench, { workload, peer, repetition });
        samples.push(sample);
        console.log(lineOf(workload, sample));
      }
    }
  }
  return samples;
}

/** Another peer goes first in every repetition, so that no one always has the cold machine. */
function rotate(peers: readonly PeerName[], by: number): readonly PeerName[] {
  const at = by % Math.max(1, peers.length);
  return [...peers.slice(at), ...peers.slice(0, at)];
}

interface Turn {
  readonly workload: Workload;
  readonly peer: PeerName;
  readonly repetition: number;
}

async function measureOnce(bench: Bench, { workload, peer, repetition }: Turn): Promise<Sample> {
  const name = { workload: workload.id, peer, repetition };
  let server: PeerProcess | undefined;
  try {
    server = await PeerProcess.start({ ...bench, name: peer });
    return { ...name, ...numbersOf(await workload.measure(server, bench.runSettings)) };
  } catch (error) {
    return { ...name, failure: error instanceof Error ? error.message : String(error) };
  } finally {
    await server?.end();
  }
}

function numbersOf({ cost, load, heapBytesPerUnit }: Figure) {
  return {
    cost,
    perSecond: load.delivered / load.seconds,
    p50Us: load.p50Us,
    p99Us: load.p99Us,
    checked: load.checked,
    loadgenShare: load.loadgenCpuSeconds / load.seconds,
    serverShare: load.serverCpuSeconds / load.seconds,
    ...(load.p50Us > load.seconds * (1e6 / 3) ? { unsteady: true } : {}),
    ...(heapBytesPerUnit === undefined ? {} : { heapBytes: heapBytesPerUnit }),
  };
}

function lineOf(workload: Workload, sample: Sample): string {
  const head = `${sample.repetition + 1} ${workload.id.padEnd(7)} ${sample.peer.padEnd(11)}`;
  const { cost, perSecond = 0, p50Us = 0, loadgenShare = 0 } = sample;
  if (cost === undefined) return `${head} no figure: ${sample.failure}`;
  if (workload.cost === "memory") return `${head} ${short(cost / 1024)} KB per ${workload.unit}`;
  return `${head} ${short(cost)} us per ${workload.unit}, ${Math.round(perSecond)}/s, p50 ${short(p50Us / 1000)} ms, load generator ${Math.round(loadgenShare * 100)} %`;
}

function versionsOf(benchFolder: string, ours: string | undefined): Record<string, string> {
  const names = ["socket.io", "engine.io", "engine.io/node_modules/ws", "ws", "uwebsockets"];
  const peers = names
    .map((name) => [name, versionOf(name, benchFolder)])
    .filter(([, version]) => version !== undefined);
  return {
    node: process.version,
    ...Object.fromEntries(peers),
    ...(ours === undefined
      ? {}
      : { holdfast: `${versionOf("holdfast", benchFolder) ?? ""} (${ours})` }),
  };
}

async function conclude(
  benchFolder: string,
  settings: Settings,
  record: RunRecord,
): Promise<number> {
  const judgements = judgeRun(record, settings.workloads);
  const markdown = markdownOf(record, settings.workloads, judgements);
  const folder = join(benchFolder, settings.full || settings.write ? "results" : "build");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "latest.md"), markdown);
  await writeFile(join(folder, "latest.json"), `${JSON.stringify(record, null, 1)}\n`);
  console.log(`\n${markdown}\nwritten: ${join(folder, "latest.md")}`);

  const failures = record.samples.filter((sample) => sample.failure !== undefined);
  for (const { workload, peer, repetition, failure } of failures) {
    console.error(`no figure: ${workload} on ${peer}, repetition ${repetition + 1}: ${failure}`);
  }
  const short = judgements.filter(({ verdict }) => !["goal", "floor"].includes(verdict));
  if (settings.check) {
    for (const { workload, verdict } of short) console.error(`${workload.id}: ${verdict}`);
  }
  return failures.length > 0 || (settings.check && short.length > 0) ? 1 : 0;
}
