/**
 * What waits for entries in a lane, with many tags. Goal: it costs what is new, not what there is. Method: a lane whose
 * records are committed by hand, and a count of what is looked through.
 */
import { expect, it, vi } from "vitest";
import { JournalLane, type LaneExit } from "./journal-lane.ts";
import { LaneEntry } from "./lane-records.ts";
import { OutgoingPacket } from "./outgoing-packet.ts";
import { Session } from "./session.ts";

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
  return { lane, append, waits };
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
