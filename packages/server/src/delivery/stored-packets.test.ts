/** Packets that those who come back share: how much is kept of them, and for how long. */
import { expect, it } from "vitest";
import { OutgoingPacket } from "./outgoing-packet.ts";
import { StoredPackets } from "./stored-packets.ts";

function setUp() {
  const timers: (() => void)[] = [];
  let made = 0;
  const packets = new StoredPackets({
    packetOfStored({ body }) {
      made++;
      return new OutgoingPacket("message", "x".repeat(body.length));
    },
    options: { later: (_delayMs, run) => timers.push(run) },
  });
  const content = { kind: "entry", tags: [], except: [], format: 0, timeMs: 0 } as const;
  const get = (offset: number, bytes = 10, share = true) => {
    const placed = { offset, body: new Uint8Array(bytes) };
    const entry = { ...content, ...placed, messageId: undefined, expiresMs: undefined };
    return packets.at(entry, share);
  };
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

it("keeps nothing for one who is alone, but gives what is there", () => {
  const { get, made } = setUp();
  get(1, 10, false);
  get(1, 10, false);
  expect(made()).toBe(2);
  expect(get(1)).toBe(get(1, 10, false));
  expect(made()).toBe(3);
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
