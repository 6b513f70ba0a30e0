/**
 * The way between one device and the server, and what can be wrong with it: slow, blocked in one direction or both,
 * or cut, with or without either side being told.
 */
import type { Random } from "../kernel/random.ts";
import type { Scheduler } from "../kernel/scheduler.ts";

export type Direction = "up" | "down";

/** Something open between a device and the server. */
export interface Flow {
  cut(cut: Cut): void;
}

export interface Cut {
  /** Whether each side is told at once. The other kind finds out when it sends something, or by its time-outs. */
  readonly tellClient: boolean;
  readonly tellServer: boolean;
  /** Whether a side that was not told gets a reset when it sends. Otherwise what it sends is lost in silence. */
  readonly reset: boolean;
}

export interface PathOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly lowMs: number;
  readonly highMs: number;
  /** What fits into the buffers of the kernels on the way to the device. */
  readonly kernelBytes: number;
}

/** What has been well for so long and delays no longer is well. */
const calmMs = 5_000;
const calmDelayMs = 60;

export class Path {
  readonly scheduler: Scheduler;
  readonly kernelBytes: number;
  #bytesPerMs = 0;
  /** When something was wrong last. */
  #troubleTick = 0;
  readonly flows = new Set<Flow>();
  readonly #random: Random;
  readonly #lowMs: number;
  readonly #highMs: number;
  readonly #blocked = { up: false, down: false };
  #waiting: (() => void)[] = [];

  constructor(options: PathOptions) {
    this.scheduler = options.scheduler;
    this.kernelBytes = options.kernelBytes;
    this.#random = options.random;
    this.#lowMs = options.lowMs;
    this.#highMs = options.highMs;
  }

  /** What a device takes per millisecond. 0: it does not limit. */
  get bytesPerMs(): number {
    return this.#bytesPerMs;
  }

  set bytesPerMs(bytes: number) {
    this.#bytesPerMs = bytes;
    this.#troubled();
  }

  #troubled(): void {
    this.#troubleTick = this.scheduler.now;
  }

  /** Nothing has been wrong for a while, and nothing takes long. */
  get isCalm(): boolean {
    const { up, down } = this.#blocked;
    const quick = this.#highMs <= calmDelayMs && this.#bytesPerMs === 0 && !up && !down;
    return quick && this.scheduler.now - this.#troubleTick > calmMs;
  }

  delay(): number {
    return this.#random.between(this.#lowMs, this.#highMs);
  }

  isBlocked(direction: Direction): boolean {
    return this.#blocked[direction];
  }

  /** From now on nothing arrives in this direction. What was sent is repeated by the kernel: it arrives after `unblock`. */
  block(direction: Direction): void {
    this.#blocked[direction] = true;
    this.#troubled();
  }

  unblock(): void {
    this.#troubled();
    this.#blocked.up = false;
    this.#blocked.down = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) this.scheduler.after(this.delay(), go);
  }

  whenUnblocked(go: () => void): void {
    this.#waiting.push(go);
  }

  cut(cut: Cut): void {
    this.#troubled();
    for (const flow of [...this.flows]) flow.cut(cut);
  }
}
