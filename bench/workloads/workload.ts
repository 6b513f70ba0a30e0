/** What every workload answers to. */
import type { LoadOptions, LoadResult } from "../harness/load-generator.ts";
import type { PeerProcess } from "../harness/peer-process.ts";
import type { PeerName } from "../harness/peers.ts";

export const workloadIds = ["W1", "W1s", "W2", "W3", "W3p", "storm", "memory", "polling"] as const;
export type WorkloadId = (typeof workloadIds)[number];

export interface Figure {
  /** What the ratio is made of: CPU microseconds or resident bytes per unit. Less is better. */
  readonly cost: number;
  readonly load: LoadResult;
  readonly heapBytesPerUnit?: number;
}

export interface RunSettings {
  readonly loadgen: string;
  readonly quick: boolean;
  readonly warmupMs: number;
  readonly measureMs: number;
  /** All clients acknowledge (TCP) whatever they have read, at once: see "The durable part" in README.md. */
  readonly immediateAcks?: boolean;
  /** The load is measured in turns, each of `measureMs` after so many milliseconds: see `LoadInTurns`. */
  readonly settleMs?: number;
  readonly windowOpened?: () => void;
  readonly windowClosed?: () => void;
}

export interface Workload {
  readonly id: WorkloadId;
  readonly title: string;
  /** What one unit of the figures is. */
  readonly unit: "delivery" | "round trip" | "handshake" | "connection";
  readonly cost: "cpu" | "memory";
  readonly peers: readonly PeerName[];
  measure(peer: PeerProcess, settings: RunSettings): Promise<Figure>;
  /** The load itself, where it is a steady one. */
  load?(peer: PeerProcess, settings: RunSettings): LoadOptions;
}

export function cpuPerUnit(load: LoadResult): Figure {
  if (load.delivered === 0) throw new Error("nothing was delivered in the window");
  return { cost: (load.serverCpuSeconds * 1e6) / load.delivered, load };
}

/** The part of the settings that is passed on to every run of the load generator. */
export function windowOf({
  loadgen,
  warmupMs,
  measureMs,
  immediateAcks = false,
  settleMs = 0,
  windowOpened,
  windowClosed,
}: RunSettings) {
  return {
    binary: loadgen,
    window: {
      "warmup-ms": warmupMs,
      "measure-ms": measureMs,
      "immediate-acks": immediateAcks ? 1 : 0,
      "settle-ms": settleMs,
    },
    hooks: {
      ...(windowOpened === undefined ? {} : { windowOpened }),
      ...(windowClosed === undefined ? {} : { windowClosed }),
    },
  };
}
