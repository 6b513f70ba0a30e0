/** The machine that a simulated server process runs on. When the process is killed, nothing of it runs any more. */
import type { Host, TimerHandle } from "../../packages/server/src/testing/index.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The clock on the wall of one machine: it may be set, and the processes on it see that. */
export interface WallClock {
  /** What is added to virtual time. */
  offsetMs: number;
}

export class SimulatedHost implements Host {
  alive = true;
  /** Told when a turn ends, before anything is written. */
  turnEnds: () => void = () => {};
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #wall: WallClock;
  readonly #bootTick: number;
  readonly #exited: () => void;

  /** @param exited the process has ended itself */
  constructor(scheduler: Scheduler, random: Random, wall: WallClock, exited: () => void) {
    this.#exited = exited;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#wall = wall;
    this.#bootTick = scheduler.now;
  }

  monotonicMs(): number {
    return this.#scheduler.now - this.#bootTick;
  }

  wallMs(): number {
    return this.#scheduler.now + this.#wall.offsetMs;
  }

  startTimer(delayMs: number, run: () => void): TimerHandle {
    return this.#scheduler.after(Math.max(1, Math.ceil(delayMs)), () => {
      if (this.alive) run();
    });
  }

  afterTurn(run: () => void): void {
    this.#scheduler.atEndOfTurn(() => {
      if (!this.alive) return;
      this.turnEnds();
      run();
    });
  }

  readonly pieceOfWork = 1;

  rest(): Promise<void> {
    return new Promise((resolve) => this.startTimer(this.#random.below(40), resolve));
  }

  exit(): void {
    if (this.alive) this.#exited();
  }

  newId(): string {
    let id = "";
    for (let count = 0; count < 20; count++) id += idCharacters.charAt(this.#random.below(64));
    return id;
  }
}
