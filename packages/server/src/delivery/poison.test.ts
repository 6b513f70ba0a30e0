/**
 * Which entry is suspected of ending its client's connection. Goal: only one that was the first without a receipt when
 * the connection ended soon after it, several times in a row. Method: connections of one session, on a clock of the test.
 */
import { expect, it } from "vitest";
import { idleLink } from "./idle-link.ts";
import { awaitsSuspect, waitsForReceipt } from "./poison.ts";
import { Session } from "./session.ts";
import type { SessionLink } from "./session-link.ts";

/** A session of which each call is one connection: it is sent an entry, and ends so much later. */
function stage(link: SessionLink = idleLink()) {
  const session = new Session("key", "pid", "id", undefined, 0);
  let nowMs = 0;
  const connection = (offset: number, afterMs: number, asked = false) => {
    session.link = link;
    session.suspicion.sent(session, offset, 10, nowMs);
    nowMs += afterMs;
    const setAside = session.suspicion.ended(session, nowMs, asked);
    session.unlink();
    return setAside;
  };
  return { session, connection };
}

it("is suspected when the connection ends within a second of it, without a receipt", () => {
  const { session, connection } = stage();
  expect(connection(7, 1000)).toBeUndefined();
  expect(session.suspect).toBe(7);
});

it.each([
  ["the connection ended later", 1001, 0, false],
  ["a receipt came", 10, 7, false],
])("is not suspected when %s", (_why, afterMs, receipt) => {
  const { session, connection } = stage();
  session.receipt = receipt;
  connection(7, afterMs);
  expect(session.suspect).toBe(-1);
});

it("is set aside after five times in a row, and not suspected any more", () => {
  const { session, connection } = stage();
  for (let times = 1; times < 5; times++) expect(connection(7, 10)).toBeUndefined();
  expect(connection(7, 10)).toBe(7);
  expect(session.suspect).toBe(-1);
  expect(connection(7, 10)).toBeUndefined();
});

it("is suspected anew when a connection has lasted, or another one ended on something else", () => {
  const { session, connection } = stage();
  for (let times = 1; times < 5; times++) connection(7, 10);
  connection(7, 1001);
  expect(session.suspect).toBe(-1);
  for (let times = 1; times < 5; times++) expect(connection(7, 10)).toBeUndefined();
  connection(8, 10);
  expect(session.suspect).toBe(8);
  for (let times = 1; times < 5; times++) expect(connection(7, 10)).toBeUndefined();
  expect(connection(7, 10)).toBe(7);
});

it("keeps the count when the client left by itself, or had not been written the entry", () => {
  const held = stage(idleLink({ outboxBytes: 10 }));
  const { session, connection } = stage();
  for (let times = 1; times < 5; times++) connection(7, 10);
  expect(connection(7, 10, true)).toBeUndefined();
  expect(connection(7, 10)).toBe(7);
  held.session.suspect = 7;
  held.connection(7, 10);
  expect(held.session.suspect).toBe(7);
  expect(session.suspect).toBe(-1);
});

it("suspects nothing on a connection that confirms nothing", () => {
  const { session, connection } = stage(idleLink({ confirms: false }));
  for (let times = 0; times < 9; times++) expect(connection(7, 10)).toBeUndefined();
  expect(session.suspect).toBe(-1);
});

it("is waited for, alone, until its receipt has come", () => {
  const { session, connection } = stage();
  connection(7, 10);
  let asked = 0;
  const link = idleLink({ requestReceipt: () => void asked++ });
  session.link = link;
  session.position = 6;
  expect(waitsForReceipt(session, link)).toBe(false);
  session.suspicion.sent(session, 7, 10, 0);
  session.position = 7;
  expect(waitsForReceipt(session, link)).toBe(true);
  expect(awaitsSuspect(session)).toBe(true);
  expect(asked).toBe(1);
  session.receipt = 7;
  expect(waitsForReceipt(session, link)).toBe(false);
  expect(awaitsSuspect(session)).toBe(false);
});
