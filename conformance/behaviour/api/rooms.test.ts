/** Rooms: join, leave, what is left at the end, and the adapter's tables and events about them. */
import { describe, expect, it } from "vitest";
import {
  collect,
  hearing,
  inside,
  next,
  pair,
  pairs,
  settled,
  start,
} from "../../support/clients.ts";

interface Tables {
  readonly rooms: Map<string, Set<string>>;
  readonly sids: Map<string, Set<string>>;
}

function tables(nsp: { adapter: unknown }): Tables {
  return inside<Tables>(nsp.adapter);
}

describe("join and leave", () => {
  it("take effect at once, for one room or several", async () => {
    const server = await start();
    const all = await pairs(server, 2);
    const [a, b] = all.map(([socket]) => socket);
    void a?.join("x");
    void b?.join(["x", "y"]);
    const heard = hearing(all, "ev");
    server.io.to("x").emit("ev", 1);
    server.io.to("y").emit("ev", 2);
    void b?.leave("x");
    server.io.to("x").emit("ev", 3);
    await heard.counts();
    expect(heard.calls).toEqual([
      [[1], [3]],
      [[1], [2]],
    ]);
  });

  it("may be awaited", async () => {
    const server = await start();
    const [socket] = await pair(server);
    expect(await socket.join("x")).toBeUndefined();
    expect(await socket.leave("x")).toBeUndefined();
  });

  it("twice is once", async () => {
    const server = await start();
    const all = await pairs(server, 1);
    await all[0]?.[0].join("x");
    await all[0]?.[0].join(["x", "x"]);
    const heard = hearing(all, "ev");
    server.io.to("x").to("x").emit("ev");
    expect(await heard.counts()).toEqual([1]);
    await all[0]?.[0].leave("x");
    await all[0]?.[0].leave("never joined");
    expect([...(all[0]?.[0].rooms ?? [])]).toEqual([all[0]?.[0].id]);
  });

  it("rooms may be called anything, and another's id is a room", async () => {
    const server = await start();
    const all = await pairs(server, 2);
    const [a, b] = all.map(([socket]) => socket);
    for (const room of ["", "__proto__", "constructor", "toString", "a,b", "é"]) {
      await a?.join(room);
      const heard = hearing(all, "ev");
      server.io.to(room).emit("ev");
      expect([room, await heard.counts()]).toEqual([room, [1, 0]]);
      all[0]?.[1].off("ev");
      all[1]?.[1].off("ev");
    }
    await a?.join(b?.id ?? "");
    const heard = hearing(all, "ev");
    server.io.to(b?.id ?? "").emit("ev");
    expect(await heard.counts()).toEqual([1, 1]);
  });

  it("leaving one's own room silences what is addressed to the id", async () => {
    const server = await start();
    const all = await pairs(server, 1);
    const socket = all[0]?.[0];
    await socket?.leave(socket.id);
    const heard = hearing(all, "ev");
    server.io.to(socket?.id ?? "").emit("ev");
    server.io.emit("ev");
    expect(await heard.counts()).toEqual([1]);
  });

  it("are per namespace", async () => {
    const server = await start();
    const all = [...(await pairs(server, 1, "/a")), ...(await pairs(server, 1, "/b"))];
    for (const [socket] of all) await socket.join("x");
    const heard = hearing(all, "ev");
    server.io.of("/a").to("x").emit("ev");
    server.io.to("x").emit("ev");
    expect(await heard.counts()).toEqual([1, 0]);
  });

  it("all end with the socket", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    await socket.join(["x", "y"]);
    const left = next(socket, "disconnect");
    client.disconnect();
    await left;
    expect(tables(server.io.sockets).rooms.size).toBe(0);
    expect(tables(server.io.sockets).sids.size).toBe(0);
  });

  it("all end when a middleware refuses the socket", async () => {
    const server = await start();
    server.io.of("/x").use(async (socket, nextFn) => {
      await socket.join("early");
      nextFn(new Error("no"));
    });
    const { stock } = await import("../../support/clients.ts");
    await next(stock(server, "/x"), "connect_error");
    expect(tables(server.io.of("/x")).rooms.size).toBe(0);
  });
});

describe("adapter.rooms and adapter.sids", () => {
  it("hold who is where", async () => {
    const server = await start();
    const all = await pairs(server, 2);
    const [a, b] = all.map(([socket]) => socket);
    await a?.join("x");
    await b?.join(["x", "y"]);
    const { rooms, sids } = tables(server.io.sockets);
    expect(rooms).toBeInstanceOf(Map);
    expect(Object.fromEntries([...rooms].map(([room, ids]) => [room, [...ids]]))).toEqual({
      [a?.id ?? ""]: [a?.id],
      [b?.id ?? ""]: [b?.id],
      x: [a?.id, b?.id],
      y: [b?.id],
    });
    expect([...(sids.get(b?.id ?? "") ?? [])]).toEqual([b?.id, "x", "y"]);
    await b?.leave("y");
    expect(rooms.has("y")).toBe(false);
    expect(rooms.get("x")?.size).toBe(2);
  });
});

describe("events of the adapter", () => {
  it("create-room, join-room, leave-room, delete-room, in order, with room and id", async () => {
    const server = await start();
    const { adapter } = server.io.sockets;
    const seen: unknown[] = [];
    for (const name of ["create-room", "join-room", "leave-room", "delete-room"]) {
      inside<NodeJS.EventEmitter>(adapter).on(name, (...args: unknown[]) => {
        seen.push([name, ...args]);
      });
    }
    const [socket, client] = await pair(server);
    const { id } = socket;
    await socket.join("x");
    await socket.join("x");
    await socket.leave("x");
    await socket.join("y");
    const left = next(socket, "disconnect");
    client.disconnect();
    await left;
    expect(seen).toEqual([
      ["create-room", id],
      ["join-room", id, id],
      ["create-room", "x"],
      ["join-room", "x", id],
      ["leave-room", "x", id],
      ["delete-room", "x"],
      ["create-room", "y"],
      ["join-room", "y", id],
      ["leave-room", id, id],
      ["delete-room", id],
      ["leave-room", "y", id],
      ["delete-room", "y"],
    ]);
  });

  it("a room is created once and deleted with its last member", async () => {
    const server = await start();
    const adapter = inside<NodeJS.EventEmitter>(server.io.sockets.adapter);
    const created = collect(adapter, "create-room");
    const deleted = collect(adapter, "delete-room");
    const all = await pairs(server, 2);
    for (const [socket] of all) await socket.join("x");
    await all[0]?.[0].leave("x");
    expect(deleted).toEqual([]);
    await all[1]?.[0].leave("x");
    expect(created.filter(([room]) => room === "x")).toHaveLength(1);
    expect(deleted).toEqual([["x"]]);
  });
});

it("a broadcast reaches those who are in the room when it is made", async () => {
  const server = await start();
  const all = await pairs(server, 2);
  const heard = hearing(all, "ev");
  const [a, b] = all.map(([socket]) => socket);
  void a?.join("x");
  server.io.to("x").emit("ev", 1);
  void a?.leave("x");
  void b?.join("x");
  server.io.to("x").emit("ev", 2);
  for (const [socket, client] of all) await settled(socket, client);
  expect(heard.calls).toEqual([[[1]], [[2]]]);
});
