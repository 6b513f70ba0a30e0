/** W1, W1s: what does one event to a room of a thousand cost, with many in flight and with one? */
import { peerNames } from "../harness/peers.ts";
import { steadyLoad } from "./steady-load.ts";
import type { Workload, WorkloadId } from "./workload.ts";

const subscribers = 1000;

function fanOut(id: WorkloadId, inFlight: number): Workload {
  return steadyLoad({
    id,
    title: `1 publisher, ${subscribers} members, ${inFlight} in flight`,
    unit: "delivery",
    peers: peerNames,
    workload: "relay",
    settings: { rooms: 1, members: subscribers, window: inFlight, publisher: "outside" },
  });
}

export const fanOutPipelined = fanOut("W1", 16);
export const fanOutSingle = fanOut("W1s", 1);
