/**
 * Rooms whose names are no strings: what a client of a server in JavaScript sends for one. Goal: they are rooms as in
 * Socket.IO, also in a store on disk and over a restart, and no name that a client chooses ends the process.
 */
import http from "node:http";
import { type Room, Server } from "holdfast";
import { expect, it } from "vitest";
import {
  closeWithTest,
  collect,
  inside,
  next,
  nextSocket,
  pair,
  portOf,
  start,
  stock,
} from "../../support/clients.ts";
import { marked, numbers, reconnecting } from "../../support/durable.ts";
import { newFolder } from "../../support/folder.ts";

it.each([[1], [-0.5], [true], [null], [undefined], [{ a: 1 }], [{ toString: 1 }]])(
  "%j is a room, and another one than its text",
  async (name) => {
    const room = inside<Room>(name);
    const server = await start({ store: newFolder() }, "holdfast");
    const [socket, client] = await pair(server);
    const [other, otherClient] = await pair(server);
    const heard = [collect(client, "n"), collect(otherClient, "n")];
    await socket.join(room);
    await other.join(JSON.stringify(name) ?? "undefined");
    await server.io.to(room).publish("n", 1);
    server.io.to(room).emit("n", 2);
    server.io.except(room).emit("n", 3);
    await Promise.all([marked(socket, client), marked(other, otherClient)]);
    expect(heard.map(numbers)).toEqual([[1, 2], [3]]);
    const history: unknown[] = [];
    for await (const { args } of server.io.room(room).history()) history.push(args[0]);
    expect(history).toEqual([1, 2]);
    expect(await server.io.room(room).members()).toMatchObject([{ socketId: socket.id }]);
  },
);

it("a number is still a number after a restart", async () => {
  const store = newFolder();
  const startOn = async (port: number): Promise<{ io: Server; port: number }> => {
    const httpServer = http.createServer();
    const io = new Server(httpServer, { store });
    closeWithTest(io);
    await new Promise<void>((resolve) => httpServer.listen(port, "127.0.0.1", resolve));
    return { io, port: portOf(httpServer) };
  };
  const room = inside<Room>(42);
  const first = await startOn(0);
  const connected = nextSocket(first.io);
  const client = stock({ url: `http://127.0.0.1:${first.port}` }, "/", reconnecting);
  const heard = collect(client, "n");
  await (await connected).join(room);
  const gone = next(client, "disconnect");
  await Promise.all([first.io.close(), gone]);

  const second = await startOn(first.port);
  const back = nextSocket(second.io);
  await second.io.to(room).publish("n", 1);
  const socket = await back;
  expect(socket.rooms).toEqual(new Set([socket.id, 42]));
  await socket.leave(room);
  await second.io.to(room).publish("n", 2);
  await marked(socket, client);
  expect(numbers(heard)).toEqual([1]);
});
