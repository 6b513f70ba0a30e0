/** When offline sessions end: after their time by a clock that does not jump, and when there are too many. */
import { expect, it } from "vitest";
import { Session } from "./session.ts";
import { SessionExpiry } from "./session-expiry.ts";

function stage(sessionsMax = 100, wallMs = 1_000_000) {
  const clock = { wallMs, monotonicMs: 0 };
  const byKey = new Map<string, Session>();
  const ended: string[] = [];
  const expiry = new SessionExpiry(
    {
      keepMs: 10_000,
      sessionsMax,
      wallMs: () => clock.wallMs,
      monotonicMs: () => clock.monotonicMs,
    },
    { byKey },
    (change) => {
      if (change.type === "end") ended.push(change.session);
      return Promise.resolve();
    },
  );
  const add = (key: string, offlineSinceMs: number | undefined) => {
    const session = new Session(key, `pid ${key}`, `id ${key}`, undefined, 0);
    session.offlineSinceMs = offlineSinceMs;
    byKey.set(key, session);
  };
  return { clock, expiry, ended, add };
}

it("ends a session when it has been offline for its time, not before", () => {
  const { clock, expiry, ended, add } = stage();
  add("a", expiry.nowMs());
  add("connected", undefined);
  clock.monotonicMs = 9_999;
  expiry.sweep();
  expect(ended).toEqual([]);
  clock.monotonicMs = 10_000;
  expiry.sweep();
  expect(ended).toEqual(["a"]);
});

it("ends none because the wall clock jumps", () => {
  const { clock, expiry, ended, add } = stage();
  add("a", expiry.nowMs());
  clock.wallMs += 365 * 86_400_000;
  expiry.sweep();
  clock.wallMs = 0;
  expiry.sweep();
  expect(ended).toEqual([]);
});

it("takes half of the time at most for passed while the server was down", () => {
  const { clock, expiry, ended, add } = stage(100, 5_000_000);
  add("long ago", 990_000);
  add("last", 999_000);
  expiry.opened();
  expiry.sweep();
  expect(ended).toEqual(["long ago"]);
  ended.length = 0;
  clock.monotonicMs = 4_999;
  expiry.sweep();
  expect(ended).not.toContain("last");
  clock.monotonicMs = 5_000;
  expiry.sweep();
  expect(ended).toContain("last");
});

it("goes on after the last that went, when the wall clock was set back while the server was down", () => {
  const { expiry, add } = stage(100, 5_000);
  add("a", 999_000);
  expiry.opened();
  // Who was connected when the server ended goes offline now, and is not taken for one who went before.
  expect(expiry.nowMs()).toBe(999_001);
});

it("ends those that went first when there are too many", () => {
  const { expiry, ended, add } = stage(2);
  const nowMs = expiry.nowMs();
  add("second", nowMs - 2);
  add("connected", undefined);
  add("third", nowMs - 1);
  add("first", nowMs - 3);
  expiry.sweep();
  expect(ended).toEqual(["first", "second"]);
});
