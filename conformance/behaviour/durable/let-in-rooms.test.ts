/** Rooms that change while a client is let in, or while older events of them are looked for. */
import { expect, it } from "vitest";
import { collect, pair, start } from "../../support/clients.ts";
import { marked, numbers } from "../../support/durable.ts";
import { newFolder } from "../../support/folder.ts";

it("one that is joined while a new session is stored is kept", async () => {
  const server = await start({ store: newFolder() });
  server.io.use((socket, next) => {
    next();
    // The record of the session is on its way to the disk.
    setImmediate(() => void socket.join("room"));
  });
  const [socket, client] = await pair(server);
  expect(socket.rooms).toContain("room");
  const heard = collect(client, "n");
  server.io.to("room").emit("n", 1);
  await marked(socket, client);
  expect(numbers(heard)).toEqual([1]);
});

it.each([
  ["start", "start"],
  ["last", { last: 1 }],
] as const)(
  "one that is left at once is left, though it was joined with older events: %s",
  async (_what, since) => {
    const server = await start({ store: newFolder() });
    await server.io.to("room").publish("n", 1);
    const [socket, client] = await pair(server);
    const heard = collect(client, "n");
    const joined = socket.join("room", since);
    await socket.leave("room");
    await joined;
    expect(socket.rooms).not.toContain("room");
    server.io.to("room").emit("n", 2);
    await marked(socket, client);
    expect(numbers(heard)).toEqual([]);
  },
);

it("who joins a room again that it is just joining waits until that is kept", async () => {
  const server = await start({ store: newFolder() });
  const [socket] = await pair(server);
  const kept: string[] = [];
  const first = Promise.resolve(socket.join("room")).then(() => kept.push("first"));
  await socket.join("room");
  expect(kept).toEqual(["first"]);
  await first;
});
