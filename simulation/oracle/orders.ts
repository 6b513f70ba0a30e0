/**
 * Handlers with `once`: each order of a client has one answer, and one effect but for what a crash between the effect
 * and the record of the answer repeats; then the handler is told so.
 */
import type { SessionModel } from "./session-model.ts";
import { Violation } from "./violation.ts";

/** What a handler returns: which order of whom it was, and which run of the handler. */
export interface OrderAnswer {
  readonly order: number;
  readonly run: number;
}

/** One order, as the server sees it: from one client, under one id. */
interface Order {
  readonly number: number;
  readonly what: string;
  /** How often the handler has begun. */
  runs: number;
  /** One runs now, in this life of the server. */
  running: boolean;
  /** One has come to its answer, in this life of the server. */
  returned: boolean;
  /** The run whose answer has left the server. */
  answered: number | undefined;
}

/** A call of the handler. */
export interface OrderRun {
  returns(): OrderAnswer;
  throws(): void;
}

export class Orders {
  readonly #fail: (violation: Violation) => void;
  readonly #orders: Order[] = [];
  /** By whose it is and its id. */
  #byWhom = new Map<string | SessionModel, Map<string, Order>>();
  /** Orders that clients wait for. */
  readonly #awaited = new Map<string, unknown>();

  /** @param fail told of a violation before it is thrown: what a handler throws is the server's to catch */
  constructor(fail: (violation: Violation) => void) {
    this.#fail = fail;
  }

  #violated(what: string): never {
    const violation = new Violation("I3 one effect", what);
    this.#fail(violation);
    throw violation;
  }

  /** The handler is called. @param whom who keeps answers apart: an identity, or a session */
  begins(whom: string | SessionModel, id: string, attempt: number): OrderRun {
    const order = this.#order(whom, id);
    const { what, answered } = order;
    order.runs++;
    const run = order.runs;
    if (order.running) this.#violated(`${what} ran while it was running`);
    if (answered !== undefined) {
      this.#violated(`${what} ran again, though its answer had left`);
    }
    if (order.returned) this.#violated(`${what} ran again, and had an answer`);
    if (attempt < run) {
      this.#violated(`run ${run} of ${what} was told that it is attempt ${attempt}`);
    }
    order.running = true;
    return {
      returns: () => {
        order.running = false;
        order.returned = true;
        return { order: order.number, run };
      },
      throws: () => {
        order.running = false;
      },
    };
  }

  #order(whom: string | SessionModel, id: string): Order {
    const known = this.#byWhom.get(whom) ?? new Map<string, Order>();
    this.#byWhom.set(whom, known);
    let order = known.get(id);
    if (order === undefined) {
      const number = this.#orders.length;
      order = { number, what: id, runs: 0, running: false, returned: false, answered: undefined };
      this.#orders.push(order);
      known.set(id, order);
    }
    return order;
  }

  /** An answer leaves the server. */
  leaves({ order: number, run }: OrderAnswer): void {
    const order = this.#orders[number];
    if (order === undefined) this.#violated(`an answer to no order: ${number}`);
    order.answered ??= run;
    if (order.answered === run) return;
    const two = `those of run ${order.answered} and of run ${run}`;
    this.#violated(`${order.what} had two answers: ${two}`);
  }

  /** The process is no more, or its store stores nothing any more. */
  crashed(): void {
    for (const order of this.#orders) {
      order.running = false;
      order.returned = false;
    }
  }

  /** The store was the memory of the process. */
  lostAll(): void {
    this.crashed();
    this.#byWhom = new Map();
  }

  // --- the clients ---

  /** A client orders. @param page what it waits for ends with the page */
  awaits(id: string, page: unknown): void {
    this.#awaited.set(id, page);
  }

  /** The client has its answer. */
  answered(id: string, answer: unknown): void {
    const { order }: { order?: unknown } =
      typeof answer === "object" && answer !== null ? answer : {};
    const what = this.#orders[Number(order)]?.what;
    if (what !== id) this.#violated(`${id} got the answer to ${what}`);
    this.#awaited.delete(id);
  }

  pageGone(page: unknown): void {
    for (const [id, of] of this.#awaited) if (of === page) this.#awaited.delete(id);
  }

  /** An order that nobody has answered. */
  get open(): string | undefined {
    const [id] = this.#awaited.keys();
    return id;
  }
}
