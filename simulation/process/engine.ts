/** The real engine, without the HTTP and WebSocket servers around it: requests and sockets come from the simulated network. */
import { decodePayload } from "@holdfast/protocol";
import { Engine, parseQuery, type Transport } from "../../packages/server/src/testing/index.ts";
import type { DuplexFlow } from "../network/duplex-flow.ts";
import { acceptRequest, type HttpCall, type HttpReply, webSocketRequest } from "../network/http.ts";
import { type Frame, ServerWebSocket } from "../network/web-socket.ts";
import type { EngineWatcher } from "../oracle/engine-watcher.ts";

/** Whoever keeps the network's end of what this process holds. */
interface Holder {
  readonly flows: Set<DuplexFlow<unknown, unknown>>;
}

export class SimulatedEngine extends Engine {
  /** What the operating system of this process does a moment later. */
  soon: (run: () => void) => void = process.nextTick;
  watcher: EngineWatcher = { leaves() {}, holds() {}, arrives() {} };

  /** No server of `ws`. */
  protected override init(): void {}

  /** Shows how much waits for each connection, when it is most. */
  showHeld(): void {
    for (const id in this.clients) {
      const bytes = this.clients[id]?.unsentBytes ?? 0;
      if (bytes > 0) this.watcher.holds(id, bytes);
    }
  }

  takeRequest(call: HttpCall, flow: DuplexFlow<HttpCall, HttpReply>, holder: Holder): void {
    let sid = /[?&]sid=([\w-]+)/.exec(call.url)?.[1] ?? "";
    const accepted = acceptRequest(call, flow, this.soon, (body) => {
      for (const packet of decodePayload(body).packets) {
        if (packet.type === "open") sid = /"sid":"([\w-]+)"/.exec(packet.data ?? "")?.[1] ?? "";
        this.watcher.leaves(sid, packet);
      }
    });
    flow.accept(holder, { received() {}, ended: () => accepted.end() });
    this.handleRequest(accepted.request, accepted.response);
    if (call.method !== "POST") return;
    this.soon(() => {
      for (const packet of decodePayload(call.body).packets) this.watcher.arrives(sid, packet);
      accepted.upload();
    });
  }

  takeWebSocket(
    url: string,
    flow: DuplexFlow<Frame, Frame>,
    holder: Holder & { readonly kernelBytes: number },
  ): void {
    const message = webSocketRequest(url);
    const request = parseQuery(message);
    const refuse = () => flow.closeByServer();
    const proceed = () => {
      flow.sendDown({ kind: "accepted" }, 100);
      const transport = new ServerWebSocket(flow, holder.kernelBytes, this.watcher);
      flow.accept(holder, {
        received: (frame) => transport.take(frame),
        ended: () => transport.end(),
      });
      this.#place(request._query["sid"], transport, () => {
        this.handshake(request, () => transport, refuse);
      });
    };
    flow.accept(holder, { received() {}, ended() {} });
    this.admit(request, undefined, proceed, refuse);
  }

  #place(sid: string | undefined, transport: Transport, connect: () => void): void {
    if (sid === undefined) {
      connect();
      return;
    }
    const connection = this.clients[sid];
    if (connection === undefined || connection.upgrading || connection.upgraded) transport.close();
    else connection._maybeUpgrade(transport);
  }
}
