/**
 * When a client is asked for a receipt. Goal: soon after what it was sent, seldom under traffic, and then with what goes
 * out anyway. Method: the ledger of a connection on a clock that the test turns, told of turns with events as a link
 * tells it.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { ManualHost } from "../host/manual-host.ts";
import { TimerWheel } from "../host/timer-wheel.ts";
import { ReceiptLedger, type TurnCount } from "./receipts.ts";

/** A connection that is sent something every so often, and answers each ping at once if `answers`. */
class Client {
  readonly host = new ManualHost();
  /** Whether the ledger is told of each turn, also of those that it need not be told of. */
  readonly #tellsAll: boolean;
  readonly #counted: TurnCount = { quietTurns: 0 };
  /** When pings went out, and when events did. */
  readonly pings: number[] = [];
  readonly turns: number[] = [];
  readonly ledger: ReceiptLedger;
  answers = true;
  answersAfterMs = 1;
  /** How often the ledger was told of a turn. */
  told = 0;

  constructor(tellsAll = false) {
    this.#tellsAll = tellsAll;
    const connection = {
      ping: () => {
        this.pings.push(this.host.nowMs);
        if (this.answers)
          this.host.startTimer(this.answersAfterMs, () => this.ledger.answered(), true);
      },
      pingsUnanswered: 0,
      attached: () => [],
      monotonicMs: () => this.host.monotonicMs(),
      counted: this.#counted,
    };
    const options = { intervalMs: () => 500, turns: 64 };
    this.ledger = new ReceiptLedger(connection, new TimerWheel(this.host, true), options);
  }

  turn(): void {
    this.turns.push(this.host.nowMs);
    if (!this.#tellsAll && this.#counted.quietTurns > 0) this.#counted.quietTurns--;
    else {
      this.told++;
      this.ledger.request();
    }
  }

  /** A turn with events each so many milliseconds. */
  traffic(everyMs: number, count: number): void {
    for (let done = 0; done < count; done++) {
      this.turn();
      this.host.advance(everyMs);
    }
  }

  get lonePings(): number[] {
    return this.pings.filter((ms) => !this.turns.includes(ms));
  }
}

it("goes out with the first event, and once more after the last", () => {
  const client = new Client();
  client.traffic(30, 3);
  client.host.advance(10_000);
  // The second event armed it; then it waited for company in vain.
  expect(client.pings).toEqual([0, 30 + 500 + 100]);
});

it("follows a lone event after the interval", () => {
  const client = new Client();
  client.traffic(30, 2);
  client.host.advance(10_000);
  expect(client.pings).toEqual([0, 30 + 500]);
});

it("waits for company while there is traffic", () => {
  const client = new Client();
  client.traffic(30, 400);
  expect(client.lonePings).toEqual([]);
  const gaps = client.pings.slice(1).map((ms, at) => ms - (client.pings[at] ?? 0));
  // The interval, and at most one turn of waiting.
  for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(500);
  for (const gap of gaps) expect(gap).toBeLessThan(600);
});

it("waits no longer than a tenth of a second", () => {
  const client = new Client();
  client.traffic(240, 20);
  const gaps = client.pings.slice(1).map((ms, at) => ms - (client.pings[at] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(500 + 240 + 100);
});

it("does not wait for the interval after so many turns", () => {
  const client = new Client();
  client.traffic(2, 1000);
  expect(client.lonePings).toEqual([]);
  expect(client.pings.length).toBeGreaterThanOrEqual(15);
  expect(client.pings.length).toBeLessThanOrEqual(17);
});

it("is not asked for again while one is on its way", () => {
  const client = new Client();
  client.answers = false;
  client.traffic(30, 400);
  expect(client.pings).toEqual([0]);
  client.ledger.answered();
  client.traffic(30, 1);
  expect(client.pings).toHaveLength(2);
  expect(client.lonePings).toEqual([]);
});

it("ends a turn that was asked about within, but not each of many", () => {
  const client = new Client();
  for (let turn = 0; turn < 10; turn++) {
    client.ledger.requestNow();
    client.turn();
    client.host.advance(20);
  }
  expect(client.pings).toHaveLength(10 + 1);
  expect(client.pings.slice(0, 2)).toEqual([0, 0]);
  client.host.advance(500);
  client.ledger.requestNow();
  client.turn();
  expect(client.pings.slice(-2)).toEqual([client.host.nowMs, client.host.nowMs]);
});

it("is asked for only so often by one who never answers", () => {
  const client = new Client();
  client.answers = false;
  for (let turn = 0; turn < 1000; turn++) {
    client.ledger.requestNow();
    client.turn();
    client.host.advance(1);
  }
  expect(client.pings).toHaveLength(256);
});

it("asks at the same times whether it is told of each turn or of those that matter", () => {
  const ms = (max: number) => fc.integer({ min: 0, max });
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ turns: fc.integer({ min: 1, max: 90 }), everyMs: ms(40) }),
    },
    { weight: 2, arbitrary: fc.record({ restMs: ms(1500) }) },
    { weight: 2, arbitrary: fc.record({ answersAfterMs: ms(900) }) },
    {
      weight: 3,
      arbitrary: fc.constantFrom("now", "answer", "silent", "talks", "probe", "heartbeat"),
    },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30, size: "max" }), (steps) => {
      const [all, some] = [true, false].map((tellsAll) => {
        const client = new Client(tellsAll);
        for (const step of steps) {
          if (step === "now") client.ledger.requestNow();
          else if (step === "answer") client.ledger.answered();
          else if (step === "probe") void client.ledger.probe(50);
          else if (step === "heartbeat") client.ledger.heartbeatGoesOut();
          else if (typeof step === "string") client.answers = step === "talks";
          else if ("restMs" in step) client.host.advance(step.restMs);
          else if ("answersAfterMs" in step) client.answersAfterMs = step.answersAfterMs;
          else client.traffic(step.everyMs, step.turns);
        }
        return client.pings;
      });
      expect(some).toEqual(all);
    }),
    { numRuns: 500 },
  );
});

it("is told of few turns", () => {
  const client = new Client();
  client.traffic(2, 6400);
  // Of the first one after each ping, and of the one that is asked about.
  expect(client.told).toBeLessThanOrEqual(2 * client.pings.length + 1);
});
