/** Waiting, but not for ever. */
import type { Host, TimerHandle } from "./host.ts";

/** Resolves when that has come, at the latest after the time. */
export async function atMost(host: Host, delayMs: number, comes: Promise<unknown>): Promise<void> {
  let timer: TimerHandle | undefined;
  const late = new Promise<void>((resolve) => {
    timer = host.startTimer(delayMs, resolve);
  });
  await Promise.race([comes, late]);
  // The process may want to end.
  timer?.cancel();
}
