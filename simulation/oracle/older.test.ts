/**
 * Goal: who leaves a room before the older entries of it are found is owed none of them, and is not in it; everybody
 * else gets them. Method: the oracle is told what a simulated application would tell it.
 */
import { expect, it } from "vitest";
import { Scheduler } from "../kernel/scheduler.ts";
import { Trace } from "../kernel/trace.ts";
import type { Joining } from "./older.ts";
import { Oracle } from "./oracle.ts";
import type { SessionModel } from "./session-model.ts";

const namespace = "/";
const room = "b";
const toRoom = { rooms: [room], except: [] };

/** A session that asks for what is in a room: one entry. */
function scene(): { oracle: Oracle; session: SessionModel; older: number; join: Joining } {
  const oracle = new Oracle(new Scheduler(), new Trace(false), {
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
  const older = stored(oracle);
  const found = { pid: "pid", presented: undefined, position: undefined, key: "key", tab: "d0" };
  const session = oracle.connected(namespace, "connection", "d0", {
    ...found,
    remembers: false,
    goesOn: false,
  });
  const join = oracle.older.joins(session, room, (entries) => new Set(entries));
  return { oracle, session, older, join };
}

/** Something is said in the room. */
function stored(oracle: Oracle): number {
  const n = oracle.emit(namespace, "stored", toRoom);
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
  const found = { pid: "pid", presented: "pid", position: undefined, key: "key", tab: "d0" };
  oracle.disconnected(session, "connection");
  oracle.connected(namespace, "other", "d0", { ...found, remembers: true, goesOn: true });
  session.leave(room, oracle.call());
  oracle.older.leavesEarly(session, room);
  expect(session.isIn(room)).toBe("maybe");
});
