/**
 * Profiles one peer under one workload and prints where its time goes.
 *
 * The profiler runs in the measured window only, so neither start-up nor warm-up is in the figures.
 * `perf` is taken where it works, because it sees the kernel, native code and other threads at
 * their true share; V8's own profiler otherwise, or with `--v8`. `memory` has no window: it prints
 * what lies on the heap per connection.
 */
import { mkdir, readFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileLoadgen } from "./harness/compile-loadgen.ts";
import { findHoldfast } from "./harness/holdfast-module.ts";
import { runLoad } from "./harness/load-generator.ts";
import { PeerProcess } from "./harness/peer-process.ts";
import { isPeerName, type PeerName, peerNames } from "./harness/peers.ts";
import { short } from "./harness/statistics.ts";
import { type HeapRow, type HeapSnapshot, showHeap, sumHeap } from "./profiling/heap-snapshot.ts";
import { PerfRecording, perfNodeFlags, perfWorks } from "./profiling/perf.ts";
import { Places } from "./profiling/places.ts";
import { showSums } from "./profiling/show.ts";
import type { ProfileSums } from "./profiling/sums.ts";
import { sumV8Profile, type V8Profile } from "./profiling/v8-profile.ts";
import { workloads } from "./workloads/all.ts";
import type { Figure, RunSettings, Workload } from "./workloads/workload.ts";

const samplingUs = 250;

const usage = `node bench/profile.mjs <workload> [--peer holdfast] [--store memory] [--seconds 3] [--top 25] [--v8]
  workloads: ${workloads.map(({ id }) => id).join(", ")}
  peers: ${peerNames.join(", ")}`;

interface Words {
  readonly workload: Workload;
  readonly peer: PeerName;
  readonly seconds: number;
  readonly top: number;
  readonly v8: boolean;
  /** The store of ours: a folder, or "memory". */
  readonly store: string | undefined;
}

function readWords(words: readonly string[]): Words {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      peer: { type: "string", default: "holdfast" },
      seconds: { type: "string", default: "3" },
      top: { type: "string", default: "25" },
      v8: { type: "boolean", default: false },
      store: { type: "string" },
    },
  });
  const workload = workloads.find(({ id }) => id === positionals[0]);
  const { peer, v8, store } = values;
  if (workload === undefined || !isPeerName(peer)) throw new Error(usage);
  const { seconds, top } = values;
  return { workload, peer, seconds: Number(seconds), top: Number(top), v8, store };
}

/** For `memory`: connections that are held while the heap is written down. */
const heldClients = 2000;
const warmClients = 200;

/** A profiler that is switched on and off around the measured window. */
interface Profiler {
  start(): Promise<void> | void;
  stop(): Promise<void>;
  sums(places: Places): Promise<ProfileSums>;
}

function perfProfiler(server: PeerProcess, file: string): Profiler {
  let recording: PerfRecording | undefined;
  const started = () => {
    if (recording === undefined) throw new Error("the measured window never opened");
    return recording;
  };
  return {
    start() {
      recording = new PerfRecording(server.pid, file);
    },
    stop: () => started().stop(),
    sums: (places) => started().sums(places),
  };
}

function v8Profiler(server: PeerProcess, file: string): Profiler {
  return {
    start: () => server.startProfile(samplingUs),
    stop: () => server.stopProfile(file),
    sums: async (places) =>
      sumV8Profile(JSON.parse(await readFile(file, "utf8")) as V8Profile, places),
  };
}

export interface ProfileOptions {
  readonly benchFolder: string;
  readonly words: readonly string[];
}

export async function profile({ benchFolder, words }: ProfileOptions): Promise<number> {
  const { workload, peer, seconds, top, v8, store } = readWords(words);
  if (workload.cost === "memory") return profileHeap({ benchFolder, peer, top });
  const perf = !v8 && (await perfWorks());
  const ours = peer === "holdfast" ? await findHoldfast(benchFolder) : undefined;
  const folder = join(benchFolder, "build", "profiles");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${workload.id}-${peer}.${perf ? "perf" : "cpuprofile"}`);

  const server = await PeerProcess.start({
    benchFolder,
    name: peer,
    ...(store !== undefined && { serverOptions: { store } }),
    holdfastModule: ours?.file,
    nodeFlags: perf ? perfNodeFlags : [],
  });
  try {
    const profiler = perf ? perfProfiler(server, file) : v8Profiler(server, file);
    const figure = await measureUnder(profiler, server, workload, {
      loadgen: await compileLoadgen(benchFolder),
      quick: true,
      warmupMs: 3000,
      measureMs: seconds * 1000,
    });
    const sums = await profiler.sums(new Places(join(benchFolder, "..")));
    const build = ours === undefined ? "" : ` (${ours.description})`;
    console.log(`${workload.id} on ${peer}${build}: ${workload.title}`);
    console.log(headOf(workload, figure, perf ? "perf" : "V8's profiler"));
    console.log(showSums(sums, { unit: workload.unit, costUs: figure.cost, top }));
    console.log(`\nraw: ${file}`);
    return 0;
  } finally {
    await server.end();
  }
}

interface HeapOptions {
  readonly benchFolder: string;
  readonly peer: PeerName;
  readonly top: number;
}

async function profileHeap({ benchFolder, peer, top }: HeapOptions): Promise<number> {
  const ours = peer === "holdfast" ? await findHoldfast(benchFolder) : undefined;
  const folder = join(benchFolder, "build", "profiles");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `memory-${peer}.heapsnapshot`);
  const binary = await compileLoadgen(benchFolder);
  const server = await PeerProcess.start({ benchFolder, name: peer, holdfastModule: ours?.file });
  const rows = async () => {
    await server.memory();
    await server.writeHeapSnapshot(file);
    return sumHeap(JSON.parse(await readFile(file, "utf8")) as HeapSnapshot);
  };
  let full: HeapRow[] = [];
  try {
    const run = { binary, peer: server, workload: "idle" } as const;
    await runLoad({ ...run, settings: { clients: warmClients } });
    const empty = await rows();
    const holding = async () => {
      full = await rows();
    };
    await runLoad({ ...run, settings: { clients: heldClients }, holding });
    console.log(`the heap of ${peer}: what ${heldClients} idle connections add`);
    console.log(showHeap({ empty, full, clients: heldClients }, top * 2));
    console.log(`\nraw: ${file}`);
    return 0;
  } finally {
    await server.end();
  }
}

async function measureUnder(
  profiler: Profiler,
  server: PeerProcess,
  workload: Workload,
  settings: RunSettings,
): Promise<Figure> {
  let steps = Promise.resolve();
  const figure = await workload.measure(server, {
    ...settings,
    windowOpened: () => {
      steps = steps.then(() => profiler.start());
    },
    windowClosed: () => {
      steps = steps.then(() => profiler.stop());
    },
  });
  await steps;
  return figure;
}

function headOf(workload: Workload, { load, cost }: Figure, profilerName: string): string {
  const perSecond = Math.round(load.delivered / load.seconds);
  const share = Math.round((load.serverCpuSeconds / load.seconds) * 100);
  return (
    `${short(cost)} us CPU per ${workload.unit} under ${profilerName}, ${perSecond}/s, ` +
    `p50 ${short(load.p50Us / 1000)} ms, server CPU ${share} %, load average ${loadavg()[0]?.toFixed(2)}`
  );
}
