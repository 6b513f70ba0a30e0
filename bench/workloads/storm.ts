/** Storm: what does a handshake cost when everybody comes at once? */
import { runLoad } from "../harness/load-generator.ts";
import { peerNames } from "../harness/peers.ts";
import { cpuPerUnit, type Workload, windowOf } from "./workload.ts";

const clients = 5000;
/** Come first and stay, so that the window measures compiled code: after 2,000, V8 still compiles ninety functions in it. */
const warmClients = 6000;

export const storm: Workload = {
  id: "storm",
  title: `${clients} connects, 64 at a time, websocket only`,
  unit: "handshake",
  cost: "cpu",
  peers: peerNames,
  async measure(peer, settings) {
    const { binary, hooks } = windowOf(settings);
    const load = await runLoad({
      binary,
      peer,
      workload: "storm",
      settings: { clients, "warm-clients": warmClients },
      ...hooks,
    });
    return cpuPerUnit(load);
  },
};
