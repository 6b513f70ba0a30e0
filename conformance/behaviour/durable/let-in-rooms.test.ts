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
