/**
 * Time, chance and the event loop, as the rest of the server sees them.
 *
 * Everything that a seeded simulation must be able to replace comes in through this interface;
 * no other file of the server touches `Date`, timers or the random generator.
 */
import { randomFillSync } from "node:crypto";
import { PerTurn } from "./per-turn.ts";

export interface TimerHandle {
  cancel(): void;
}

export interface Host {
  /** Milliseconds of a clock that never jumps; only differences have a meaning. */
  monotonicMs(): number;
  /** Milliseconds since 1970, for what people read. Never for deadlines. */
  wallMs(): number;
  /** Calls `run` once, `delayMs` from now. One in the background does not keep the process alive. */
  startTimer(delayMs: number, run: () => void, background?: boolean): TimerHandle;
  /** Calls `run` at the end of this turn of the event loop, when what had arrived has been read. */
  afterTurn(run: () => void): void;
  /** Work that takes long goes on in pieces of so many things, and rests between them. */
  readonly pieceOfWork: number;
  /** Resolves in another turn of the event loop, when everybody else had theirs. */
  rest(): Promise<void>;
  /** Ends the process. */
  exit(code: number): void;
  /** A new identifier: 20 characters of `[A-Za-z0-9_-]`, 120 bits of a CSPRNG. */
  newId(): string;
}

const idBytes = 15;
const idsPerBatch = 128;

/** Draws random bytes in batches: one system call per identifier costs more than all the rest of it. */
class IdSource {
  readonly #pool = Buffer.allocUnsafeSlow(idBytes * idsPerBatch);
  #offset = this.#pool.length;

  next(): string {
    if (this.#offset === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#offset = 0;
    }
    const start = this.#offset;
    this.#offset += idBytes;
    // 15 bytes are exactly 20 characters of base64url, so there is no padding to strip.
    const id = this.#pool.toString("base64url", start, this.#offset);
    this.#pool.fill(0, start, this.#offset);
    return id;
  }
}

const ids = new IdSource();

/** One in a turn, of all servers: ten thousand namespaces that are written down have a piece each. */
const pieces = new PerTurn(1, (run) => void setImmediate(run));

/** The real machine. */
export const nodeHost: Host = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  startTimer(delayMs, run, background = false) {
    const timer = setTimeout(run, delayMs);
    if (background) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  afterTurn(run) {
    setImmediate(run);
  },
  pieceOfWork: 250,
  rest: () => new Promise((resolve) => pieces.add(resolve)),
  exit: (code) => process.exit(code),
  newId: () => ids.next(),
};

/** What a seeded simulation puts in the place of the machine. */
export interface Simulated {
  readonly host: Host;
  /** A journal to use instead of the one that the option `store` names. Only `delivery/` knows what it is. */
  readonly journal?: unknown;
}

/** The key of an option that gives a server another machine. It is not exported, and so no part of the API. */
export const simulation: unique symbol = Symbol("holdfast.simulation");

/** What the options bring under the key {@link simulation}. */
export function simulatedBy(options: object): Simulated | undefined {
  const given: { [simulation]?: Simulated } = options;
  return given[simulation];
}
