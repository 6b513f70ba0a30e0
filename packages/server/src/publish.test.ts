/** Who has not confirmed an event: to ask costs what the room has, however many sessions there are. */
import { MemoryJournal } from "@holdfast/journal";
import { expect, it, onTestFinished, vi } from "vitest";
import { Session } from "./delivery/session.ts";
import { nodeHost, simulation } from "./host/host.ts";
import { Server } from "./server.ts";

it("asks those only who are in the room, or were", async () => {
  const journal = new MemoryJournal({});
  const machine = { host: nodeHost, journal: Promise.resolve(journal) };
  const options = { store: "./data", [simulation]: machine };
  const io = new Server(options);
  onTestFinished(async () => {
    await io.close();
  });
  await io.ready;
  const delivery = io.of("/")._keeper?.delivery;
  for (let n = 0; n < 100; n++) {
    const start = { session: `s${n}`, pid: `p${n}`, socketId: `i${n}`, rooms: [`own-${n}`] };
    await delivery?.begin({ type: "start", ...start }).started;
  }
  await delivery?.change({ type: "join", session: "s3", rooms: ["own-7"] });
  const published = await io.to("own-7").publish("event");
  await delivery?.change({ type: "leave", session: "s3", rooms: ["own-7"] });
  const asked = vi.spyOn(Session.prototype, "receives");
  onTestFinished(() => asked.mockRestore());
  const missing = await published.missing();
  expect(missing.map(({ session }) => session)).toEqual(["s3", "s7"]);
  expect(asked.mock.calls.length).toBe(2);
});
