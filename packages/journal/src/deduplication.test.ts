/** What is remembered of message ids. Goal: what a list of them would say, after any calls; the window is kept to the id. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, it } from "vitest";
import { DeduplicationTable, type RememberedId } from "./deduplication.ts";
import type { MessageId } from "./journal.ts";

/** The plainest there can be. */
class Model {
  readonly #window: { ageMs: number; ids: number };
  #list: { id: MessageId; kept: RememberedId }[] = [];

  constructor(window: { ageMs: number; ids: number }) {
    this.#window = window;
  }

  get size(): number {
    return this.#list.length;
  }

  find(id: MessageId, nowMs: number): RememberedId | undefined {
    const found = this.#list.find((one) => isSame(one.id, id))?.kept;
    return found !== undefined && nowMs - found.atMs < this.#window.ageMs ? found : undefined;
  }

  remember(id: MessageId, offset: number, nowMs: number): void {
    this.#list = this.#list.filter((one) => !isSame(one.id, id));
    this.#list.push({ id, kept: { digest: id.digest, offset, atMs: nowMs } });
    const { ageMs, ids } = this.#window;
    const isOver = () => {
      const [oldest] = this.#list;
      return oldest !== undefined && (this.size > ids || nowMs - oldest.kept.atMs >= ageMs);
    };
    while (isOver()) this.#list.shift();
  }
}

function isSame(one: MessageId, other: MessageId): boolean {
  return one.producer === other.producer && one.id === other.id;
}

it("says what a list would say, whatever is remembered, repeated and forgotten", () => {
  const text = fc.constantFrom("", "a", "b", "1 a", "aa");
  const step = fc.record({ producer: text, id: text, waitMs: fc.nat(8), anew: fc.boolean() });
  const window = fc.record({ ageMs: fc.integer({ min: 1, max: 40 }), ids: fc.nat(8) });
  fc.assert(
    fc.property(window, fc.array(step, { maxLength: 80 }), (of, steps) => {
      const table = new DeduplicationTable(of);
      const model = new Model(of);
      let nowMs = 0;
      for (const [n, { producer, id, waitMs, anew }] of steps.entries()) {
        nowMs += waitMs;
        const message = { producer, id, digest: `d${n}` };
        const expected = model.find(message, nowMs);
        const { digest, offset, atMs } = table.find(message, nowMs) ?? {};
        expect({ digest, offset, atMs }).toEqual({
          digest: expected?.digest,
          offset: expected?.offset,
          atMs: expected?.atMs,
        });
        if (expected === undefined || anew) {
          table.remember(message, n, nowMs);
          model.remember(message, n, nowMs);
        }
        expect(table.size).toBe(model.size);
      }
    }),
    { numRuns: 2_000 },
  );
});

it("has exactly the newest ids, far beyond the window", () => {
  const ids = 3_000;
  const table = new DeduplicationTable({ ageMs: Number.POSITIVE_INFINITY, ids });
  const message = (n: number): MessageId => ({ producer: "p", id: `id-${n}`, digest: "d" });
  for (let n = 0; n < 4 * ids; n++) table.remember(message(n), n, 0);
  expect(table.size).toBe(ids);
  const found = Array.from({ length: 4 * ids }, (_, n) => table.find(message(n), 0)?.offset);
  expect(found.map((offset, n) => offset === n)).toEqual(found.map((_, n) => n >= 3 * ids));
});

it("takes no more memory, however many it has forgotten", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const table = new DeduplicationTable({ ageMs: Number.POSITIVE_INFINITY, ids: 100 });
  const remember = (from: number, to: number) => {
    for (let n = from; n < to; n++)
      table.remember({ producer: "p", id: `${n}`, digest: "d" }, n, 0);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = remember(0, 10_000);
  // A place in the queue is eight bytes: without an end that were more than 7 MB.
  expect(remember(10_000, 1_000_000) - before).toBeLessThan(3_000_000);
});
