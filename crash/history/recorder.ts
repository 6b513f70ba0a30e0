/** Writes the lines of a history to a file, each before it returns: a writer that is killed has told all it did. */
import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import type { Line } from "./lines.ts";

/** Of a union, each member without its time. */
type Untimed<L> = L extends Line ? Omit<L, "at"> : never;

export class Recorder {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  write(line: Untimed<Line>): void {
    writeSync(this.#file, `${JSON.stringify({ at: nowMicros(), ...line })}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Microseconds of the clock that every process of this machine reads; Python calls it time.monotonic_ns(). */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Tells one content from another. */
export function hashOf(content: string): string {
  return createHash("sha1").update(content).digest("base64url").slice(0, 12);
}
