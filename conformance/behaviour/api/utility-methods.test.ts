/** fetchSockets, socketsJoin, socketsLeave, disconnectSockets and allSockets, from server, namespace, room and socket. */
import { describe, expect, it } from "vitest";
import { collect, inside, next, pairs, start } from "../../support/clients.ts";

async function three() {
  const server = await start();
  const all = await pairs(server, 3);
  const [a, b, c] = all.map(([socket]) => socket);
  if (a === undefined || b === undefined || c === undefined) throw new Error("no sockets");
  await a.join("x");
  await b.join(["x", "y"]);
  return { server, all, a, b, c };
}

describe("fetchSockets", () => {
  it("gives the sockets themselves, chosen by rooms", async () => {
    const { server, a, b, c } = await three();
    expect(await server.io.fetchSockets()).toEqual([a, b, c]);
    expect(await server.io.in("x").fetchSockets()).toEqual([a, b]);
    expect(await server.io.to("x").except("y").fetchSockets()).toEqual([a]);
    expect(await server.io.except("x").fetchSockets()).toEqual([c]);
    expect(await server.io.in("nobody").fetchSockets()).toEqual([]);
    expect(await server.io.local.fetchSockets()).toEqual([a, b, c]);
    expect(await server.io.of("/").fetchSockets()).toEqual([a, b, c]);
    expect(await server.io.of("/other").fetchSockets()).toEqual([]);
    expect(await server.io.in(a.id).fetchSockets()).toEqual([a]);
  });

  it("from a socket leaves the socket out", async () => {
    const { a, b, c } = await three();
    expect(await a.broadcast.fetchSockets()).toEqual([b, c]);
    expect(await a.in("x").fetchSockets()).toEqual([b]);
  });

  it("gives what a remote socket has: id, handshake, rooms, data, emit, join, leave, disconnect", async () => {
    const { server, all } = await three();
    const [first] = await server.io.fetchSockets();
    if (first === undefined) throw new Error("none");
    expect(first.id).toBe(all[0]?.[1].id);
    expect(first.handshake.address).toBe("127.0.0.1");
    expect(first.rooms.has("x")).toBe(true);
    expect(first.data).toEqual({});
    const heard = next(all[0]?.[1], "ev");
    first.emit("ev", 1);
    expect(await heard).toEqual([1]);
    first.join("z");
    expect(first.rooms.has("z")).toBe(true);
    first.leave("z");
    expect(first.rooms.has("z")).toBe(false);
    const left = next(all[0]?.[1], "disconnect");
    first.disconnect();
    await left;
  });
});

describe("allSockets", () => {
  it("gives ids, chosen by rooms", async () => {
    const { server, a, b, c } = await three();
    expect(await server.io.allSockets()).toEqual(new Set([a.id, b.id, c.id]));
    expect(await server.io.in("x").allSockets()).toEqual(new Set([a.id, b.id]));
    expect(await server.io.of("/").in(["x", "y"]).allSockets()).toEqual(new Set([a.id, b.id]));
    expect(await server.io.of("/other").allSockets()).toEqual(new Set());
  });
});

describe("socketsJoin and socketsLeave", () => {
  it("for all, for a room, for several rooms", async () => {
    const { server, a, b, c } = await three();
    expect(server.io.socketsJoin("all")).toBeUndefined();
    expect([a, b, c].map((socket) => socket.rooms.has("all"))).toEqual([true, true, true]);
    server.io.in("x").socketsJoin(["p", "q"]);
    expect([a, b, c].map((socket) => socket.rooms.has("q"))).toEqual([true, true, false]);
    server.io.except("y").socketsJoin("not y");
    expect([a, b, c].map((socket) => socket.rooms.has("not y"))).toEqual([true, false, true]);
    expect(server.io.in("y").socketsLeave(["p", "x"])).toBeUndefined();
    expect([...b.rooms]).toEqual([b.id, "y", "all", "q"]);
    expect(a.rooms.has("p")).toBe(true);
    server.io.socketsLeave("all");
    expect([a, b, c].map((socket) => socket.rooms.has("all"))).toEqual([false, false, false]);
  });

  it("from a socket leave the socket out", async () => {
    const { a, b, c } = await three();
    a.broadcast.socketsJoin("others");
    expect([a, b, c].map((socket) => socket.rooms.has("others"))).toEqual([false, true, true]);
    a.to("y").socketsLeave("others");
    expect([a, b, c].map((socket) => socket.rooms.has("others"))).toEqual([false, false, true]);
  });

  it("emptying a room while it is walked through reaches everybody", async () => {
    const { server, a, b } = await three();
    server.io.in("x").socketsLeave("x");
    expect([a.rooms.has("x"), b.rooms.has("x")]).toEqual([false, false]);
    expect(inside<{ rooms: Map<string, unknown> }>(server.io.sockets.adapter).rooms.has("x")).toBe(
      false,
    );
  });
});

describe("disconnectSockets", () => {
  it("for a room", async () => {
    const { server, all, a, b, c } = await three();
    const left = [next(all[0]?.[1], "disconnect"), next(all[1]?.[1], "disconnect")];
    expect(server.io.in("x").disconnectSockets()).toBeUndefined();
    expect((await Promise.all(left)).map(([reason]) => reason)).toEqual([
      "io server disconnect",
      "io server disconnect",
    ]);
    expect([a.connected, b.connected, c.connected]).toEqual([false, false, true]);
  });

  it("with true, all connections", async () => {
    const { server, all, a } = await three();
    const reasons = collect(a, "disconnect");
    const left = Promise.all(all.map(([, client]) => next(client, "disconnect")));
    server.io.disconnectSockets(true);
    await left;
    expect(reasons).toEqual([["server namespace disconnect", undefined]]);
    expect(server.io.engine.clientsCount).toBe(0);
  });

  it("from a socket, the others", async () => {
    const { all, a, b, c } = await three();
    const left = Promise.all(all.slice(1).map(([, client]) => next(client, "disconnect")));
    a.broadcast.disconnectSockets();
    await left;
    expect([a.connected, b.connected, c.connected]).toEqual([true, false, false]);
  });
});
