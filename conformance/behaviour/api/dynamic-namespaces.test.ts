/** Namespaces brought forth by a regular expression or a function, and ParentNamespace. */
import { describe, expect, it, vi } from "vitest";
import {
  collect,
  failureOf,
  inside,
  next,
  pair,
  RawWebSocket,
  settled,
  start,
  stock,
  until,
} from "../../support/clients.ts";

interface Parent {
  readonly name: string;
  readonly children: Set<{ name: string }>;
}

describe("of(RegExp)", () => {
  it("creates the child when a client asks for it", async () => {
    const server = await start();
    const parent = server.io.of(/^\/dynamic-\d+$/);
    expect(parent.name).toMatch(/^\/_\d+$/);
    expect(inside<Parent>(parent).children).toEqual(new Set());
    const seen = collect(parent, "connection");
    const [socket, client] = await pairOfDynamic(server, "/dynamic-7");
    expect(socket.nsp.name).toBe("/dynamic-7");
    expect(seen).toEqual([[socket]]);
    expect(inside<Parent>(parent).children).toEqual(new Set([socket.nsp]));
    expect(inside<{ _nsps: Map<string, unknown> }>(server.io)._nsps.get("/dynamic-7")).toBe(
      socket.nsp,
    );
    const heard = next(client, "hi");
    socket.nsp.emit("hi", 1);
    expect(await heard).toEqual([1]);
  });

  it("refuses a name that does not match", async () => {
    const server = await start();
    server.io.of(/^\/dynamic-\d+$/);
    const raw = await RawWebSocket.open(server);
    expect(await raw.join("/dynamic-x")).toBe('44/dynamic-x,{"message":"Invalid namespace"}');
  });

  it("takes the connection listener as second argument", async () => {
    const server = await start();
    const listener = vi.fn();
    server.io.of(/^\/d$/, listener);
    const [socket] = await pairOfDynamic(server, "/d");
    expect(listener).toHaveBeenCalledWith(socket);
  });

  it("makes of(name) create a child when the name matches", async () => {
    const server = await start();
    const parent = server.io.of(/^\/dynamic-\d+$/);
    const created = collect(server.io, "new_namespace");
    const child = server.io.of("/dynamic-1");
    expect(inside<Parent>(parent).children.has(child)).toBe(true);
    expect(created).toEqual([[child]]);
    expect(server.io.of("/dynamic-1")).toBe(child);
  });

  it("prefers a namespace that exists", async () => {
    const server = await start();
    const fixed = server.io.of("/dynamic-1");
    const parent = server.io.of(/^\/dynamic-\d+$/);
    const [socket] = await pair(server, "/dynamic-1");
    expect(socket.nsp).toBe(fixed);
    expect(inside<Parent>(parent).children.size).toBe(0);
  });

  it("gives the name to the first registered match", async () => {
    const server = await start();
    const first = server.io.of(/^\/dyn/);
    const second = server.io.of(/^\/dynamic/);
    await pairOfDynamic(server, "/dynamic");
    expect(inside<Parent>(first).children.size).toBe(1);
    expect(inside<Parent>(second).children.size).toBe(0);
  });

  it("copies middlewares and both kinds of listeners to the child, as they are at its creation", async () => {
    const server = await start();
    const order: string[] = [];
    const parent = server.io.of(/^\/dynamic-\d+$/);
    parent.use((_socket, nextFn) => {
      order.push("middleware");
      nextFn();
    });
    parent.on("connection", () => order.push("connection"));
    parent.on("connect", () => order.push("connect"));
    await pairOfDynamic(server, "/dynamic-1");
    expect(order).toEqual(["middleware", "connect", "connection"]);
    parent.on("connection", () => order.push("late"));
    await pairOfDynamic(server, "/dynamic-1");
    expect(order.slice(3)).toEqual(["middleware", "connect", "connection"]);
    await pairOfDynamic(server, "/dynamic-2");
    expect(order.slice(6)).toEqual(["middleware", "connect", "connection", "late"]);
  });

  it("creates one child for two clients that ask at once", async () => {
    const server = await start();
    const created = collect(server.io, "new_namespace");
    server.io.of(/^\/dynamic-\d+$/);
    const clients = [stock(server, "/dynamic-1"), stock(server, "/dynamic-1")];
    await Promise.all(clients.map((client) => next(client, "connect")));
    expect(created).toHaveLength(1);
    expect(server.io.of("/dynamic-1").sockets.size).toBe(2);
  });
});

