/**
 * Does at most so many things in one turn of the event loop, in their order: thousands of clients that come back at
 * once take their time, and everybody else has a turn in between.
 */
export class PerTurn {
  readonly #max: number;
  readonly #afterTurn: (run: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #done = 0;
  #scheduled = false;

  constructor(max: number, afterTurn: (run: () => void) => void) {
    this.#max = max;
    this.#afterTurn = afterTurn;
  }

  /** Runs it a tick later, if it is among the first of this turn; an error is the process's, and ends no other. */
  add(run: () => void): void {
    this.#waiting.push(run);
    this.#begin();
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#afterTurn(() => this.#nextTurn());
  }

  #begin(): void {
    while (this.#done < this.#max) {
      const run = this.#waiting.shift();
      if (run === undefined) return;
      this.#done++;
      process.nextTick(run);
    }
  }

  #nextTurn(): void {
    this.#done = 0;
    this.#begin();
    this.#scheduled = this.#done > 0;
    if (this.#scheduled) this.#afterTurn(() => this.#nextTurn());
  }
}
