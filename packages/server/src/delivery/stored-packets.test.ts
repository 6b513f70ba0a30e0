/** Packets that those who come back share: how much is kept of them, and for how long. */
import { expect, it } from "vitest";
import { OutgoingPacket } from "./outgoing-packet.ts";
import { StoredPackets } from "./stored-packets.ts";

function setUp() {
  const timers: (() => void)[] = [];
  const packets = new StoredPackets((_delayMs, run) => timers.push(run));
  let made = 0;
  const get = (offset: number, bytes = 10) =>
    packets.at(offset, () => {
      made++;
      return new OutgoingPacket("message", "x".repeat(bytes));
    });
  const timeIsUp = () => {
    for (const run of timers.splice(0)) run();
  };
  return { get, timeIsUp, made: () => made, timers };
}

it("makes a packet once", () => {
  const { get, made } = setUp();
  expect(get(7)).toBe(get(7));
  get(8);
  expect(made()).toBe(2);
});

it("forgets the oldest beyond 32 MiB", () => {
  const { get, made } = setUp();
  const bytes = 8 * 1024 * 1024;
  for (let offset = 1; offset <= 5; offset++) get(offset, bytes);
  get(5, bytes);
  expect(made()).toBe(5);
  get(1, bytes);
  expect(made()).toBe(6);
});

it("forgets all when nobody has asked for a while, and no sooner", () => {
  const { get, timeIsUp, made, timers } = setUp();
  get(1);
  get(1);
  timeIsUp();
  get(1);
  timeIsUp();
  get(1);
  expect(made()).toBe(1);
  timeIsUp();
  timeIsUp();
  expect(timers).toHaveLength(0);
  get(1);
  expect(made()).toBe(2);
});
