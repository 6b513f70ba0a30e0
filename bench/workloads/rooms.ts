/** W3, W3p: what does an event to one of many small rooms cost? A member emits, all members get it. */
import { runLoad } from "../harness/load-generator.ts";
import { peerNames } from "../harness/peers.ts";
import { cpuPerUnit, type Workload, type WorkloadId, windowOf } from "./workload.ts";

const roomCount = 400;
const membersPerRoom = 5;

function rooms(id: WorkloadId, inFlight: number): Workload {
  return {
    id,
    title: `${roomCount} rooms of ${membersPerRoom}, ${inFlight} in flight per room`,
    unit: "delivery",
    cost: "cpu",
    peers: peerNames,
    async measure(peer, settings) {
      const { binary, window, hooks } = windowOf(settings);
      const load = await runLoad({
        binary,
        peer,
        workload: "relay",
        settings: { ...window, rooms: roomCount, members: membersPerRoom, window: inFlight },
        ...hooks,
      });
      return cpuPerUnit(load);
    },
  };
}

export const roomsSingle = rooms("W3", 1);
export const roomsPipelined = rooms("W3p", 8);
