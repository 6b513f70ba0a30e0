/** Section "workloads": W1 to W3p with the journal on disk and in memory, without a store, and npm socket.io. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { PeerProcess } from "../harness/peer-process.ts";
import { workloads } from "../workloads/all.ts";
import type { WorkloadId } from "../workloads/workload.ts";
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
 * through a store is longer, and W1 goes it only a thousand times a second.
 */
const warmupWithStoreMs = 3000;

type Row = keyof typeof rows;

/** With a journal in memory in so many repetitions only: it says what of the difference is the disk's. */
const memoryRepetitions = 3;

export async function measureWorkloads(
  run: DurableRun,
  ids: readonly WorkloadId[] = workloadIds,
): Promise<void> {
  for (const workload of workloads.filter(({ id }) => ids.includes(id))) {
    for (const row of rotated(Object.keys(rows) as Row[], run.repetition)) {
      if (row === "memory" && run.repetition >= memoryRepetitions) continue;
      await attempt(run, { section, row: rows[row], setting: workload.id }, async () => {
        const serverOptions = await optionsOf(run, row);
        const { benchFolder, modules, loadgen, quick, measureMs } = run;
        const warmupMs = quick ? run.warmupMs : warmupWithStoreMs;
        const peer = await PeerProcess.start({
          benchFolder,
          name: row === "socketIo" ? "socket.io" : "holdfast",
          holdfastModule: modules.holdfast,
          ...(serverOptions && { serverOptions }),
        });
        try {
          const settings = { loadgen, quick, warmupMs, measureMs, immediateAcks: true };
          const figure = await workload.measure(peer, settings);
          const { load, cost } = figure;
          return {
            cpuUs: cost,
            perSecond: load.delivered / load.seconds,
            p50Us: load.p50Us,
            p99Us: load.p99Us,
            checked: load.checked,
            loadgenShare: load.loadgenCpuSeconds / load.seconds,
          };
        } finally {
          await peer.end();
        }
      });
    }
  }
}

async function optionsOf(run: DurableRun, row: Row): Promise<object | undefined> {
  if (row === "memory") return { store: "memory" };
  if (row === "disk") return { store: await mkdtemp(join(run.folder, "journal-")) };
  return undefined;
}
