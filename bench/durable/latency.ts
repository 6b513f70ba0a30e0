/** Section "latency": from a publisher's event to its one subscriber, one in flight, by what a commit survives. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { runLoad } from "../harness/load-generator.ts";
import { PeerProcess } from "../harness/peer-process.ts";
import { attempt, type DurableRun, rotated } from "./sample.ts";

export const section = "latency";
export const durabilities = ["disk", "process", "memory", "no store"] as const;

export async function measureLatency(run: DurableRun): Promise<void> {
  for (const durability of rotated(durabilities, run.repetition)) {
    await attempt(run, { section, row: durability, setting: "1" }, async () => {
      const serverOptions = await optionsOf(run, durability);
      const { benchFolder, modules, loadgen, warmupMs, measureMs } = run;
      const peer = await PeerProcess.start({
        benchFolder,
        name: "holdfast",
        holdfastModule: modules.holdfast,
        ...(serverOptions && { serverOptions }),
      });
      try {
        const load = await runLoad({
          binary: loadgen,
          peer,
          workload: "relay",
          settings: {
            rooms: 1,
            members: 1,
            window: 1,
            publisher: "outside",
            "warmup-ms": warmupMs,
            "measure-ms": measureMs,
          },
        });
        const { p50Us, p99Us, checked } = load;
        return { p50Us, p99Us, checked, perSecond: load.delivered / load.seconds };
      } finally {
        await peer.end();
      }
    });
  }
}

async function optionsOf(run: DurableRun, durability: (typeof durabilities)[number]) {
  if (durability === "no store") return undefined;
  if (durability === "memory") return { store: "memory" };
  return { store: await mkdtemp(join(run.folder, "journal-")), durability };
}
