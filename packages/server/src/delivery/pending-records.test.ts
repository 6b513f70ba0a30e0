/** The places of records in a lane: tickets grow, and the last one up to a ticket is found whatever has left. */
import { expect, it } from "vitest";
import { LaneChange } from "./lane-records.ts";
import { PendingRecords } from "./pending-records.ts";

function record(): LaneChange {
  return new LaneChange({ type: "end", session: "s" });
}

it("gives tickets that only grow, also when it was empty in between", () => {
  const pending = new PendingRecords();
  const tickets = [];
  for (let round = 0; round < 3; round++) {
    const records = [record(), record()];
    for (const each of records) pending.add(each);
    for (const each of records) pending.remove(each);
    tickets.push(...records.map(({ ticket }) => ticket));
  }
  expect(tickets).toEqual([1, 2, 3, 4, 5, 6]);
  expect(pending.size).toBe(0);
});

it("finds the last one up to a ticket, past those that have left before it", () => {
  const pending = new PendingRecords();
  const records = Array.from({ length: 5 }, record);
  for (const each of records) pending.add(each);
  const [first, second, third, fourth, fifth] = records as [
    LaneChange,
    LaneChange,
    LaneChange,
    LaneChange,
    LaneChange,
  ];
  pending.remove(third);
  expect(pending.lastUpTo(third.ticket)).toBe(second);
  expect(pending.lastUpTo(99)).toBe(fifth);
  pending.remove(first);
  pending.remove(second);
  expect(pending.oldest).toBe(fourth.ticket);
  expect(pending.lastUpTo(third.ticket)).toBeUndefined();
  expect(pending.lastUpTo(0)).toBeUndefined();
});

it("visits those that have come since, but for what has left", () => {
  const pending = new PendingRecords();
  const records = Array.from({ length: 4 }, record);
  const visited: LaneChange[] = [];
  const visit = (ticket: number) =>
    pending.visitAfter(ticket, (each) => visited.push(each as LaneChange));
  expect(visit(0)).toBe(0);
  for (const each of records.slice(0, 3)) pending.add(each);
  expect(visit(1)).toBe(3);
  expect(visited.splice(0)).toEqual(records.slice(1, 3));
  for (const each of records.slice(0, 3)) pending.remove(each);
  // All have left unseen: the next one has another place, and is found after the same ticket.
  for (const each of records.slice(3)) pending.add(each);
  expect(visit(2)).toBe(4);
  expect(visited.splice(0)).toEqual(records.slice(3));
  expect(visit(4)).toBe(4);
  expect(visited).toEqual([]);
});

it("does the same for thousands that never all leave, as a list of them would", () => {
  const pending = new PendingRecords();
  const waiting: LaneChange[] = [];
  let state = 1;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  for (let step = 0; step < 20_000; step++) {
    const next = record();
    pending.add(next);
    waiting.push(next);
    // Mostly the oldest leaves, as in a lane.
    while (waiting.length > 30) {
      const [left] = waiting.splice(random(10) === 0 ? random(waiting.length) : 0, 1);
      if (left !== undefined) pending.remove(left);
    }
    const ticket = next.ticket - random(40);
    expect(pending.lastUpTo(ticket)).toBe(waiting.findLast((each) => each.ticket <= ticket));
    expect(pending.size).toBe(waiting.length);
    expect(pending.oldest).toBe(waiting[0]?.ticket);
  }
});
