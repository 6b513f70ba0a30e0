/** What is done to sessions of clients that are away costs what the rooms have that it names. */
import { MemoryJournal } from "@holdfast/journal";
import { expect, it, onTestFinished, vi } from "vitest";
import { Session } from "./delivery/session.ts";
import { nodeHost, simulation } from "./host/host.ts";
import { Server } from "./server.ts";

/** A server with sessions in rooms of their own, and nobody connected. Its lane keeps what goes in. */
async function away(count: number) {
  const journal = new MemoryJournal({});
  const options = {
    store: "./data",
    [simulation]: { host: nodeHost, journal: Promise.resolve(journal) },
  };
  const io = new Server(options);
  onTestFinished(async () => {
    await io.close();
  });
  await io.ready;
  const { _keeper: keeper } = io.of("/");
  if (keeper === undefined) throw new Error("no store");
  const { delivery } = keeper;
  for (let n = 0; n < count; n++) {
    const start = { session: `s${n}`, pid: `p${n}`, socketId: `i${n}`, rooms: [`own-${n}`] };
    await delivery.begin({ type: "start", ...start }).started;
  }
  vi.spyOn(delivery.lane, "append").mockImplementation(() => {});
  return { io, delivery };
}

it("looks at nobody else's session for each room whose members join another", async () => {
  const count = 200;
  const { io, delivery } = await away(count);
  const looks = vi.spyOn(Session.prototype, "showsIn");
  onTestFinished(() => looks.mockRestore());
  for (let n = 0; n < count; n++) io.in(`own-${n}`).socketsJoin("z");
  expect(looks.mock.calls.length).toBeLessThanOrEqual(2 * count);
  const { byKey } = delivery.sessions;
  expect([...byKey.values()].filter((session) => session.showsIn("z")).length).toBe(count);
});

it("reaches who is to join a room, or to leave it, while that is in the lane", async () => {
  const { io, delivery } = await away(4);
  for (const n of [2, 0, 1]) io.in(`own-${n}`).socketsJoin(["z"]);
  io.in("own-3").socketsJoin("another");
  io.in("own-0").socketsLeave("z");
  const change = vi.spyOn(delivery, "change");
  io.in("z").disconnectSockets();
  expect(change.mock.calls).toEqual([
    [{ type: "end", session: "s2" }],
    [{ type: "end", session: "s1" }],
  ]);
});
