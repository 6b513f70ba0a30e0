/**
 * Section "flushes": how many fsync and fdatasync calls a message costs, counted by the kernel's side: each server is run
 * once more under `strace -f -c -e trace=fdatasync,fsync`. No rate of this run is used.
 */
import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadTarget } from "../harness/load-generator.ts";
import { Broker, brokerNames, onlyChildOf } from "./brokers.ts";
import { NodePeer } from "./node-peer.ts";
import { inFlights, publishLoad, rows } from "./publishing.ts";
import { attempt, type DurableRun } from "./sample.ts";

export const section = "flushes";

export async function countFlushesOfAll(run: DurableRun): Promise<void> {
  const short = { ...run, warmupMs: 0, measureMs: run.quick ? 300 : 700 };
  for (const inFlight of inFlights) {
    const setting = String(inFlight);
    for (const name of brokerNames) {
      await attempt(run, { section, row: rows[name], setting }, async () => {
        const trace = join(run.folder, `strace-${name}-${inFlight}`);
        const broker = await Broker.start(name, run.folder, straceTo(trace));
        const load = await publishLoad(short, untimed(broker), 1, inFlight).finally(() =>
          broker.endTraced(),
        );
        return countOf(trace, load.checked);
      });
    }
    await attempt(run, { section, row: rows.wire, setting }, async () => {
      const trace = join(run.folder, `strace-holdfast-${inFlight}`);
      const store = await mkdtemp(join(run.folder, "journal-"));
      const options = { ...run, script: "server", serverOptions: { store } } as const;
      const peer = await NodePeer.start({ ...options, under: straceTo(trace) });
      const before = await peer.flushes();
      const load = await publishLoad(short, untimed(peer), 1, inFlight).finally(async () => {
        const server = await onlyChildOf(peer.pid);
        process.kill(server, "SIGTERM");
        await peer.gone();
      });
      // What it took to open the store is no message's.
      return countOf(trace, load.checked, before);
    });
  }
}

/** The CPU time is that of strace, too: it is not read. */
function untimed({ name, protocol, port }: LoadTarget): LoadTarget {
  return { name, protocol, port, pid: 0 };
}

function straceTo(file: string): string[] {
  return ["strace", "-f", "-c", "-o", file, "-e", "trace=fdatasync,fsync"];
}

async function countOf(trace: string, messages: number, before = 0) {
  const summary = await readFile(trace, "utf8");
  let flushes = 0;
  for (const line of summary.split("\n")) {
    const cells = line.trim().split(/\s+/);
    if (cells.at(-1) === "fsync" || cells.at(-1) === "fdatasync") flushes += Number(cells[3]);
  }
  return { flushesPerMessage: (flushes - before) / messages, messages, flushes: flushes - before };
}
