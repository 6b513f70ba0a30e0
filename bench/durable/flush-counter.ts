/** Counts the flushes that this process asks the kernel for: whatever the code above says of them. */
import fs from "node:fs";

let flushes = 0;

export function countedFlushes(): number {
  return flushes;
}

/** Call it before anything is flushed. */
export function countFlushes(): void {
  const { fdatasync, fsync } = fs;
  const counting = (original: typeof fsync) =>
    Object.assign((...args: Parameters<typeof fsync>) => {
      flushes++;
      original(...args);
    }, original);
  fs.fdatasync = counting(fdatasync);
  fs.fsync = counting(fsync);
}
