/**
 * Goal: the oracle demands what is promised and nothing else, where what the server does first depends on its disk:
 * who leaves a room before the older entries of it are found is owed none of them, and is not in it; who asks once more
 * before he is let in may be let in as he has asked first; two clients that come at once, each with a pid of one
 * session, may both be told theirs again. Method: it is told what a simulated application would tell.
 */
import { expect, it } from "vitest";
import { Scheduler } from "../kernel/scheduler.ts";
import { Trace } from "../kernel/trace.ts";
import type { Found } from "./connection-model.ts";
import type { Joining } from "./older.ts";
import { Oracle } from "./oracle.ts";
import type { SessionModel } from "./session-model.ts";

const namespace = "/";
const room = "b";

function newOracle(): Oracle {
  return new Oracle(new Scheduler(), new Trace(false), {
    durable: true,
    journal: true,
    identify: false,
    highWaterBytes: 1_000_000,
    tail: () => 1,
    epochs: () => ["epoch"],
    tabs: undefined,
    answers: () => true,
    failed: (violation) => {
      throw violation;
    },
    isOpen: () => true,
    wallMs: () => 0,
    receiptStoredMs: 1_000,
  });
}

const found: Found = {
  pid: "pid",
  presented: undefined,
  position: undefined,
  remembers: false,
  goesOn: false,
  tab: "d0",
  key: "key",
};

/** A session that asks for what is in a room: one entry. */
function scene(): { oracle: Oracle; session: SessionModel; older: number; join: Joining } {
  const oracle = newOracle();
  const older = stored(oracle);
  const session = oracle.connected(namespace, "connection", "d0", found);
  const join = joins(oracle, session, room);
  return { oracle, session, older, join };
}

function joins(oracle: Oracle, session: SessionModel, room: string): Joining {
  return oracle.older.joins(session, room, (entries) => new Set(entries));
}

/** Something is said in the room. */
function stored(oracle: Oracle, rooms: readonly string[] = [room]): number {
  const n = oracle.emit(namespace, "stored", { rooms, except: [] });
  oracle.fates.committed(n, n);
  return n;
}

function arrives(oracle: Oracle, n: number): void {
  oracle.sent("connection", namespace, n);
  oracle.received({ connectionId: "connection", stayNumber: 1 }, namespace, n, "d0");
}

function resolve(join: Joining): void {
  join.over();
  join.joined();
}

it("who joins is owed the older entries, before those that follow", () => {
  const { oracle, older, join } = scene();
  resolve(join);
  expect(() => oracle.checkComplete()).toThrow(`d0 never got ${older}`);
  const next = stored(oracle);
  expect(() => arrives(oracle, next)).toThrow(`d0 got ${next} before the older ${older}`);
});

it("who leaves meanwhile need not get them, and may", () => {
  const { oracle, session, older, join } = scene();
  session.leave(room, oracle.call());
  resolve(join);
  oracle.checkComplete();
  const next = stored(oracle);
  arrives(oracle, older);
  arrives(oracle, next);
});

it("who leaves before the room is shown is not in it", () => {
  const { oracle, session, join } = scene();
  session.leave(room, oracle.call());
  oracle.older.leavesEarly(session, room);
  resolve(join);
  oracle.checkComplete();
  const next = stored(oracle);
  expect(() => arrives(oracle, next)).toThrow("which was not for it");
});

it("who leaves, and joins once more, gets what follows", () => {
  const { oracle, session, join } = scene();
  session.leave(room, oracle.call());
  oracle.older.leavesEarly(session, room);
  session.join(room, oracle.call());
  resolve(join);
  const next = stored(oracle);
  expect(() => oracle.checkComplete()).toThrow(`d0 never got ${next}`);
  arrives(oracle, next);
  oracle.checkComplete();
});

it("a join that never was says nothing of what else is kept", () => {
  const { oracle, session, join } = scene();
  session.join("c", oracle.call());
  stored(oracle);
  session.leave(room, oracle.call());
  session.leave("c", oracle.call());
  resolve(join);
  oracle.crashed(0);
  expect(session.isIn("c")).toBe("maybe");
});

it("a leave on one connection takes nothing back of a join that was called on the one before", () => {
  const { oracle, session } = scene();
  oracle.disconnected(session, "connection");
  oracle.connected(namespace, "other", "d0", { ...found, presented: "pid" });
  session.leave(room, oracle.call());
  oracle.older.leavesEarly(session, room);
  expect(session.isIn(room)).toBe("maybe");
});

it("what was said in two rooms comes with the older entries of both, though one was left meanwhile", () => {
  const oracle = newOracle();
  const older = stored(oracle, [room, "c"]);
  const session = oracle.connected(namespace, "connection", "d0", found);
  resolve(joins(oracle, session, room));
  arrives(oracle, older);
  const join = joins(oracle, session, "c");
  session.leave("c", oracle.call());
  resolve(join);
  arrives(oracle, older);
});

it("who asks once more before he is let in may get what came after he asked first, and nothing before that", () => {
  const oracle = newOracle();
  const before = stored(oracle, []);
  oracle.asks("connection", namespace, "");
  const between = stored(oracle, []);
  oracle.asks("connection", namespace, "");
  oracle.connected(namespace, "connection", "d0", found);
  arrives(oracle, between);
  expect(() => arrives(oracle, before)).toThrow("which was not for it");
});

it("who was let in, and asks once more, gets nothing that came before", () => {
  const oracle = newOracle();
  oracle.asks("connection", namespace, "");
  const first = oracle.connected(namespace, "connection", "d0", found);
  oracle.ended(first);
  const between = stored(oracle, []);
  oracle.asks("connection", namespace, "");
  const again = { ...found, pid: "other", key: "other" };
  oracle.connected(namespace, "connection", "d0", again);
  oracle.sent("connection", namespace, between);
  const arrival = { connectionId: "connection", stayNumber: 2 };
  expect(() => oracle.received(arrival, namespace, between, "d0")).toThrow("not for it");
});

it("a pid that was void, and is used, was told again, and may have made the others void", () => {
  const { session } = scene();
  session.pids.add("later");
  session.presents("later");
  expect([session.mayBeVoid("pid"), session.mayBeVoid("later")]).toEqual([true, false]);
  session.presents("pid");
  expect(session.mayBeVoid("later")).toBe(true);
});
