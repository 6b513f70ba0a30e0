/** W2: what does an event with an ack cost, from many clients that wait for their answer? */
import { peerNames } from "../harness/peers.ts";
import { steadyLoad } from "./steady-load.ts";

const clients = 1000;

export const echo = steadyLoad({
  id: "W2",
  title: `echo with ack, ${clients} clients, 1 in flight each`,
  unit: "round trip",
  peers: peerNames,
  workload: "echo",
  settings: { clients },
});
