/** Memory: what does a connection cost that does nothing? */
import { runLoad } from "../harness/load-generator.ts";
import type { Memory } from "../harness/peer-process.ts";
import { peerNames } from "../harness/peers.ts";
import type { Workload } from "./workload.ts";

/** Come and go before the empty server is looked at: its code is loaded and compiled by then. */
const warmClients = 500;

export const idleMemory: Workload = {
  id: "memory",
  title: "idle connections, forced GC, resident memory above the empty server",
  unit: "connection",
  cost: "memory",
  peers: peerNames,
  async measure(peer, { loadgen, quick }) {
    const clients = quick ? 10_000 : 15_000;
    const run = { binary: loadgen, peer, workload: "idle" } as const;
    await runLoad({ ...run, settings: { clients: warmClients } });
    const empty = await peer.memory();
    let full: Memory = empty;
    const load = await runLoad({
      ...run,
      settings: { clients },
      holding: async () => {
        full = await peer.memory();
      },
    });
    return {
      cost: (full.rssBytes - empty.rssBytes) / clients,
      heapBytesPerUnit: (full.heapBytes - empty.heapBytes) / clients,
      load,
    };
  },
};
