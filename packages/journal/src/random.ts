/** Chance, as the journal sees it. A simulation gives its own. */
import { randomBytes } from "node:crypto";

export interface Random {
  /** Unpredictable bytes. */
  bytes(count: number): Uint8Array;
}

export const systemRandom: Random = { bytes: (count) => randomBytes(count) };
