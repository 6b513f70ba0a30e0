/**
 * The timer wheel on a clock that the test turns. Goal: every alarm goes off once, not before it is due, with
 * one timer for all. Method: examples, then random arms and disarms against a plain list of deadlines.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { ManualHost } from "./manual-host.ts";
import { Alarm, TimerWheel } from "./timer-wheel.ts";

function setUp() {
  const host = new ManualHost();
  const wheel = new TimerWheel(host, true);
  const rung: string[] = [];
  const alarm = (name: string) => new Alarm(name, (owner: string) => rung.push(owner));
  return { host, wheel, rung, alarm };
}

it("calls an alarm once, when it is due", () => {
  const { host, wheel, rung, alarm } = setUp();
  wheel.arm(alarm("a"), 10);
  host.advance(9);
  expect(rung).toEqual([]);
  host.advance(1);
  expect(rung).toEqual(["a"]);
  host.advance(100);
  expect(rung).toEqual(["a"]);
});

it("keeps one timer for all alarms, and none when there are none", () => {
  const { host, wheel, alarm } = setUp();
  const alarms = Array.from({ length: 100 }, (_, index) => alarm(`${index}`));
  alarms.forEach((one, index) => {
    wheel.arm(one, 10 + (index % 7));
  });
  expect(host.timers).toHaveLength(1);
  for (const one of alarms) wheel.disarm(one);
  expect(host.timers).toHaveLength(0);
});

it("starts an armed alarm anew", () => {
  const { host, wheel, rung, alarm } = setUp();
  const one = alarm("a");
  wheel.arm(one, 10);
  host.advance(8);
  wheel.arm(one, 10);
  host.advance(8);
  expect(rung).toEqual([]);
  expect(one.armed).toBe(true);
  host.advance(2);
  expect(rung).toEqual(["a"]);
  expect(one.armed).toBe(false);
});

it("lets an alarm arm itself and disarm others while it goes off", () => {
  const { host, wheel, rung } = setUp();
  const other = new Alarm("other", (owner: string) => rung.push(owner));
  const again: Alarm<string> = new Alarm<string>("again", (owner: string, self: Alarm<string>) => {
    rung.push(owner);
    wheel.disarm(other);
    if (rung.length < 3) wheel.arm(self, 5);
  });
  wheel.arm(again, 5);
  wheel.arm(other, 5);
  host.advance(50);
  expect(rung).toEqual(["again", "again", "again"]);
});

it("calls what is due and nothing else, whatever was armed and disarmed", () => {
  const step = fc.record({
    act: fc.constantFrom("arm", "disarm", "advance"),
    which: fc.nat(9),
    ms: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { host, wheel, rung, alarm } = setUp();
      const alarms = Array.from({ length: 10 }, (_, index) => alarm(`${index}`));
      const due = new Map<string, number>();
      const advance = (ms: number) => {
        const endMs = host.nowMs + ms;
        const ringing = [...due].filter(([, dueMs]) => dueMs <= endMs).map(([name]) => name);
        for (const name of ringing) due.delete(name);
        const before = rung.length;
        host.advance(ms);
        expect(rung.slice(before).sort()).toEqual(ringing.sort());
      };
      for (const { act, which, ms } of steps) {
        const one = alarms[which];
        if (one === undefined) continue;
        if (act === "arm") {
          wheel.arm(one, ms);
          due.set(`${which}`, host.nowMs + ms);
        } else if (act === "disarm") {
          wheel.disarm(one);
          due.delete(`${which}`);
        } else advance(ms);
      }
      advance(100);
      expect(host.timers).toHaveLength(0);
    }),
  );
});

it("rounds a deadline down: who comes back right after its time is late", () => {
  const { host, wheel, rung, alarm } = setUp();
  host.nowMs = 0.7;
  wheel.arm(alarm("a"), 50);
  host.advance(50);
  expect(rung).toEqual(["a"]);
});

it.each([
  ["in time", 2, 70],
  ["late, since the process was busy", 30, 100],
])("what follows an alarm that goes off %s is not later by its delay", (_how, lateMs, dueMs) => {
  const { host, wheel } = setUp();
  const rangMs: number[] = [];
  const alarm = new Alarm<unknown>(undefined, () => {
    if (rangMs.push(host.nowMs) === 1) wheel.armAgain(alarm, 20);
  });
  wheel.arm(alarm, 50);
  const [timer] = host.timers.splice(0);
  host.nowMs = 50 + lateMs;
  timer?.run();
  host.advance(100);
  expect(rangMs).toEqual([50 + lateMs, dueMs]);
});

it("goes on with what else there is when an alarm is armed again and again", () => {
  const { host, wheel } = setUp();
  let count = 0;
  const alarm = new Alarm<unknown>(undefined, () => {
    if (++count < 10_000) wheel.arm(alarm, 0.5);
  });
  host.nowMs = 0.3;
  wheel.arm(alarm, 0.5);
  host.advance(20);
  expect(count).toBeLessThan(25);
});
