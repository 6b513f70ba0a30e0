/**
 * Handlers that throw within what is ours: of the end of a socket, and of what goes out on a connection. Goal: the error
 * goes to the process, as in Socket.IO, and an application that goes on after it has lost nothing: sessions are away when
 * their clients are, and events go to the others.
 */
import { collectUncaught } from "@holdfast/journal/testing";
import type { Socket } from "holdfast";
import type { Socket as StockSocket } from "socket.io-client";
import { expect, it } from "vitest";
import {
  collect,
  inside,
  jsonOf,
  next,
  nextSocket,
  pair,
  RawWebSocket,
  start,
  until,
} from "../../support/clients.ts";
import { cut, numbers, reconnecting } from "../../support/durable.ts";
import { newFolder } from "../../support/folder.ts";

function throwAtEnd(socket: Socket): void {
  for (const event of ["disconnecting", "disconnect"] as const) {
    socket.on(event, () => {
      throw new Error(`on ${event}`);
    });
  }
}

interface Conn {
  readonly transport: { readonly writable: boolean };
}

const both = ["Error: on disconnecting", "Error: on disconnect"];

it("a client that comes back goes on, though its handlers throw", async () => {
  const uncaught = collectUncaught();
  const server = await start({ store: "memory", connectionStateRecovery: {} });
  server.io.on("connection", throwAtEnd);
  const [socket, client] = await pair(server, "/", reconnecting);
  await socket.join("room");
  const heard = collect(client, "n");
  client.io.reconnection(false);
  cut(client);
  await until(() => server.io.sockets.sockets.size === 0, "the socket is gone");
  await server.io.to("room").publish("n", 1);
  const back = nextSocket(server.io);
  client.connect();
  const again = await back;
  expect([again.recovered, again.rooms.has("room")]).toEqual([true, true]);
  server.io.to("room").emit("n", 2);
  await until(() => heard.length === 2, "both events");
  expect(numbers(heard)).toEqual([1, 2]);
  expect(uncaught.map(String)).toEqual(both);
  expect(server.io.sockets.sockets.size).toBe(1);
});

it("a session is taken over, though the handlers of the old socket throw", async () => {
  const uncaught = collectUncaught();
  const server = await start({ store: "memory" });
  server.io.on("connection", throwAtEnd);
  const old = await RawWebSocket.open(server);
  const { pid } = jsonOf(await old.join("/")) as { pid: string };
  const connected = nextSocket(server.io);
  const again = await RawWebSocket.open(server);
  expect(jsonOf(await again.join("/", { pid }))).toMatchObject({ pid });
  expect((await connected).connected).toBe(true);
  await old.finished();
  expect(uncaught.map(String)).toEqual(both);
  expect(server.io.sockets.sockets.size).toBe(1);
});

/**
 * Method: in one turn one client is sent more than may wait for it, of which callbacks may not be dropped, so that its
 * connection ends while the entries of that turn come out of the lane; behind them is what another one gets.
 */
it("the others get what comes behind it, when a connection ends within the lane", async () => {
  const uncaught = collectUncaught();
  const server = await start({ store: newFolder(), highWater: 10_000 });
  const { io } = server;
  const [full, fullClient] = await pair(server, "/", {
    ...reconnecting,
    transports: ["websocket"],
  });
  const [other, otherClient] = await pair(server, "/", { transports: ["websocket"] });
  await Promise.all([full.join("room"), other.join("other")]);
  throwAtEnd(full);
  const heard = collect(fullClient, "n");
  const heardByOther = collect(otherClient, "n");
  otherClient.on("ask", (answer: (text: string) => void) => answer("yes"));
  const back = nextSocket(io);
  const gone = next(fullClient, "disconnect");
  const text = "x".repeat(1_000);
  for (let n = 1; n <= 20; n++) io.to("room").emit("n", n, text);
  const lost: unknown[] = [];
  for (let n = 0; n < 3; n++) {
    full.timeout(60_000).emit("ask", "y".repeat(8_000), (error: Error | null) => lost.push(error));
  }
  io.to("other").emit("n", 1);
  const answer = new Promise((resolve) => other.emit("ask", resolve));
  expect(await answer).toBe("yes");
  expect(numbers(heardByOther)).toEqual([1]);
  await gone;
  const again = await back;
  await until(() => heard.length >= 20, "all that was for it");
  expect(numbers(heard)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(again.resume.kind).toBe("full");
  expect(lost).toHaveLength(3);
  expect(uncaught.map(String)).toEqual(both);
});

/** Method: one of three members, the one in the middle, has a listener that throws once; each member looks for both events. */
it.each([
  { emitter: "connection", event: "packetCreate", kept: "on disk" },
  { emitter: "connection", event: "packetCreate", kept: "in memory" },
  { emitter: "connection", event: "packetCreate", kept: "nowhere" },
  { emitter: "connection", event: "flush", kept: "on disk" },
  { emitter: "connection", event: "drain", kept: "on disk" },
  { emitter: "engine", event: "flush", kept: "on disk" },
  { emitter: "engine", event: "drain", kept: "nowhere" },
])(
  "all get what is kept $kept when a listener of $event of the $emitter throws",
  async ({ emitter, event, kept }) => {
    const uncaught = collectUncaught();
    const store = kept === "on disk" ? newFolder() : "memory";
    const server = await start(kept === "nowhere" ? {} : { store });
    const members: [Socket, StockSocket][] = [];
    for (let n = 0; n < 3; n++) {
      const member = await pair(server, "/", { transports: ["websocket"] });
      await member[0].join("room");
      members.push(member);
    }
    const heard = members.map(([, client]) => collect(client, "n"));
    const { conn } = inside<{ conn: NodeJS.EventEmitter }>(members[1]?.[0]);
    const { engine } = inside<{ engine: NodeJS.EventEmitter }>(server.io);
    (emitter === "engine" ? engine : conn).once(event, () => {
      throw new Error(`on ${event}`);
    });
    server.io.to("room").emit("n", 1);
    await until(() => uncaught.length > 0, "the listener has thrown");
    server.io.to("room").emit("n", 2);
    await until(() => heard.every(({ length }) => length >= 2), "both events at all three");
    expect(heard.map(numbers)).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    expect(uncaught.map(String)).toEqual([`Error: on ${event}`]);
  },
);

it("all others get what is sent when the headers of one response are refused by a listener", async () => {
  const uncaught = collectUncaught();
  const server = await start();
  const members: StockSocket[] = [];
  for (let n = 0; n < 3; n++)
    members.push((await pair(server, "/", { transports: ["polling"] }))[1]);
  const heard = members.map((client) => collect(client, "n"));
  const polls = inside<{ engine: { clients: Record<string, Conn> } }>(server.io).engine.clients;
  await until(() => Object.values(polls).every(({ transport }) => transport.writable), "polls");
  const { engine } = inside<{ engine: NodeJS.EventEmitter }>(server.io);
  engine.once("headers", () => {
    throw new Error("no headers");
  });
  server.io.emit("n", 1);
  await until(() => heard.filter(({ length }) => length === 1).length === 2, "two of three");
  expect(uncaught.map(String)).toEqual(["Error: no headers"]);
});
