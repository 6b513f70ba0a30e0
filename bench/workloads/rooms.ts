/** W3, W3p: what does an event to one of many small rooms cost? A member emits, all members get it. */
import { peerNames } from "../harness/peers.ts";
import { steadyLoad } from "./steady-load.ts";
import type { Workload, WorkloadId } from "./workload.ts";

const roomCount = 400;
const membersPerRoom = 5;

function rooms(id: WorkloadId, inFlight: number): Workload {
  return steadyLoad({
    id,
    title: `${roomCount} rooms of ${membersPerRoom}, ${inFlight} in flight per room`,
    unit: "delivery",
    peers: peerNames,
    workload: "relay",
    settings: { rooms: roomCount, members: membersPerRoom, window: inFlight },
  });
}

export const roomsSingle = rooms("W3", 1);
export const roomsPipelined = rooms("W3p", 8);
