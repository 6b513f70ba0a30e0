/** Section "resume": 5,000 sessions come back at once, and each has missed 100 events. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { runLoad } from "../harness/load-generator.ts";
import { NodePeer } from "./node-peer.ts";
import { attempt, type DurableRun } from "./sample.ts";

export const section = "resume";

interface Shape {
  readonly row: string;
  readonly rooms: number;
  readonly members: number;
}

export const shapes: readonly Shape[] = [
  { row: "1,000 rooms of 5, journal on disk", rooms: 1000, members: 5 },
  { row: "one room of 5,000, journal on disk", rooms: 1, members: 5000 },
];
export const missed = 100;

export async function measureResume(run: DurableRun): Promise<void> {
  for (const { row, rooms, members } of shapes) {
    const store = await mkdtemp(join(run.folder, "journal-"));
    await attempt(run, { section, row, setting: "" }, async () => {
      const peer = await NodePeer.start({ ...run, script: "server", serverOptions: { store } });
      const concurrency = rooms * members;
      try {
        const load = await runLoad({
          binary: run.loadgen,
          peer,
          workload: "resume",
          settings: { rooms, members, missed, concurrency },
          away: async () => {
            await peer.ask({ type: "miss", rooms, entries: missed }, "missed");
          },
        });
        return {
          seconds: load.seconds,
          serverCpuSeconds: load.serverCpuSeconds,
          loadgenCpuSeconds: load.loadgenCpuSeconds,
          cpuUs: (load.serverCpuSeconds * 1e6) / load.delivered,
          p50Us: load.p50Us,
          p99Us: load.p99Us,
          checked: load.checked,
        };
      } finally {
        await peer.end();
      }
    });
  }
}
