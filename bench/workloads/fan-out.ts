/** W1, W1s: what does one event to a room of a thousand cost, with many in flight and with one? */
import { runLoad } from "../harness/load-generator.ts";
import { peerNames } from "../harness/peers.ts";
import { cpuPerUnit, type Workload, type WorkloadId, windowOf } from "./workload.ts";

const subscribers = 1000;

function fanOut(id: WorkloadId, inFlight: number): Workload {
  return {
    id,
    title: `1 publisher, ${subscribers} members, ${inFlight} in flight`,
    unit: "delivery",
    cost: "cpu",
    peers: peerNames,
    async measure(peer, settings) {
      const { binary, window, hooks } = windowOf(settings);
      const load = await runLoad({
        binary,
        peer,
        workload: "relay",
        settings: {
          ...window,
          rooms: 1,
          members: subscribers,
          window: inFlight,
          publisher: "outside",
        },
        ...hooks,
      });
      return cpuPerUnit(load);
    },
  };
}

export const fanOutPipelined = fanOut("W1", 16);
export const fanOutSingle = fanOut("W1s", 1);
