/** Several servers joined by a bus in this process: the base class of the cluster adapters, with a real copy of each message. */
import type { ServerOptions } from "holdfast";
import {
  ClusterAdapter,
  type ClusterAdapterOptions,
  type ClusterMessage,
  type ClusterResponse,
} from "socket.io-adapter";
import { type Running, start } from "../../support/clients.ts";

type Bus = Map<string, Set<BusAdapter>>;

class BusAdapter extends ClusterAdapter {
  readonly #bus: Bus;
  readonly #servers: number;

  constructor(nsp: { name: string }, bus: Bus, servers: number, _options?: ClusterAdapterOptions) {
    super(nsp);
    this.#bus = bus;
    this.#servers = servers;
    const peers = bus.get(nsp.name) ?? new Set();
    bus.set(nsp.name, peers.add(this));
  }

  override serverCount(): Promise<number> {
    return Promise.resolve(this.#servers);
  }

  protected override doPublish(message: ClusterMessage): Promise<string> {
    this.#deliver((peer) => peer.onMessage(structuredClone(message)));
    return Promise.resolve("0-0");
  }

  protected override doPublishResponse(
    requester: string,
    response: ClusterResponse,
  ): Promise<void> {
    this.#deliver((peer) => {
      if (peer.uid === requester) peer.onResponse(structuredClone(response));
    });
    return Promise.resolve();
  }

  #deliver(hand: (peer: BusAdapter) => void): void {
    const peers = this.#bus.get((this.nsp as { name: string }).name) ?? new Set();
    setImmediate(() => {
      for (const peer of peers) if (peer !== this) hand(peer);
    });
  }
}

/** Servers that know each other through the adapter only. */
export async function startLinked(
  count: number,
  options: Partial<ServerOptions> = {},
): Promise<Running[]> {
  const bus: Bus = new Map();
  const adapter = function linkedAdapter(nsp: { name: string }) {
    return new BusAdapter(nsp, bus, count);
  };
  const servers: Running[] = [];
  for (let i = 0; i < count; i++) {
    servers.push(await start({ ...options, adapter: adapter as never }));
  }
  return servers;
}
