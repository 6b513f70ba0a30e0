/** Workloads of one steady load: how long a unit of it occupies the server's CPU. */
import { type LoadOptions, runLoad } from "../harness/load-generator.ts";
import { cpuPerUnit, type Workload, windowOf } from "./workload.ts";

/** What it is, and what the load generator does, with how many. */
type SteadyLoad = Pick<Workload, "id" | "title" | "unit" | "peers"> &
  Pick<LoadOptions, "workload" | "settings">;

export function steadyLoad({ workload, settings, ...described }: SteadyLoad): Workload {
  return {
    ...described,
    cost: "cpu",
    async measure(peer, run) {
      const { binary, window, hooks } = windowOf(run);
      const all = { ...window, ...settings };
      return cpuPerUnit(await runLoad({ binary, peer, workload, settings: all, ...hooks }));
    },
  };
}
