/**
 * A WebSocket of the simulation: for the stock client a transport like its own, for the server one like
 * transports/websocket.ts, with the same back-pressure. Packets travel as they are; frames are tested elsewhere.
 */
import type { EnginePacket } from "@holdfast/protocol";
import { Transport as ClientTransport } from "engine.io-client";
import type { Packet as ClientPacket } from "engine.io-parser";
import { type OutboxNode, Transport } from "../../packages/server/src/testing/index.ts";
import type { EngineWatcher } from "../oracle/engine-watcher.ts";
import { DuplexFlow } from "./duplex-flow.ts";
import type { Network } from "./network.ts";
import type { Path } from "./path.ts";

export type Frame =
  | { readonly kind: "connect"; readonly url: string }
  | { readonly kind: "accepted" }
  | { readonly kind: "packet"; readonly packet: EnginePacket };

/** What a client's transports are made with, among the options that the stock client hands them. */
export interface SimulatedOptions {
  readonly path: Path;
  readonly network: Network;
  /** The page is no more: nothing leaves it. */
  gone: boolean;
}

/** The options of the stock client are open: whatever they hold comes through to its transports. */
export function simulatedOptions(transport: object): SimulatedOptions {
  const { opts = {} }: { opts?: { simulated?: SimulatedOptions } } = transport;
  const { simulated } = opts;
  if (simulated === undefined) throw new Error("the client has no simulated network");
  return simulated;
}

export class ClientWebSocket extends ClientTransport {
  #flow: DuplexFlow<Frame, Frame> | undefined;

  get name(): string {
    return "websocket";
  }

  protected doOpen(): void {
    const { path, network, gone } = simulatedOptions(this);
    if (gone) return;
    const url = this.createUri("ws", this.query);
    const flow: DuplexFlow<Frame, Frame> = new DuplexFlow<Frame, Frame>(path, {
      received: (frame) => this.#received(frame),
      ended: () => {
        if (this.readyState === "opening") this.onError("websocket error", undefined, undefined);
        else this.onClose();
      },
    });
    this.#flow = flow;
    path.scheduler.after(path.delay(), () => reach(network, path, flow, url));
  }

  #received(frame: Frame): void {
    if (frame.kind === "accepted") {
      this.onOpen();
    } else if (frame.kind === "packet") {
      // The packets of both libraries have the same shape.
      this.onPacket(frame.packet);
    }
  }

  protected write(packets: ClientPacket[]): void {
    this.writable = false;
    for (const { type, data } of packets) {
      const packet = (data === undefined ? { type } : { type, data }) as EnginePacket;
      this.#flow?.sendUp({ kind: "packet", packet }, sizeOf(packet));
    }
    process.nextTick(() => {
      this.writable = true;
      this.emitReserved("drain");
    });
  }

  protected doClose(): void {
    this.#flow?.closeByClient();
  }
}

/** The first packet of a connection has come as far as the server's machine. */
function reach(network: Network, path: Path, flow: DuplexFlow<Frame, Frame>, url: string): void {
  if (path.isBlocked("up")) {
    path.whenUnblocked(() => reach(network, path, flow, url));
    return;
  }
  if (network.listener === undefined)
    flow.cut({ tellClient: true, tellServer: false, reset: true });
  else network.listener.acceptWebSocket(url, flow);
}

export class ServerWebSocket extends Transport {
  readonly #flow: DuplexFlow<Frame, Frame>;
  readonly #kernelBytes: number;
  readonly #watcher: EngineWatcher;
  #waiting: (() => void)[] = [];
  #blocked = false;

  constructor(flow: DuplexFlow<Frame, Frame>, kernelBytes: number, watcher: EngineWatcher) {
    super();
    this.#flow = flow;
    this.#kernelBytes = kernelBytes;
    this.#watcher = watcher;
    flow.down.onProgress = () => this.#progress();
  }

  get name(): "websocket" {
    return "websocket";
  }

  /** What the kernel has not taken: it lies in the memory of the process. */
  override get unsentBytes(): number {
    return Math.max(0, this.#flow.down.bytesUnderWay - this.#kernelBytes);
  }

  get ready(): boolean {
    return !this.#blocked && this.readyState === "open";
  }

  override get writable(): boolean {
    return super.writable && this.unsentBytes === 0;
  }

  sendPending(pending: OutboxNode, sent: (() => void) | undefined): void {
    for (const packet of pending.packets()) this.send(packet.enginePackets());
    this.#watcher.holds(this.sid ?? "", this.unsentBytes);
    if (sent !== undefined) this.#waiting.push(sent);
    if (this.unsentBytes > 0) this.#blocked = true;
    else process.nextTick(() => this.#progress());
  }

  send(packets: readonly EnginePacket[]): void {
    if (this.readyState !== "open") return;
    for (const packet of packets) {
      this.#watcher.leaves(this.sid ?? "", packet);
      this.#flow.sendDown({ kind: "packet", packet }, sizeOf(packet));
    }
  }

  #progress(): void {
    if (this.unsentBytes > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const sent of waiting) sent();
    if (!this.#blocked) return;
    this.#blocked = false;
    if (this.readyState === "open") this.onReady();
  }

  protected doClose(done: () => void): void {
    this.#flow.closeByServer();
    done();
  }

  /** A frame has come. */
  take(frame: Frame): void {
    if (frame.kind !== "packet") return;
    this.#watcher.arrives(this.sid ?? "", frame.packet);
    this.onPacket(frame.packet);
  }

  /** The other side is gone. */
  end(): void {
    this.onClose();
  }
}

function sizeOf(packet: EnginePacket): number {
  return (packet.data?.length ?? 0) + 3;
}
