/**
 * Virtual time, in whole milliseconds, and the order of everything.
 *
 * What is due at the same tick runs in the order in which it was scheduled. Each piece runs in a macrotask of its
 * own: Node drains promises and `process.nextTick` in between, so that their order is that of the code alone.
 */

export interface Scheduled {
  cancel(): void;
}

interface Item {
  readonly tick: number;
  readonly order: number;
  run: (() => void) | undefined;
}

const noRun: undefined = undefined;

export class Scheduler {
  now = 0;
  /** How many pieces have run. */
  steps = 0;
  #heap: Item[] = [];
  #order = 0;
  #turnEnds: (() => void)[] = [];

  at(tick: number, run: () => void): Scheduled {
    const item: Item = { tick: Math.max(tick, this.now), order: this.#order++, run };
    this.#push(item);
    return {
      cancel: () => {
        item.run = noRun;
      },
    };
  }

  after(delay: number, run: () => void): Scheduled {
    return this.at(this.now + delay, run);
  }

  /** Has `run` called when what is due now has run. */
  atEndOfTurn(run: () => void): void {
    this.#turnEnds.push(run);
  }

  /** Runs the next piece. @returns false when nothing is left, or nothing is due before `limit`. */
  step(limit: number): boolean {
    const next = this.#peek();
    if (this.#turnEnds.length > 0 && (next === undefined || next.tick > this.now)) {
      const ends = this.#turnEnds;
      this.#turnEnds = [];
      this.steps++;
      for (const end of ends) end();
      return true;
    }
    if (next === undefined || next.tick > limit) return false;
    this.#pop();
    this.now = next.tick;
    this.steps++;
    next.run?.();
    return true;
  }

  #peek(): Item | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || first.run !== undefined) return first;
      this.#pop();
    }
  }

  #push(item: Item): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(item);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || isBefore(parent, item)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = at * 2 + 1;
      const left = heap[childAt];
      if (left === undefined) break;
      const right = heap[childAt + 1];
      let child = left;
      if (right !== undefined && isBefore(right, left)) {
        child = right;
        childAt++;
      }
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}

function isBefore(left: Item, right: Item): boolean {
  return left.tick < right.tick || (left.tick === right.tick && left.order < right.order);
}

/** Immediates that are queued at once; Node drains ticks and promises after each of them. */
const batch = 64;

/** Calls `step`, each time in a macrotask of its own, until it gives false. */
export function drive(step: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    let over = false;
    const runOne = () => {
      if (over || step()) return;
      over = true;
      resolve();
    };
    const runBatch = () => {
      for (let count = 1; count < batch; count++) setImmediate(runOne);
      setImmediate(() => {
        runOne();
        if (!over) runBatch();
      });
    };
    runBatch();
  });
}
