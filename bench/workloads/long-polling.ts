/** Polling: what does an echo cost a client that cannot use WebSocket? */
import { runLoad } from "../harness/load-generator.ts";
import { cpuPerUnit, type Workload, windowOf } from "./workload.ts";

const clients = 300;

export const longPolling: Workload = {
  id: "polling",
  title: `long-polling echo, ${clients} clients, 1 in flight each, a GET and a POST per round trip`,
  unit: "round trip",
  cost: "cpu",
  peers: ["socket.io", "holdfast"],
  async measure(peer, settings) {
    const { binary, window, hooks } = windowOf(settings);
    const load = await runLoad({
      binary,
      peer,
      workload: "polling",
      settings: { ...window, clients },
      ...hooks,
    });
    return cpuPerUnit(load);
  },
};
