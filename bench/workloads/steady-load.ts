/** Workloads of one steady load: how long a unit of it occupies the server's CPU. */
import { type LoadOptions, runLoad } from "../harness/load-generator.ts";
import type { PeerProcess } from "../harness/peer-process.ts";
import { cpuPerUnit, type RunSettings, type Workload, windowOf } from "./workload.ts";

/** What it is, and what the load generator does, with how many. */
type SteadyLoad = Pick<Workload, "id" | "title" | "unit" | "peers"> &
  Pick<LoadOptions, "workload" | "settings">;

export function steadyLoad({ workload, settings, ...described }: SteadyLoad): Workload {
  const load = (peer: PeerProcess, run: RunSettings): LoadOptions => {
    const { binary, window, hooks } = windowOf(run);
    return { binary, peer, workload, settings: { ...window, ...settings }, ...hooks };
  };
  return {
    ...described,
    cost: "cpu",
    load,
    measure: async (peer, run) => cpuPerUnit(await runLoad(load(peer, run))),
  };
}
