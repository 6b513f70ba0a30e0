/** What the oracle is told, and what it gives back to be told more. */
import type { Violation } from "./violation.ts";

/** A publish whose end is awaited. */
export interface Publishing {
  resolved(position: string, duplicate: boolean): void;
  rejected(code: string): void;
  /** It was published before. */
  readonly again: boolean;
}

/** A broadcast whose answers are awaited. */
export interface Asked {
  answered(answers: readonly unknown[]): void;
}

export interface OracleOptions {
  /** Whether sessions outlive connections and what they miss is given to them later. */
  readonly durable: boolean;
  /** Whether there is a journal, which tells what is committed. */
  readonly journal: boolean;
  /** Whether sessions are found by the names of their devices. */
  readonly identify: boolean;
  readonly highWaterBytes: number;
  /** The first offset that is kept of a namespace's stream. */
  readonly tail: (namespace: string) => number;
  /** The ids of the epochs of a namespace's stream. */
  readonly epochs: (namespace: string) => readonly string[];
  /** How many clients a name has, where there may be several. */
  readonly tabs: ReadonlyMap<string, number> | undefined;
  /** Whether a client would answer at once on this connection. */
  readonly answers: (tab: string, connectionId: string) => boolean;
  /** A violation that would be swallowed where it is thrown. */
  readonly failed: (violation: Violation) => void;
  /** Whether the process has the stream of a namespace open. */
  readonly isOpen: (namespace: string) => boolean;
  /** What the clock on the wall says. */
  readonly wallMs: () => number;
  /** A receipt that is known for so long is stored. */
  readonly receiptStoredMs: number;
}

/** On which connection something reached a client, and in which of its stays in the namespace. */
export interface Arrival {
  readonly connectionId: string;
  /** Counted by the client, from 1; 0 before the first. */
  readonly stayNumber: number;
}
