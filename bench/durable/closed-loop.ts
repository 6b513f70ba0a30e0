/** N publishes in flight within a server process: the next one is made when the oldest is acknowledged. */
import { performance } from "node:perf_hooks"; // The global one is a getter: a twentieth of what is measured.
import { countedFlushes } from "./flush-counter.ts";

export interface LoopRequest {
  readonly inFlight: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface LoopResult {
  readonly perSecond: number;
  /** CPU of the whole process, user and system: its helper threads too. */
  readonly cpuUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly flushesPerMessage: number;
  /** All that was acknowledged, warm-up included. */
  readonly acknowledged: number;
}

/** So many latencies are kept: every one in a window of usual length. */
const latenciesMax = 2_000_000;

interface Mark {
  readonly atMs: number;
  readonly cpu: NodeJS.CpuUsage;
  readonly acknowledged: number;
  readonly flushes: number;
}

/** No more publishers look at the clock, always the same: of a thousand, a look at each event is a twentieth of what is measured. */
const timedMost = 64;

/** @param publish begins one, and calls `done` when it is acknowledged, in the order of the calls */
export function closedLoop(
  request: LoopRequest,
  publish: (done: () => void) => void,
): Promise<LoopResult> {
  const latencies = new Float64Array(latenciesMax);
  const startMs = performance.now();
  const openMs = startMs + request.warmupMs;
  const closeMs = openMs + request.measureMs;
  let [acknowledged, inFlight, measured] = [0, 0, 0];
  let opened: Mark | undefined;
  let closed: Mark | undefined;
  const mark = (atMs: number): Mark => ({
    atMs,
    cpu: process.cpuUsage(),
    acknowledged,
    flushes: countedFlushes(),
  });
  const look = (nowMs: number, sentMs: number): void => {
    if (opened === undefined && nowMs >= openMs) opened = mark(nowMs);
    if (closed === undefined && nowMs >= closeMs) closed = mark(nowMs);
    if (opened !== undefined && closed === undefined && measured < latenciesMax) {
      latencies[measured++] = nowMs - sentMs;
    }
  };

  return new Promise((resolve) => {
    const begin = (isTimed: boolean): void => {
      let sentMs = performance.now();
      const done = (): void => {
        acknowledged++;
        if (isTimed) {
          // The next one is sent at once: one look for both.
          const nowMs = performance.now();
          look(nowMs, sentMs);
          sentMs = nowMs;
        }
        if (closed === undefined) publish(done);
        else if (--inFlight === 0 && opened !== undefined) {
          resolve(resultOf(opened, closed, latencies.subarray(0, measured).sort(), acknowledged));
        }
      };
      publish(done);
    };
    const every = Math.ceil(request.inFlight / timedMost);
    inFlight = request.inFlight;
    for (let index = 0; index < request.inFlight; index++) begin(index % every === 0);
  });
}

function resultOf(
  opened: Mark,
  closed: Mark,
  latencies: Float64Array,
  acknowledged: number,
): LoopResult {
  const messages = closed.acknowledged - opened.acknowledged;
  const cpuUs = closed.cpu.user - opened.cpu.user + (closed.cpu.system - opened.cpu.system);
  const percentile = (share: number) =>
    (latencies[Math.floor(latencies.length * share)] ?? 0) * 1000;
  return {
    perSecond: messages / ((closed.atMs - opened.atMs) / 1000),
    cpuUs: cpuUs / messages,
    p50Us: percentile(0.5),
    p99Us: percentile(0.99),
    flushesPerMessage: (closed.flushes - opened.flushes) / messages,
    acknowledged,
  };
}
