/**
 * A server that was closed and is used again, as Socket.IO's can be: it opens its store anew. Goal: whoever was there
 * before misses nothing, and what the application holds (operators, rooms, namespaces) goes on working.
 */
import http from "node:http";
import { Server } from "holdfast";
import { expect, it } from "vitest";
import {
  collect,
  failureOf,
  listen,
  next,
  nextSocket,
  pair,
  RawWebSocket,
  type Running,
  start,
  stock,
  within,
} from "../../support/clients.ts";
import { marked } from "../../support/durable.ts";
import { newFolder } from "../../support/folder.ts";

type Again = (server: Running) => Promise<unknown>;

const ways: [string, Again][] = [
  [
    "the same HTTP server listens again",
    ({ httpServer, port }) =>
      new Promise<void>((resolve) => httpServer.listen(port, "127.0.0.1", resolve)),
  ],
  [
    "it is attached to another HTTP server",
    ({ io, port }) => {
      const other = http.createServer();
      io.attach(other);
      return new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    },
  ],
  [
    "it listens on a port",
    async ({ io, port }) => {
      io.listen(port);
      await next(io.httpServer, "listening");
    },
  ],
];

it.each(ways)("%s: nobody misses anything", async (_way, again) => {
  const server = await start({ store: newFolder() }, "holdfast");
  const { io } = server;
  io.of("/other");
  const everybody = io.to("room");
  const kept = io.room("room");
  const serverSide = nextSocket(io);
  const options = { reconnection: true, reconnectionDelay: 5, reconnectionDelayMax: 20 };
  const client = stock(server, "/", options);
  const heard = collect(client, "n");
  const [socket] = await Promise.all([serverSide, next(client, "connect")]);
  await socket.join("room");
  await everybody.publish("n", 1, { id: "one" });
  await marked(socket, client);
  await io.close();
  expect(io.store?.state).toBe("closed");
  expect((await failureOf(() => everybody.publish("n", 0))).code).toBe("HF_STORE_CLOSED");
  const refused = next(io, "emit_refused");
  everybody.emit("n", 0);
  expect((await refused)[0]).toMatchObject({ code: "HF_STORE_CLOSED", rooms: ["room"] });

  const back = nextSocket(io);
  await again(server);
  everybody.emit("n", 2);
  await io.ready;
  expect(io.store?.state).toBe("open");
  const came = await back;
  expect((await everybody.publish("n", 1, { id: "one" })).duplicate).toBe(true);
  everybody.emit("n", 3);
  await marked(came, client);
  expect(heard.map(([n]) => n)).toEqual([1, 2, 3]);
  expect([came.recovered, client.recovered, came.id]).toEqual([true, true, socket.id]);
  const history: unknown[] = [];
  for await (const { args } of kept.history()) history.push(...args);
  expect(history).toEqual([1, 2, 3]);
  const [{ online } = { online: undefined }] = await kept.members();
  expect(online).toBe(true);
  await io.of("/other").publish("n", 4);
});

it("may be attached while it is still closing", async () => {
  const server = await start({ store: newFolder() }, "holdfast");
  const { io } = server;
  await io.publish("n", 1);
  const closed = io.close();
  const other = http.createServer();
  io.attach(other);
  const port = await listen(other);
  await within(closed, "close()");
  expect(server.httpServer.listening).toBe(false);
  const [socket] = await pair({ ...server, httpServer: other, url: `http://127.0.0.1:${port}` });
  expect(socket.connected).toBe(true);
  expect((await io.publish("n", 2)).duplicate).toBe(false);
});

it("keeps what is emitted in the turn in which it is closed, and while its sockets end", async () => {
  const store = newFolder();
  const server = await start({ store }, "holdfast");
  const { io } = server;
  const [socket] = await pair(server);
  socket.on("disconnect", () => io.to("room").emit("n", 3));
  io.to("room").emit("n", 1);
  const published = io.to("room").publish("n", 2);
  await io.close();
  expect((await published).duplicate).toBe(false);

  const again = new Server({ store });
  const kept: unknown[] = [];
  for await (const { args } of again.room("room").history()) kept.push(...args);
  await again.close();
  expect(kept).toEqual([1, 2, 3]);
});

it("is closed and used again many times", async () => {
  const io = new Server({ store: newFolder() });
  for (let round = 1; round <= 5; round++) {
    const httpServer = http.createServer();
    io.attach(httpServer);
    await listen(httpServer);
    await io.room("all").position();
    await io.to("all").publish("n", round);
    await io.close();
  }
  io.attach(http.createServer());
  const rounds: unknown[] = [];
  for await (const { args } of io.room("all").history()) rounds.push(...args);
  expect(rounds).toEqual([1, 2, 3, 4, 5]);
  await io.close();
});

it.each([["memory"], [undefined]])(
  "after a drain it takes clients again (store: %s)",
  async (store) => {
    const server = await start(store === undefined ? {} : { store }, "holdfast");
    await server.io.drain({ over: 0 });
    await server.io.close();
    const port = await listen(server.httpServer);
    const again = { ...server, port, url: `http://127.0.0.1:${port}` };
    expect(server.io.draining).toBe(false);
    const [, client] = await pair(again);
    const heard = next(client, "n");
    server.io.emit("n", 1);
    expect(await heard).toEqual([1]);
  },
);

it("sends a client that comes while the store closes away, to come again", async () => {
  const server = await start({ store: newFolder() }, "holdfast");
  let closed = Promise.resolve();
  server.io.use((_socket, next) => {
    closed = server.io.close();
    // By then the store takes nothing more, and its files are still being written.
    setImmediate(next);
  });
  const raw = await RawWebSocket.open(server);
  void raw.send("40");
  expect(await raw.finished()).toMatch(/^close/);
  await closed;
  // A CONNECT_ERROR would tell a stock client to stay away.
  expect(raw.received.slice(1).filter((frame) => frame !== "1")).toEqual([]);
});
