/** Where clients find the server: the process that listens now, if one does. */
import type { DuplexFlow, FlowOwner } from "./duplex-flow.ts";
import type { HttpCall, HttpReply } from "./http.ts";
import type { Frame } from "./web-socket.ts";

/** A process that takes connections. */
export interface Listener extends FlowOwner {
  acceptWebSocket(url: string, flow: DuplexFlow<Frame, Frame>): void;
  acceptRequest(call: HttpCall, flow: DuplexFlow<HttpCall, HttpReply>): void;
}

export class Network {
  /** Undefined while no process runs: connections are refused. */
  listener: Listener | undefined;
}
