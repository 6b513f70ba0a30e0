/** W2: what does an event with an ack cost, from many clients that wait for their answer? */
import { runLoad } from "../harness/load-generator.ts";
import { peerNames } from "../harness/peers.ts";
import { cpuPerUnit, type Workload, windowOf } from "./workload.ts";

const clients = 1000;

export const echo: Workload = {
  id: "W2",
  title: `echo with ack, ${clients} clients, 1 in flight each`,
  unit: "round trip",
  cost: "cpu",
  peers: peerNames,
  async measure(peer, settings) {
    const { binary, window, hooks } = windowOf(settings);
    const load = await runLoad({
      binary,
      peer,
      workload: "echo",
      settings: { ...window, clients },
      ...hooks,
    });
    return cpuPerUnit(load);
  },
};
