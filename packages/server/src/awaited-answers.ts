/**
 * Who gets the answers to what was emitted to one socket alone, and an error when there is none: in time, or, where the
 * socket has a session, before its connection ends. Such events are not stored, so nobody else will ever answer.
 */

import { throwLater } from "./host/throw-later.ts";
import { Alarm, type TimerWheel } from "./host/timer-wheel.ts";

// biome-ignore lint/suspicious/noExplicitAny: whatever the application declared
export type Ack = (...args: any[]) => void;

export interface AwaitedAnswer {
  readonly id: number;
  readonly ack: Ack;
  /** The callback gets an error first, after so many milliseconds. Infinity: only when the connection ends. */
  readonly timeoutMs: number | undefined;
  /** What `ack` is called with as `this`. */
  readonly socket: object;
  readonly wheel: TimerWheel;
}

export class AwaitedAnswers {
  /** By the ids of their packets; adapters add their own. */
  readonly acks = new Map<number, Ack>();
  readonly #failures = new Map<number, (error: Error) => void>();

  add({ id, ack, timeoutMs, socket, wheel }: AwaitedAnswer): void {
    if (timeoutMs === undefined) {
      this.acks.set(id, ack);
      return;
    }
    const settle = (error: Error | null, args: unknown[]): void => {
      wheel.disarm(alarm);
      this.acks.delete(id);
      this.#failures.delete(id);
      ack.call(socket, error, ...args);
    };
    const alarm = new Alarm(socket, () => settle(new Error("operation has timed out"), []));
    if (timeoutMs !== Number.POSITIVE_INFINITY) wheel.arm(alarm, timeoutMs);
    this.#failures.set(id, (error) => settle(error, []));
    this.acks.set(id, (...args) => settle(null, args));
  }

  /** Nobody will answer any more. Callbacks without a place for an error are not called, as in Socket.IO. */
  fail(error: Error): void {
    for (const failure of [...this.#failures.values()]) throwLater(() => failure(error));
  }
}
