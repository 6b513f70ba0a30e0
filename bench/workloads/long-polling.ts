/** Polling: what does an echo cost a client that cannot use WebSocket? */
import { steadyLoad } from "./steady-load.ts";

const clients = 300;

export const longPolling = steadyLoad({
  id: "polling",
  title: `long-polling echo, ${clients} clients, 1 in flight each, a GET and a POST per round trip`,
  unit: "round trip",
  peers: ["socket.io", "holdfast"],
  workload: "polling",
  settings: { clients },
});
