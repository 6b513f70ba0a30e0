/** Section "workloads": W1 to W3p with the journal on disk and in memory, without a store, and npm socket.io. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { LoadInTurns, type LoadTurn } from "../harness/load-generator.ts";
import { PeerProcess } from "../harness/peer-process.ts";
import { spreadOf } from "../harness/statistics.ts";
import { workloads } from "../workloads/all.ts";
import type { Workload, WorkloadId } from "../workloads/workload.ts";
import { attempt, type DurableRun, rotated } from "./sample.ts";

export const section = "workloads";
export const workloadIds: readonly WorkloadId[] = ["W1", "W1s", "W2", "W3", "W3p"];
export const rows = {
  disk: "journal on disk",
  memory: "journal in memory",
  none: "no store",
  socketIo: "npm socket.io, no store",
} as const;

/**
 * What a session's start leads to (its data is stored a second later) is over by then, and so is V8's compiling: the way
 * through a store is longer, and W1 goes it only a thousand times a second. W1s does a hundred and fifty times: of its
 * figure, with a store, 2.4 % were V8's compiler after three seconds, and 1.1 % after twelve.
 */
const warmupWithStoreMs = (id: WorkloadId): number => (id === "W1s" ? 10_000 : 3000);
/** More than a lap over all rooms takes: with less, a turn would begin with what the one before left in the caches. */
const settleMs = 150;
const turnMs = 400;
const turns = 12;

type Row = keyof typeof rows;

interface Runner {
  readonly row: Row;
  readonly peer: PeerProcess;
  readonly load: LoadInTurns;
  readonly taken: LoadTurn[];
  failure?: Error;
}

/** The servers of all rows are up at once, and measured in short turns: the machine's mood changes within seconds. */
export async function measureWorkloads(
  run: DurableRun,
  ids: readonly WorkloadId[] = workloadIds,
): Promise<void> {
  for (const workload of workloads.filter(({ id }) => ids.includes(id))) {
    const runners: Runner[] = [];
    try {
      for (const row of rotated(Object.keys(rows) as Row[], run.repetition)) {
        const runner = await start(run, workload, row).catch((error: unknown) =>
          attempt(run, nameOf(workload, row), () => Promise.reject(error)),
        );
        if (runner !== undefined) runners.push(runner);
      }
      for (let turn = 0; turn < (run.quick ? 2 : turns); turn++) {
        for (const runner of rotated(runners, turn)) await takeTurn(runner);
      }
      for (const runner of runners) {
        await attempt(run, nameOf(workload, runner.row), () => valuesOf(runner));
      }
    } finally {
      for (const { load, peer } of runners) {
        await load.kill();
        await peer.end();
      }
    }
  }
}

function nameOf({ id }: Workload, row: Row) {
  return { section, row: rows[row], setting: id };
}

async function start(run: DurableRun, workload: Workload, row: Row): Promise<Runner> {
  const serverOptions = await optionsOf(run, row);
  const { benchFolder, modules, loadgen, quick } = run;
  const warmupMs = quick ? run.warmupMs : warmupWithStoreMs(workload.id);
  const peer = await PeerProcess.start({
    benchFolder,
    name: row === "socketIo" ? "socket.io" : "holdfast",
    holdfastModule: modules.holdfast,
    serverOptions,
  });
  try {
    const times = { warmupMs, measureMs: turnMs, settleMs };
    const options = workload.load?.(peer, { loadgen, quick, ...times, immediateAcks: true });
    if (options === undefined) throw new Error(`${workload.id} is no steady load`);
    return { row, peer, load: await LoadInTurns.start(options), taken: [] };
  } catch (error) {
    await peer.end();
    throw error;
  }
}

/** One that fails does not keep the others from their turns. */
async function takeTurn(runner: Runner): Promise<void> {
  if (runner.failure !== undefined) return;
  try {
    runner.taken.push(await runner.load.turn());
  } catch (error) {
    runner.failure = error instanceof Error ? error : new Error(String(error));
  }
}

async function valuesOf({ load, taken, failure }: Runner): Promise<Record<string, number>> {
  if (failure !== undefined) throw failure;
  const result = await load.end();
  const costs = taken.map(
    ({ delivered, serverCpuSeconds }) => (serverCpuSeconds * 1e6) / delivered,
  );
  return {
    cpuUs: spreadOf(costs)?.median ?? Number.NaN,
    perSecond: result.delivered / result.seconds,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    checked: result.checked,
    loadgenShare: result.loadgenCpuSeconds / result.seconds,
  };
}

/** A load that rests answers no ping, and rests for as long as the others begin: half a minute and more in W1s. */
const resting = { pingTimeout: 300_000 };

async function optionsOf(run: DurableRun, row: Row): Promise<object> {
  if (row === "memory") return { ...resting, store: "memory" };
  if (row === "disk") return { ...resting, store: await mkdtemp(join(run.folder, "journal-")) };
  return resting;
}
