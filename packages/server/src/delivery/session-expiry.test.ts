/** When offline sessions end: after their time by a clock that does not jump, and when there are too many. */
import { expect, it } from "vitest";
import type { Pieces } from "./delivery-options.ts";
import { Session } from "./session.ts";
import { SessionExpiry } from "./session-expiry.ts";

const whole: Pieces = { pieceOfWork: 100, rest: () => Promise.resolve() };

function stage(sessionsMax = 100, wallMs = 1_000_000, pieces = whole) {
  const clock = { wallMs, monotonicMs: 0 };
  const byKey = new Map<string, Session>();
  const ended: string[] = [];
  const expiry = new SessionExpiry(
    {
      keepMs: 10_000,
      sessionsMax,
      wallMs: () => clock.wallMs,
      monotonicMs: () => clock.monotonicMs,
      pieces,
    },
    { byKey },
    (change) => {
      if (change.type !== "end") return Promise.resolve();
      ended.push(change.session);
      // As in a lane: its end is there, and comes out later.
      const session = byKey.get(change.session);
      if (session !== undefined) session.ending = true;
      return Promise.resolve();
    },
  );
  const sweep = () => expiry.sweep(() => false);
  const add = (key: string, offlineSinceMs: number | undefined) => {
    const session = new Session(key, `pid ${key}`, `id ${key}`, undefined, 0);
    session.offlineSinceMs = offlineSinceMs;
    byKey.set(key, session);
  };
  return { clock, expiry, ended, add, sweep, byKey };
}

it("ends a session when it has been offline for its time, not before", () => {
  const { clock, expiry, ended, add, sweep } = stage();
  add("a", expiry.nowMs());
  add("connected", undefined);
  clock.monotonicMs = 9_999;
  void sweep();
  expect(ended).toEqual([]);
  clock.monotonicMs = 10_000;
  void sweep();
  expect(ended).toEqual(["a"]);
});

it("ends none because the wall clock jumps", () => {
  const { clock, expiry, ended, add, sweep } = stage();
  add("a", expiry.nowMs());
  clock.wallMs += 365 * 86_400_000;
  void sweep();
  clock.wallMs = 0;
  void sweep();
  expect(ended).toEqual([]);
});

it("takes half of the time at most for passed while the server was down", () => {
  const { clock, expiry, ended, add, sweep } = stage(100, 5_000_000);
  add("long ago", 990_000);
  add("last", 999_000);
  expiry.opened();
  void sweep();
  expect(ended).toEqual(["long ago"]);
  ended.length = 0;
  clock.monotonicMs = 4_999;
  void sweep();
  expect(ended).not.toContain("last");
  clock.monotonicMs = 5_000;
  void sweep();
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
  const { expiry, ended, add, sweep } = stage(2);
  const nowMs = expiry.nowMs();
  add("second", nowMs - 2);
  add("connected", undefined);
  add("third", nowMs - 1);
  add("first", nowMs - 3);
  void sweep();
  expect(ended).toEqual(["first", "second"]);
});

it("counts whose time is up not among those that are too many", () => {
  const { expiry, ended, add, sweep } = stage(2);
  const nowMs = expiry.nowMs();
  add("expired", nowMs - 10_000);
  add("first", nowMs - 2);
  add("second", nowMs - 1);
  void sweep();
  expect(ended).toEqual(["expired"]);
  void sweep();
  expect(ended).toEqual(["expired"]);
});

/** Sweeps two in a turn. @param between what happens in each rest @returns how many had ended at each */
async function sweepInPieces(
  { expiry, ended }: Pick<ReturnType<typeof stage>, "expiry" | "ended">,
  rests: { between: () => void },
  between: () => void,
  stopped = () => false,
): Promise<number[]> {
  const counts: number[] = [];
  rests.between = () => {
    counts.push(ended.length);
    between();
  };
  await expiry.sweep(stopped);
  return counts;
}

function stageOfPieces(sessionsMax: number) {
  const rests = { between: () => {} };
  const rest = async () => rests.between();
  const staged = stage(sessionsMax, 1_000_000, { pieceOfWork: 2, rest });
  const nowMs = staged.expiry.nowMs();
  for (const key of ["a", "b", "c", "d", "e"]) staged.add(key, nowMs - 10_000);
  staged.add("second", nowMs - 1);
  staged.add("first", nowMs - 2);
  return { ...staged, rests };
}

it("ends so many in a turn, in the same order", async () => {
  const staged = stageOfPieces(0);
  expect(await sweepInPieces(staged, staged.rests, () => {})).toEqual([2, 4, 6]);
  expect(staged.ended).toEqual(["a", "b", "c", "d", "e", "first", "second"]);
});

it("ends none whose client has come back in between, also when it has gone again", async () => {
  const staged = stageOfPieces(0);
  await sweepInPieces(staged, staged.rests, () => {
    staged.clock.monotonicMs = 1;
    for (const key of ["d", "second"]) {
      const session = staged.byKey.get(key);
      if (session !== undefined) session.offlineSinceMs = staged.expiry.nowMs();
    }
    const back = staged.byKey.get("e");
    if (back !== undefined) back.offlineSinceMs = undefined;
  });
  expect(staged.ended).toEqual(["a", "b", "c", "first"]);
});

it("goes no further when it is stopped", async () => {
  const staged = stageOfPieces(0);
  await sweepInPieces(
    staged,
    staged.rests,
    () => {},
    () => true,
  );
  expect(staged.ended).toEqual(["a", "b"]);
});
