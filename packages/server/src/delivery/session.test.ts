/** What a session remembers of rooms that it has left: as much as it may be asked for, whatever their number. */
import { expect, it } from "vitest";
import { idleLink } from "./idle-link.ts";
import { Session } from "./session.ts";

function newSession(): Session {
  const session = new Session("key", "pid", "id", undefined, 0);
  session.start = 0;
  return session;
}

/** Joins a room and leaves it, many times over. @returns the last offset */
function visit(session: Session, rooms: number, receipts: boolean): number {
  for (let n = 0; n < rooms; n++) {
    session.join(`room-${n}`, 3 * n + 1);
    session.leave(`room-${n}`, 3 * n + 3);
    if (receipts) session.receipt = 3 * n + 3;
  }
  return 3 * rooms;
}

it("forgets rooms that it has left, the oldest first, when its client has all of them", () => {
  const session = newSession();
  session.join("still", 0);
  const last = visit(session, 10_000, true);
  expect(session.memberships.size).toBeLessThanOrEqual(1_001);
  expect(session.rooms()).toEqual(["still"]);
  const newest = { offset: last - 1, tags: ["room-9999"], except: [] };
  expect(session.receives(newest)).toBe(true);
});

it("forgets none whose events its client may not have", () => {
  const session = newSession();
  visit(session, 5_000, false);
  expect(session.receives({ offset: 2, tags: ["room-0"], except: [] })).toBe(true);
  session.receipt = 3 * 5_000;
  session.join("one more", 20_000);
  session.leave("one more", 20_001);
  expect(session.memberships.size).toBeLessThanOrEqual(1_001);
});

it("forgets with them what it was owed there, when that has arrived", () => {
  const session = newSession();
  for (let n = 0; n < 3_000; n++) {
    session.owe(`room-${n}`, 0, 10_000 + n);
    // It has arrived, but for the first one's.
    session.backfills = session.backfills?.filter(({ room }) => room === "room-0");
    session.join(`room-${n}`, 10_000 + n);
    session.leave(`room-${n}`, 10_000 + n);
    session.receipt = 10_000 + n;
  }
  expect([session.memberships.size, session.backfilled.size]).toEqual([3_000, 3_000]);
  session.backfills = undefined;
  session.join("one more", 20_000);
  session.leave("one more", 20_001);
  session.receipt = 20_001;
  expect(session.memberships.size).toBeLessThanOrEqual(1_001);
  expect(session.backfilled.size).toBeLessThanOrEqual(1_001);
});

it("keeps a room that it is in again", () => {
  const session = newSession();
  session.join("room", 1);
  session.leave("room", 2);
  session.join("room", 3);
  session.receipt = 1_000_000;
  visit(session, 5_000, true);
  expect(session.rooms()).toEqual(["room"]);
  expect(session.receives({ offset: 20_000, tags: ["room"], except: [] })).toBe(true);
});

it("forgets no room whose events it is still to be given, though retention has dropped them meanwhile", () => {
  const session = newSession();
  session.join("room", 1);
  session.leave("room", 16);
  session.link = idleLink();
  session.position = 11;
  const event = { offset: 12, tags: ["room"], except: [] };
  session.forgetBefore(18);
  expect(session.receives(event)).toBe(true);
  session.live = true;
  session.forgetBefore(18);
  expect(session.receives(event)).toBe(false);
});
