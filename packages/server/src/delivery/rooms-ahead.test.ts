/**
 * Who is found by a change of a room that is still in the lane. Goal: those whom a look at everybody with such changes
 * finds, in the same order. Method: random changes that go into a lane and come out of it, beside a set of everybody.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { RoomsAhead } from "./rooms-ahead.ts";
import { Session } from "./session.ts";
import type { SessionChange } from "./session-changes.ts";

const rooms = ["x", "y", "z"];
const key = fc.constantFrom("a", "b", "c", "d");

const steps = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom("join" as const, "leave" as const),
      session: key,
      rooms: fc.subarray(rooms),
    }),
  },
  // So many of what is in the lane come out of it, or are refused.
  { weight: 1, arbitrary: fc.record({ out: fc.nat(3), refused: fc.boolean() }) },
);

it("finds those of a room in the order of their first changes", () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 30, size: "max" }), (all) => {
      const sessions = new Map(
        ["a", "b", "c", "d"].map((name) => [name, new Session(name, "pid", name, undefined, 0)]),
      );
      const ahead = new RoomsAhead();
      const everybody = new Set<Session>();
      const lane: { session: Session; change: SessionChange & { rooms: readonly string[] } }[] = [];
      let offset = 0;
      for (const step of all) {
        if ("out" in step) {
          for (const { session, change } of lane.splice(0, step.out)) {
            for (const room of step.refused ? [] : change.rooms) {
              if (change.type === "join") session.join(room, ++offset);
              else session.leave(room, ++offset);
            }
            session.caughtUpWith(change, ahead);
            if (session.ahead === undefined) everybody.delete(session);
          }
        } else {
          const session = sessions.get(step.session);
          if (session === undefined) continue;
          session.lookAhead(step, ahead);
          everybody.add(session);
          lane.push({ session, change: step });
        }
        for (const room of rooms) {
          const members = [...sessions.values()].filter((each) => each.isIn(room));
          const shown = (among: Iterable<Session>) => {
            const found = [...members, ...among].filter((each) => each.showsIn(room));
            return [...new Set(found)].map(({ key }) => key);
          };
          expect(shown(ahead.of(room))).toEqual(shown(everybody));
        }
      }
      for (const { session, change } of lane.splice(0)) session.caughtUpWith(change, ahead);
      expect(rooms.flatMap((room) => [...ahead.of(room)])).toEqual([]);
    }),
  );
});
