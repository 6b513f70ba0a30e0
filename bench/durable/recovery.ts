/** Section "recovery": what a journal of a given size takes on the disk, and how long it takes to open it again. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { NodePeer } from "./node-peer.ts";
import { attempt, type DurableRun } from "./sample.ts";

export const section = "recovery";
export const rows = {
  size: "bytes per entry",
  killed: "after kill -9",
  closed: "after a clean close",
  rebuilt: "after kill -9, without checkpoints and indexes",
} as const;
export const bodyBytes = 200;

const fullBytes = 256 * 1024 * 1024;
const quickBytes = 64 * 1024 * 1024;

export async function measureRecovery(run: DurableRun): Promise<void> {
  const store = await mkdtemp(join(run.folder, "journal-"));
  const start = () => NodePeer.start({ ...run, script: "journal", serverOptions: { store } });
  let gibibytes = 0;
  await attempt(run, { section, row: rows.size, setting: "" }, async () => {
    const peer = await start();
    try {
      const request = { type: "fill", bytes: run.quick ? quickBytes : fullBytes } as const;
      const { entries, bytes, seconds } = await peer.ask(request, "filled");
      gibibytes = bytes / 1024 ** 3;
      return {
        entries,
        bytes,
        bytesPerEntry: bytes / entries,
        entriesPerSecond: entries / seconds,
      };
    } finally {
      await peer.end();
    }
  });
  if (gibibytes === 0) return;

  const open = (row: string, close: boolean) =>
    attempt(run, { section, row, setting: "" }, async () => {
      const peer = await start();
      const { openMs, openCpuMs } = peer.ready;
      if (close) await peer.ask({ type: "close" }, "closed");
      await peer.end();
      return {
        openMs,
        openCpuMs,
        secondsPerGibibyte: openMs / 1000 / gibibytes,
        cpuSecondsPerGibibyte: openCpuMs / 1000 / gibibytes,
      };
    });
  await open(rows.killed, true);
  await open(rows.closed, false);
  for (const name of await readdir(store)) {
    if (/\.(checkpoint|index)$/.test(name)) await rm(join(store, name));
  }
  await open(rows.rebuilt, false);
  await rm(store, { recursive: true });
}
