/**
 * Rooms with the names of the server's own tags, or with longer ones than a store takes, as a client may make them up.
 * Goal: they reach no user and no session, keep nothing from one, and do not end the process; "error" of the socket says
 * that there can be no such room.
 */
import type { Socket } from "holdfast";
import { expect, it } from "vitest";
import { collect, inside, pair, type Running, start } from "../../support/clients.ts";
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
  names.push("x".repeat(16_001), inside<string>({ name: "x".repeat(16_000) }));
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

it("cannot be joined, and end nothing", async () => {
  const { server, socket, names } = await begin();
  const { io } = server;
  const rooms = new Set(socket.rooms);
  const errors = collect(socket, "error");
  for (const name of names) {
    const isReserved = String(name).startsWith("\u0000");
    const code = isReserved ? "HF_ROOM_RESERVED" : "HF_ROOM_NAME_TOO_LONG";
    const told = expect.objectContaining({ code });
    // Not awaited, as in a handler of an event that names the room.
    void socket.join([name, "other"]);
    await socket.join(["other", name], "start");
    io.socketsJoin(name);
    expect(errors.splice(0)).toEqual([[told], [told], [told]]);
    expect(() => io.room(name)).toThrow(told);
    await socket.leave(name);
  }
  expect(socket.rooms).toEqual(rooms);
  expect(io.engine.refusals.get("HF_ROOM_RESERVED")).toBe(15);
  expect(io.engine.refusals.get("HF_ROOM_NAME_TOO_LONG")).toBe(6);
});

it("may be as long as a store takes", async () => {
  const { server, socket, client, heard } = await begin();
  const long = "x".repeat(16_000);
  await socket.join(long);
  server.io.to(long).emit("n", 1);
  await server.io.except(long).publish("n", 2);
  await marked(socket, client);
  const again = await away(server.io, client, () => server.io.to(long).emit("n", 3));
  await marked(again, client);
  expect(numbers(heard)).toEqual([0, 1, 3]);
  expect(again.rooms.has(long)).toBe(true);
});

it("mean nobody as the name of a user", async () => {
  const { server, socket, client, heard } = await begin();
  const nobody = "x".repeat(16_000);
  server.io.user(nobody).to("other").emit("n", 1);
  await server.io.user(nobody).publish("n", 2);
  server.io.user("ann").to("x".repeat(70_000)).emit("n", 3);
  await marked(socket, client);
  expect(numbers(heard)).toEqual([0, 3]);
});
