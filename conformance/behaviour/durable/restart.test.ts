/** F9: a server that ends and starts again on the same folder knows its sessions, their rooms and what they missed. */
import http from "node:http";
import { Server, type ServerOptions } from "holdfast";
import { expect, it } from "vitest";
import { closeWithTest, collect, next, nextSocket, portOf, stock } from "../../support/clients.ts";
import { marked } from "../../support/durable.ts";
import { copyStore, newFolder } from "../../support/folder.ts";

async function startOn(
  folder: string,
  port: number,
  options: Partial<ServerOptions> = {},
): Promise<{ io: Server; port: number }> {
  const httpServer = http.createServer();
  const io = new Server(httpServer, { ...options, store: folder });
  closeWithTest(io);
  await new Promise<void>((resolve) => httpServer.listen(port, "127.0.0.1", resolve));
  return { io, port: portOf(httpServer) };
}

it.each([["websocket"], ["polling"]])("S12: over %s", async (transport) => {
  const folder = newFolder();
  const first = await startOn(folder, 0);
  const url = `http://127.0.0.1:${first.port}`;
  const serverSide = nextSocket(first.io);
  const client = stock({ url }, "/", {
    transports: [transport],
    reconnection: true,
    reconnectionDelay: 5,
    reconnectionDelayMax: 20,
  });
  const heard = collect(client, "n");
  const gaps = collect(client, "hf:gap");
  const [socket] = await Promise.all([serverSide, next(client, "connect")]);
  socket.data = { name: "ann" };
  await socket.join("room");
  await first.io.to("room").publish("n", 1, { id: "one" });
  await marked(socket, client);
  const gone = next(client, "disconnect");
  const closed = first.io.close();
  await gone;
  await closed;

  const second = await startOn(folder, first.port);
  const back = nextSocket(second.io);
  // Before the client is back, and again what was published before the restart.
  await second.io.to("room").publish("n", 2);
  const repeat = await second.io.to("room").publish("n", 1, { id: "one" });
  expect(repeat.duplicate).toBe(true);
  const again = await back;
  second.io.to("room").emit("n", 3);
  await marked(again, client);
  expect(heard.map(([n]) => n)).toEqual([1, 2, 3]);
  expect(gaps).toEqual([]);
  expect(client.recovered).toBe(true);
  expect(again.id).toBe(socket.id);
  expect(again.data).toEqual({ name: "ann" });
  expect(again.rooms).toEqual(new Set([again.id, "room"]));
});

it("keeps data that was emptied after a session had come back", async () => {
  const folder = newFolder();
  const clientOptions = { reconnection: true, reconnectionDelay: 5, reconnectionDelayMax: 20 };
  const first = await startOn(folder, 0);
  const connected = nextSocket(first.io);
  stock({ url: `http://127.0.0.1:${first.port}` }, "/", clientOptions);
  (await connected).data = { name: "ann" };
  await first.io.close();

  const second = await startOn(folder, first.port);
  const back = await nextSocket(second.io);
  expect(back.data).toEqual({ name: "ann" });
  back.data = {};
  const gone = next(back, "disconnect");
  back.conn.close();
  await gone;
  await second.io.publish("n", 1);
  // What a server that is killed now leaves: a clean close would write down all sessions as they are in memory.
  const left = newFolder();
  copyStore(folder, left);
  await second.io.close();

  const third = await startOn(left, first.port);
  expect((await nextSocket(third.io)).data).toEqual({});
});

it("keeps what was published before the store was open, though the server is closed at once", async () => {
  const folder = newFolder();
  const first = new Server({ store: folder, failFast: false });
  const publishOn = (io: Server) =>
    [io, io.of("/other")].map((where) => where.publish("n", 1, { id: "one" }));
  const published = publishOn(first);
  await first.close();
  expect(await Promise.all(published)).toMatchObject([{ duplicate: false }, { duplicate: false }]);
  const second = new Server({ store: folder, failFast: false });
  const repeated = publishOn(second);
  await second.close();
  expect(await Promise.all(repeated)).toMatchObject([{ duplicate: true }, { duplicate: true }]);
});

it("refuses a folder that another server has open, and names it", async () => {
  const folder = newFolder();
  const first = await startOn(folder, 0);
  await first.io.publish("n", 1);
  const second = new Server({ store: folder, failFast: false });
  await expect(second.publish("n", 1)).rejects.toMatchObject({ code: "HF_STORE_LOCKED" });
});

/**
 * Goal: of the sessions of one device that were connected when the server was killed, a client without a pid gets the one
 * that began last: one that began before may be of a try that was given up. Method: a copy of the folder is what a kill
 * leaves.
 */
it("gives who comes without a pid after a kill the session that began last", async () => {
  const identify = () => "device";
  const folder = newFolder();
  const first = await startOn(folder, 0, { identify });
  for (const room of ["first", "second"]) {
    const connected = nextSocket(first.io);
    stock({ url: `http://127.0.0.1:${first.port}` }, "/", { forceNew: true });
    await (await connected).join(room);
  }
  const left = newFolder();
  copyStore(folder, left);
  await first.io.close();

  const second = await startOn(left, 0, { identify });
  const back = nextSocket(second.io);
  stock({ url: `http://127.0.0.1:${second.port}` }, "/", { forceNew: true });
  expect([...(await back).rooms]).toContain("second");
});
