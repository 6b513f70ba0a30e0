/** What one flush of this disk takes, with nothing around it: 200 bytes written into a file that has its full length. */
import fs from "node:fs";
import { join } from "node:path";

const messageBytes = 200;
const fileBytes = 4 * 1024 * 1024;

export interface BareFlush {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
  readonly [name: string]: number;
}

export function bareFlush(folder: string, durationMs: number): BareFlush {
  const path = join(folder, "bare-flush");
  const file = fs.openSync(path, "w");
  const latencies: number[] = [];
  try {
    fs.writeSync(file, Buffer.alloc(fileBytes));
    fs.fsyncSync(file);
    const message = Buffer.alloc(messageBytes, "x");
    const startMs = performance.now();
    while (performance.now() - startMs < durationMs) {
      fs.writeSync(file, message, 0, messageBytes, (latencies.length * messageBytes) % fileBytes);
      const beginMs = performance.now();
      fs.fdatasyncSync(file);
      latencies.push((performance.now() - beginMs) * 1000);
    }
    const sorted = latencies.sort((left, right) => left - right);
    const percentile = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
    const perSecond = (latencies.length / durationMs) * 1000;
    return { p50Us: percentile(0.5), p99Us: percentile(0.99), perSecond };
  } finally {
    fs.closeSync(file);
    fs.unlinkSync(path);
  }
}
