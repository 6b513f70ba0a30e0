/** A clock that stands until it is told to go on. Whole milliseconds: sums of fractions change the order of timers. */
import type { Clock } from "../clock.ts";

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

export class ManualClock implements Clock {
  #monotonicMs = 0;
  #wallMs: number;
  /** In the order in which they were started. */
  readonly #timers = new Set<Timer>();

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  startTimer(delayMs: number, run: () => void): () => void {
    const timer: Timer = { dueMs: this.#monotonicMs + Math.max(1, Math.ceil(delayMs)), run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, on the monotonic clock. */
  get nextTimerMs(): number | undefined {
    return this.#next()?.dueMs;
  }

  /** Lets time pass; timers run at their time, in the order in which they are due. */
  advance(ms: number): void {
    const endMs = this.#monotonicMs + ms;
    for (let next = this.#next(); next !== undefined && next.dueMs <= endMs; next = this.#next()) {
      this.#pass(Math.max(0, next.dueMs - this.#monotonicMs));
      this.#timers.delete(next);
      next.run();
    }
    this.#pass(endMs - this.#monotonicMs);
  }

  /** Sets the wall clock forward or back. The monotonic clock and the timers know nothing of it. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  /** What a killed process leaves behind: no timer. */
  dropTimers(): void {
    this.#timers.clear();
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    }
    return next;
  }

  #pass(ms: number): void {
    this.#monotonicMs += ms;
    this.#wallMs += ms;
  }
}
