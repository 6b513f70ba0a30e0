/** For tests: a clock that the test turns, and its timers. */
import type { Host } from "./host.ts";

export class ManualHost implements Pick<Host, "monotonicMs" | "startTimer"> {
  nowMs = 0;
  timers: { dueMs: number; run: () => void }[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  startTimer(delayMs: number, run: () => void, background = false) {
    if (!background) throw new Error("a timer that keeps the process alive");
    const timer = { dueMs: this.nowMs + delayMs, run };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((other) => other !== timer);
      },
    };
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const next = this.timers.sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.nowMs = next.dueMs;
      this.timers = this.timers.filter((other) => other !== next);
      next.run();
    }
    this.nowMs = endMs;
  }
}
