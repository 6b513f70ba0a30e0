/** The members of Namespace, and that namespaces are kept apart. */
import { describe, expect, it } from "vitest";
import {
  collect,
  failureOf,
  hearing,
  inside,
  next,
  nextSocket,
  pair,
  pairs,
  RawPolling,
  RawWebSocket,
  settled,
  start,
  stock,
  until,
} from "../../support/clients.ts";
import { loadSocketIo, targetName } from "../../support/target.ts";
import { answerAtOnce } from "./answering-adapter.ts";

const { Namespace, Socket } = await loadSocketIo();

describe("properties", () => {
  it("name, server, adapter and sockets", async () => {
    const server = await start();
    const nsp = server.io.of("/chat");
    expect(nsp).toBeInstanceOf(Namespace);
    expect(nsp.name).toBe("/chat");
    expect(nsp.server).toBe(server.io);
    expect(inside<{ nsp: unknown }>(nsp.adapter).nsp).toBe(nsp);
    expect(nsp.sockets).toBeInstanceOf(Map);
    expect(nsp.sockets.size).toBe(0);
    const [socket, client] = await pair(server, "/chat");
    expect(nsp.sockets.get(client.id ?? "")).toBe(socket);
    expect(socket).toBeInstanceOf(Socket);
    const left = next(socket, "disconnect");
    client.disconnect();
    await left;
    expect(nsp.sockets.size).toBe(0);
  });

  it("the private names that other packages read", async () => {
    const server = await start();
    const nsp = server.io.of("/chat");
    const { _ids, _fns, _preConnectSockets } = inside<{
      _ids: number;
      _fns: unknown[];
      _preConnectSockets: Map<string, unknown>;
    }>(nsp);
    expect(_ids).toBe(0);
    expect(_fns).toEqual([]);
    expect(_preConnectSockets).toBeInstanceOf(Map);
    for (const name of ["_onServerSideEmit", "_initAdapter", "_add", "_remove"]) {
      expect(inside(nsp)[name]).toBeTypeOf("function");
    }
  });

  it("counts ack ids per namespace, for sockets and broadcasts alike", async () => {
    const server = await start();
    const raw = await RawWebSocket.open(server);
    await raw.join();
    const [socket] = [...server.io.sockets.sockets.values()];
    socket?.emit("a", () => undefined);
    server.io.timeout(1000).emit("b", () => undefined);
    socket?.emit("c", () => undefined);
    expect([await raw.next(), await raw.next(), await raw.next()]).toEqual([
      '420["a"]',
      '421["b"]',
      '422["c"]',
    ]);
    expect(inside(server.io.sockets)["_ids"]).toBe(3);
  });

  it("keeps a socket out of sockets until its middlewares are done", async () => {
    const server = await start();
    const nsp = server.io.of("/chat");
    let go: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      nsp.use((_socket, nextFn) => {
        go = nextFn;
        resolve();
      });
    });
    const client = stock(server, "/chat");
    const connected = next(client, "connect");
    await held;
    expect(nsp.sockets.size).toBe(0);
    expect(inside<{ _preConnectSockets: Map<string, unknown> }>(nsp)._preConnectSockets.size).toBe(
      1,
    );
    go?.();
    await connected;
    expect(nsp.sockets.size).toBe(1);
    expect(inside<{ _preConnectSockets: Map<string, unknown> }>(nsp)._preConnectSockets.size).toBe(
      0,
    );
  });
});

describe("joining", () => {
  it("gives each namespace of one connection a socket id of its own", async () => {
    const server = await start();
    server.io.of("/a");
    const raw = await RawWebSocket.open(server);
    const root = await raw.join();
    const a = await raw.join("/a");
    expect(root).toMatch(/^40\{"sid":"[\w-]{20}"\}$/);
    expect(a).toMatch(/^40\/a,\{"sid":"[\w-]{20}"\}$/);
    const ids = new Set([root.slice(2), a.slice(5), JSON.stringify({ sid: raw.open.sid })]);
    expect(ids.size).toBe(3);
  });

  it("needs no namespace / to join another one", async () => {
    const server = await start();
    server.io.of("/a");
    const root = collect(server.io, "connection");
    const raw = await RawWebSocket.open(server);
    expect(await raw.join("/a")).toMatch(/^40\/a,/);
    expect(root).toEqual([]);
  });

  it("fires connect and connection with the socket after CONNECT was written", async () => {
    const server = await start();
    const nsp = server.io.of("/a");
    const order: string[] = [];
    nsp.on("connect", (socket) => {
      order.push("connect");
      socket.emit("from connect");
    });
    nsp.on("connection", (socket) => {
      order.push("connection");
      socket.emit("from connection");
    });
    const raw = await RawWebSocket.open(server);
    await raw.join("/a");
    expect([await raw.next(), await raw.next()]).toEqual([
      '42/a,["from connect"]',
      '42/a,["from connection"]',
    ]);
    expect(order).toEqual(["connect", "connection"]);
  });

  it("keeps the events of two namespaces on one connection apart", async () => {
    const server = await start();
    server.io.of("/a");
    server.io.of("/b");
    const a = stock(server, "/a", { forceNew: false });
    const b = stock(server, "/b", { forceNew: false });
    const sides = Promise.all([nextSocket(server.io.of("/a")), nextSocket(server.io.of("/b"))]);
    const [socketA, socketB] = await sides;
    expect(a.io).toBe(b.io);
    expect(socketA.client).toBe(socketB.client);
    const heardA = collect(socketA, "ev");
    const heardB = collect(socketB, "ev");
    a.emit("ev", "for a");
    b.emit("ev", "for b");
    const seenA = collect(a, "ev");
    const seenB = collect(b, "ev");
    server.io.of("/a").emit("ev", "A");
    server.io.of("/b").emit("ev", "B");
    await settled(socketA, a);
    await settled(socketB, b);
    await until(() => heardA.length + heardB.length === 2, "both events came");
    expect([heardA, heardB, seenA, seenB]).toEqual([[["for a"]], [["for b"]], [["A"]], [["B"]]]);
  });

  it("goes on in one namespace when the other was left", async () => {
    const server = await start();
    server.io.of("/a");
    const raw = await RawWebSocket.open(server);
    await raw.join();
    await raw.join("/a");
    const [socket] = [...server.io.of("/a").sockets.values()];
    const left = next(socket, "disconnect");
    await raw.send("41/a,");
    expect((await left)[0]).toBe("client namespace disconnect");
    server.io.emit("still here");
    expect(await raw.next()).toBe('42["still here"]');
    expect(await raw.join("/a")).toMatch(/^40\/a,/);
  });

  it("takes a name with a query string literally", async () => {
    const server = await start();
    server.io.of("/a");
    const raw = await RawWebSocket.open(server);
    expect(await raw.join("/a?b=c")).toBe('44/a?b=c,{"message":"Invalid namespace"}');
  });

  it("closes the connection on a second CONNECT of one namespace", async () => {
    const server = await start();
    const raw = await RawWebSocket.open(server);
    await raw.join();
    const [socket] = [...server.io.sockets.sockets.values()];
    const left = next(socket, "disconnect");
    await raw.send("40");
    expect((await left)[0]).toBe("forced close");
    await raw.finished();
  });
});