describe("of(function)", () => {
  it("gets the name and the auth object, and decides", async () => {
    const server = await start();
    const asked: unknown[] = [];
    server.io.of((name, auth, nextFn) => {
      asked.push([name, auth]);
      nextFn(null, auth["token"] === "abc");
    });
    const raw = await RawWebSocket.open(server);
    expect(await raw.join("/any", { token: "x" })).toBe('44/any,{"message":"Invalid namespace"}');
    expect(await raw.join("/any")).toBe('44/any,{"message":"Invalid namespace"}');
    expect(await raw.join("/any", { token: "abc" })).toMatch(/^40\/any,\{"sid"/);
    expect(asked).toEqual([
      ["/any", { token: "x" }],
      ["/any", {}],
      ["/any", { token: "abc" }],
    ]);
  });

  it("takes an error for a no, and asks the next parent", async () => {
    const server = await start();
    const asked: number[] = [];
    const first = server.io.of((_name, _auth, nextFn) => {
      asked.push(1);
      nextFn(new Error("no"), true);
    });
    const second = server.io.of((_name, _auth, nextFn) => {
      asked.push(2);
      nextFn(null, true);
    });
    await pairOfDynamic(server, "/x");
    expect(asked).toEqual([1, 2]);
    expect(inside<Parent>(first).children.size).toBe(0);
    expect(inside<Parent>(second).children.size).toBe(1);
  });

  it("may decide later; two clients waiting for one name get one namespace", async () => {
    const server = await start();
    const waiting: (() => void)[] = [];
    const created = collect(server.io, "new_namespace");
    server.io.of((_name, _auth, nextFn) => {
      waiting.push(() => nextFn(null, true));
    });
    const clients = [stock(server, "/later"), stock(server, "/later")];
    const connected = Promise.all(clients.map((client) => next(client, "connect")));
    await until(() => waiting.length === 2, "both asked");
    for (const go of waiting) go();
    await connected;
    expect(created).toHaveLength(1);
    expect(server.io.of("/later").sockets.size).toBe(2);
  });

  it("is not asked for a name by of(name)", async () => {
    const server = await start();
    const asked = vi.fn();
    server.io.of(asked);
    server.io.of("/name");
    expect(asked).not.toHaveBeenCalled();
  });
});

describe("ParentNamespace", () => {
  it("emit() and rooms go to all children", async () => {
    const server = await start();
    const parent = server.io.of(/^\/dynamic-\d+$/);
    const all = [
      await pairOfDynamic(server, "/dynamic-1"),
      await pairOfDynamic(server, "/dynamic-2"),
    ] as const;
    const heard = all.map(([, client]) => collect(client, "hi"));
    expect(parent.emit("hi", "all")).toBe(true);
    await all[0][0].join("room");
    parent.to("room").emit("hi", "room");
    parent.except("room").emit("hi", "others");
    for (const [socket, client] of all) await settled(socket, client);
    expect(heard).toEqual([
      [["all"], ["room"]],
      [["all"], ["others"]],
    ]);
  });

  it("send() and write() too", async () => {
    const server = await start();
    const parent = server.io.of(/^\/dynamic-\d+$/);
    const [socket, client] = await pairOfDynamic(server, "/dynamic-1");
    const heard = collect(client, "message");
    parent.send("a");
    parent.write("b");
    await settled(socket, client);
    expect(heard).toEqual([["a"], ["b"]]);
  });

  it("fetchSockets() is refused", async () => {
    const { io } = await start();
    const parent = io.of(/^\/dynamic-\d+$/);
    expect((await failureOf(() => parent.fetchSockets())).message).toBe(
      "fetchSockets() is not supported on parent namespaces",
    );
  });
});

describe("cleanupEmptyChildNamespaces", () => {
  function names(io: unknown): string[] {
    return [...inside<{ _nsps: Map<string, unknown> }>(io)._nsps.keys()];
  }

  it("removes a child and closes its adapter when its last socket leaves", async () => {
    const server = await start({ cleanupEmptyChildNamespaces: true });
    const parent = server.io.of(/^\/dynamic-\d+$/);
    const [socket, client] = await pairOfDynamic(server, "/dynamic-1");
    const [second, secondClient] = await pairOfDynamic(server, "/dynamic-1");
    const close = vi.spyOn(socket.nsp.adapter, "close");
    const left = next(socket, "disconnect");
    client.disconnect();
    await left;
    expect(names(server.io)).toContain("/dynamic-1");
    const secondLeft = next(second, "disconnect");
    secondClient.disconnect();
    await secondLeft;
    expect(names(server.io)).not.toContain("/dynamic-1");
    expect(inside<Parent>(parent).children.size).toBe(0);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it("creates it anew for the next client", async () => {
    const server = await start({ cleanupEmptyChildNamespaces: true });
    server.io.of(/^\/dynamic-\d+$/);
    const [socket, client] = await pairOfDynamic(server, "/dynamic-1");
    const left = next(socket, "disconnect");
    client.disconnect();
    await left;
    const [again] = await pairOfDynamic(server, "/dynamic-1");
    expect(again.nsp).not.toBe(socket.nsp);
  });

  it("removes a child whose only socket was refused", async () => {
    const server = await start({ cleanupEmptyChildNamespaces: true });
    server.io.of(/^\/dynamic-\d+$/).use((_socket, nextFn) => nextFn(new Error("no")));
    await next(stock(server, "/dynamic-1"), "connect_error");
    expect(names(server.io)).toEqual(["/"]);
  });

  it("is off by default", async () => {
    const server = await start();
    server.io.of(/^\/dynamic-\d+$/);
    const [socket, client] = await pairOfDynamic(server, "/dynamic-1");
    const left = next(socket, "disconnect");
    client.disconnect();
    await left;
    expect(names(server.io)).toEqual(["/", "/dynamic-1"]);
  });

  it("keeps namespaces that were made by name", async () => {
    const server = await start({ cleanupEmptyChildNamespaces: true });
    const [socket, client] = await pair(server, "/fixed");
    const left = next(socket, "disconnect");
    client.disconnect();
    await left;
    expect(names(server.io)).toEqual(["/", "/fixed"]);
  });
});

/** Like `pair`, but does not create the namespace by asking for it by name. */
async function pairOfDynamic(server: Parameters<typeof pair>[0], name: string) {
  const client = stock(server, name);
  await next(client, "connect");
  const socket = server.io.of(name).sockets.get(client.id ?? "");
  if (socket === undefined) throw new Error("the socket is not in its namespace");
  return [socket, client] as const;
}
