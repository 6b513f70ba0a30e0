/** One direction of one flow: first in, first out, each item after the delay of its path. */
import type { Direction, Path } from "./path.ts";

interface Item<Value> {
  readonly value: Value;
  readonly bytes: number;
  readonly tick: number;
}

export class Pipe<Value> {
  /** What was sent and has not arrived. */
  bytesUnderWay = 0;
  /** Called after each arrival. */
  onProgress: (() => void) | undefined;
  readonly #path: Path;
  readonly #direction: Direction;
  readonly #deliver: (value: Value) => void;
  #items: Item<Value>[] = [];
  #latestTick = 0;
  #moving = false;
  #broken = false;

  constructor(path: Path, direction: Direction, deliver: (value: Value) => void) {
    this.#path = path;
    this.#direction = direction;
    this.#deliver = deliver;
  }

  send(value: Value, bytes: number): void {
    this.bytesUnderWay += bytes;
    if (this.#broken) return;
    const { scheduler, bytesPerMs } = this.#path;
    const soonest = Math.max(scheduler.now + this.#path.delay(), this.#latestTick);
    const tick =
      bytesPerMs === 0 || this.#direction === "up"
        ? soonest
        : soonest + Math.ceil(bytes / bytesPerMs);
    this.#latestTick = tick;
    this.#items.push({ value, bytes, tick });
    if (!this.#moving) this.#move(tick);
  }

  /** Loses what is under way and all that will be sent. */
  break(): void {
    this.#broken = true;
    this.#items = [];
  }

  #move(tick: number): void {
    this.#moving = true;
    this.#path.scheduler.at(tick, () => this.#arrive());
  }

  #arrive(): void {
    this.#moving = false;
    if (this.#broken) return;
    if (this.#path.isBlocked(this.#direction)) {
      this.#moving = true;
      this.#path.whenUnblocked(() => this.#arrive());
      return;
    }
    const item = this.#items.shift();
    if (item === undefined) return;
    const [next] = this.#items;
    if (next !== undefined) this.#move(next.tick);
    this.bytesUnderWay -= item.bytes;
    this.#deliver(item.value);
    this.onProgress?.();
  }
}