describe("methods", () => {
  it("emit() gives true and reaches its clients only", async () => {
    const server = await start();
    const all = [...(await pairs(server, 2, "/chat")), ...(await pairs(server, 1))].slice();
    const heard = hearing(all, "hi");
    expect(server.io.of("/chat").emit("hi", "you")).toBe(true);
    expect(await heard.counts()).toEqual([1, 1, 0]);
  });

  it("send() and write() give the namespace back", async () => {
    const server = await start();
    const nsp = server.io.of("/chat");
    const [socket, client] = await pair(server, "/chat");
    const heard = collect(client, "message");
    expect(nsp.send("a")).toBe(nsp);
    expect(nsp.write("b")).toBe(nsp);
    await settled(socket, client);
    expect(heard).toEqual([["a"], ["b"]]);
  });

  it("to, in, except, compress, volatile, local and timeout start a broadcast of the namespace", async () => {
    const server = await start();
    const nsp = server.io.of("/chat");
    const all = await pairs(server, 2, "/chat");
    await all[0]?.[0].join("room");
    const heard = hearing(all, "hi");
    nsp.to("room").emit("hi", 1);
    nsp.in("room").emit("hi", 2);
    nsp.except("room").emit("hi", 3);
    nsp.compress(true).emit("hi", 4);
    await heard.counts();
    nsp.volatile.emit("hi", 5);
    nsp.local.emit("hi", 6);
    nsp.timeout(100).emit("hi", 7);
    await heard.counts();
    expect(heard.calls).toEqual([
      [[1], [2], [4], [5], [6], [7]],
      [[3], [4], [5], [6], [7]],
    ]);
  });

  it("allSockets, fetchSockets, socketsJoin, socketsLeave, disconnectSockets act on the namespace", async () => {
    const server = await start();
    const nsp = server.io.of("/chat");
    const [socket, client] = await pair(server, "/chat");
    const [other] = await pair(server);
    expect(await nsp.allSockets()).toEqual(new Set([socket.id]));
    expect(await nsp.fetchSockets()).toEqual([socket]);
    nsp.socketsJoin("a");
    expect(socket.rooms.has("a")).toBe(true);
    expect(other.rooms.has("a")).toBe(false);
    nsp.socketsLeave("a");
    expect(socket.rooms.has("a")).toBe(false);
    const left = next(client, "disconnect");
    nsp.disconnectSockets();
    expect((await left)[0]).toBe("io server disconnect");
    expect(other.connected).toBe(true);
  });

  it.each([
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
  ])("refuses to emit the reserved %s", async (name) => {
    const { io } = await start();
    expect((await failureOf(() => io.of("/chat").emit(name))).message).toBe(
      `"${name}" is a reserved event name`,
    );
  });

  it.runIf(targetName === "holdfast")(
    "emitWithAck() gives the responses (Socket.IO documents it and lacks it)",
    async () => {
      const server = await start();
      answerAtOnce(server.io.of("/chat"), [7]);
      const nsp = inside<{ emitWithAck(ev: string): Promise<number[]> }>(server.io.of("/chat"));
      expect(await nsp.emitWithAck("ask")).toEqual([7]);
    },
  );
});

describe("wire", () => {
  it("refuses an unknown namespace and keeps the connection", async () => {
    const server = await start();
    const raw = await RawPolling.open(server);
    expect(await raw.join("/unknown")).toBe('44/unknown,{"message":"Invalid namespace"}');
    expect(await raw.join()).toMatch(/^40\{/);
  });

  it("the stock client hears connect_error", async () => {
    const server = await start();
    const [error] = await next(stock(server, "/unknown"), "connect_error");
    expect((error as Error).message).toBe("Invalid namespace");
  });

  it("takes CONNECT without the comma after the name", async () => {
    const server = await start();
    server.io.of("/a");
    const raw = await RawWebSocket.open(server);
    await raw.send("40/a");
    expect(await raw.next()).toMatch(/^40\/a,\{"sid"/);
  });
});
