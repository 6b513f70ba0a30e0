/** Time, as the journal sees it. A simulation gives its own. */
export interface Clock {
  /** Milliseconds of a clock that never jumps; only differences have a meaning. */
  monotonicMs(): number;
  /** Milliseconds since 1970. For people and retention; it may jump. */
  wallMs(): number;
  /** Calls `run` once, `delayMs` from now. @returns what cancels it. It does not keep the process alive. */
  startTimer(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  startTimer(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
