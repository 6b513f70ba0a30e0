/**
 * What waits for entries in a lane, with many tags. Goal: it costs what is new, not what there is. Method: a lane whose
 * records are committed by hand, and a count of what is looked through.
 */
import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { JournalLane, type LaneExit } from "./journal-lane.ts";
import { LaneEntry } from "./lane-records.ts";
import { OutgoingPacket } from "./outgoing-packet.ts";
import { Session } from "./session.ts";
import { tagOfRoom } from "./tags.ts";

const exit: LaneExit = {
  opened() {},
  committed() {},
  handOver() {},
  refused() {},
  checkpoint: () => Promise.resolve(new Uint8Array()),
};

function stage() {
  const lane = new JournalLane(exit, () => {});
  const session = new Session("key", "pid", "id", undefined, 0);
  const append = (tags: readonly string[]) => {
    const content = { tags, except: [], body: new Uint8Array(), format: 0 };
    const entry = new LaneEntry(
      { ...content, messageId: undefined, expiresMs: undefined },
      new OutgoingPacket("message", ""),
    );
    lane.append(entry);
    return entry;
  };
  /** Whether what is not stored is still behind something. */
  const waits = (rooms: ReadonlySet<string>) => {
    let waiting = true;
    lane.follow(session, rooms, () => {
      waiting = false;
    });
    return waiting;
  };
  return { lane, session, append, waits };
}

/** Counts the steps through maps from now on. */
function countSteps(): () => number {
  let steps = 0;
  const walk = Map.prototype[Symbol.iterator];
  const spy = vi.spyOn(Map.prototype, Symbol.iterator).mockImplementation(function* (
    this: Map<unknown, unknown>,
  ) {
    for (const each of { [Symbol.iterator]: () => walk.call(this) }) {
      steps++;
      yield each;
    }
    return undefined;
  });
  return () => {
    spy.mockRestore();
    return steps;
  };
}

it("looks for tags that have passed no more often than as many have come", () => {
  const { lane, append, waits } = stage();
  const entries = Array.from({ length: 400 }, (_, n) =>
    append(Array.from({ length: 100 }, (_, m) => `room-${n}-${m}`)),
  );
  expect(waits(new Set(["room-399-0"]))).toBe(true);
  const steps = countSteps();
  for (const entry of entries) lane.committed([entry]);
  expect(steps()).toBeLessThan(2 * 40_000);
});

/** Rooms that are looked through one by one only when nothing else is left. */
class CountedRooms extends Set<string> {
  looks = 0;
  override *[Symbol.iterator]() {
    for (const room of this.values()) {
      this.looks++;
      yield room;
    }
    return undefined;
  }
}

it("does not look through the rooms of a session for the few tags that are in the lane", () => {
  const { session, append, waits } = stage();
  const rooms = new CountedRooms(Array.from({ length: 1_000 }, (_, n) => `room-${n}`));
  for (const room of rooms.values()) session.join(room, 1);
  const keys = vi.spyOn(session.memberships, "keys");
  append(["another room"]);
  expect(waits(rooms)).toBe(false);
  append(["room-7"]);
  expect(waits(rooms)).toBe(true);
  expect([rooms.looks, keys.mock.calls.length]).toEqual([0, 0]);
});

it("lets what is not stored wait for the entries of its rooms only, however many there are of either", () => {
  const names: unknown[] = ["a", "b", "c", "d", "e", 1, "1", null, undefined, Number.NaN];
  const room = fc.constantFrom(...(names as string[]));
  const some = fc.array(room, { maxLength: 6 });
  fc.assert(
    fc.property(
      some,
      some,
      some,
      fc.array(some, { maxLength: 4 }),
      (inNow, left, shown, entries) => {
        const { lane, session, append } = stage();
        for (const each of [...inNow, ...left]) session.join(tagOfRoom(each), 1);
        for (const each of left) session.leave(tagOfRoom(each), 2);
        const appended = entries.map((rooms) => append(["other", ...rooms.map(tagOfRoom)]));
        const mine = new Set([...inNow, ...left, ...shown].map(tagOfRoom));
        const last = appended.findLast(({ tags }) => tags.some((tag) => mine.has(tag)));
        let leaving: unknown;
        let heldUpBy: unknown;
        lane.follow(session, new Set(shown), () => {
          heldUpBy = leaving;
        });
        for (leaving of appended) lane.committed([leaving as LaneEntry]);
        expect(heldUpBy).toBe(last);
      },
    ),
  );
});
