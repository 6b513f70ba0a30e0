/**
 * Rooms with the names of the server's own tags, as a client may make them up. Goal: they reach no user and no session,
 * keep nothing from one, and do not end the process; `join()` says that there can be no such room.
 */
import type { Socket } from "holdfast";
import { expect, it } from "vitest";
import { collect, pair, type Running, start } from "../../support/clients.ts";
import { away, marked, numbers, reconnecting } from "../../support/durable.ts";

const identify = ({ handshake }: Socket) => handshake.auth["user"] as string;

async function begin() {
  const server: Running = await start({ store: "memory", identify }, "holdfast");
  const [socket, client] = await pair(server, "/", { auth: { user: "ann" }, ...reconnecting });
  await socket.join("room");
  const published = await server.io.publish("n", 0);
  const [{ session } = { session: "" }] = await published.missing();
  expect(session).not.toBe("");
  const names = ["\u0000uann", `\u0000s${session}`, '\u0000j"room"', "\u0000j{", "\u0000"];
  return { server, socket, client, names, heard: collect(client, "n") };
}

it("reach nobody, live or later", async () => {
  const { server, socket, client, names, heard } = await begin();
  const { io } = server;
  const say = async () => {
    for (const name of names) {
      io.to(name).emit("n", 1);
      io.to(name).volatile.emit("n", 2);
      io.to(name).transient.emit("n", 3);
      io.to([name, "other"]).emit("n", 4);
      await io.to(name).publish("n", 5);
      await io
        .in(name)
        .fetchSockets()
        .then((found) => expect(found).toEqual([]));
      io.in(name).socketsJoin("other");
      io.in(name).disconnectSockets();
    }
  };
  await say();
  await marked(socket, client);
  const again = await away(io, client, say);
  await marked(again, client);
  expect(again.recovered).toBe(true);
  expect(numbers(heard)).toEqual([0]);
});

it("keep nothing from anybody, live or later", async () => {
  const { server, socket, client, names, heard } = await begin();
  const { io } = server;
  const say = async () => {
    for (const name of names) {
      io.except(name).emit("n", 1);
      io.except([name, "other"]).emit("n", 2);
      io.user("ann").except(name).emit("n", 3);
      await io.to("room").except(name).publish("n", 4);
    }
  };
  const all = names.flatMap(() => [1, 2, 3, 4]);
  for (const name of names) {
    await marked(socket, client);
    io.except(name).volatile.emit("n", 5);
    io.except(name).transient.emit("n", 6);
  }
  await say();
  await marked(socket, client);
  expect(numbers(heard)).toEqual([0, ...names.flatMap(() => [5, 6]), ...all]);
  heard.length = 0;
  const again = await away(io, client, say);
  await marked(again, client);
  expect(numbers(heard)).toEqual(all);
});

it("act on nobody who is away", async () => {
  const { server, client, names } = await begin();
  const { io } = server;
  const again = await away(io, client, () => {
    for (const name of names) {
      io.in("room")
        .except(name)
        .socketsJoin(`besides ${names.indexOf(name)}`);
      io.socketsLeave(name);
    }
  });
  expect(again.recovered).toBe(true);
  expect(again.rooms).toEqual(new Set([again.id, "room", ...names.map((_, n) => `besides ${n}`)]));
});

it("cannot be joined", async () => {
  const { server, socket, names } = await begin();
  for (const name of names) {
    expect(() => socket.join(name)).toThrow(expect.objectContaining({ code: "HF_ROOM_RESERVED" }));
    expect(() => server.io.socketsJoin(name)).toThrow(
      expect.objectContaining({ code: "HF_ROOM_RESERVED" }),
    );
    await socket.leave(name);
  }
});
