/** BroadcastOperator: chains of to, in, except and flags, immutable, from server, namespace and socket. */
import { describe, expect, it } from "vitest";
import {
  failureOf,
  hearing,
  inside,
  pair,
  pairs,
  RawPolling,
  RawWebSocket,
  start,
} from "../../support/clients.ts";

interface Operator {
  readonly rooms: Set<string>;
  readonly exceptRooms: Set<string>;
  readonly flags: Record<string, unknown>;
}

async function four() {
  const server = await start();
  const all = await pairs(server, 4);
  const sockets = all.map(([socket]) => socket);
  // 0: a; 1: b; 2: a and b; 3: none
  await sockets[0]?.join("a");
  await sockets[1]?.join("b");
  await sockets[2]?.join(["a", "b"]);
  return { server, all, sockets, heard: hearing(all, "ev") };
}

describe("who is reached", () => {
  it.each<[string, (io: import("holdfast").Server) => void, number[]]>([
    ["everybody", (io) => io.emit("ev"), [1, 1, 1, 1]],
    ["a room", (io) => io.to("a").emit("ev"), [1, 0, 1, 0]],
    ["two rooms, each socket once", (io) => io.to("a").to("b").emit("ev"), [1, 1, 1, 0]],
    ["an array of rooms", (io) => io.to(["a", "b"]).emit("ev"), [1, 1, 1, 0]],
    ["in() is to()", (io) => io.in("a").in(["b"]).emit("ev"), [1, 1, 1, 0]],
    ["all but a room", (io) => io.except("a").emit("ev"), [0, 1, 0, 1]],
    ["all but two rooms", (io) => io.except(["a", "b"]).emit("ev"), [0, 0, 0, 1]],
    ["all but two rooms, chained", (io) => io.except("a").except("b").emit("ev"), [0, 0, 0, 1]],
    ["a room without another", (io) => io.to("a").except("b").emit("ev"), [1, 0, 0, 0]],
    ["except before to", (io) => io.except("b").to("a").emit("ev"), [1, 0, 0, 0]],
    ["an empty room", (io) => io.to("nobody").emit("ev"), [0, 0, 0, 0]],
    ["an empty and a full room", (io) => io.to(["nobody", "a"]).emit("ev"), [1, 0, 1, 0]],
    ["all without an empty room", (io) => io.except("nobody").emit("ev"), [1, 1, 1, 1]],
    ["an empty array of rooms is everybody", (io) => io.to([]).emit("ev"), [1, 1, 1, 1]],
    ["a room, locally", (io) => io.local.to("a").emit("ev"), [1, 0, 1, 0]],
    ["a room, then local", (io) => io.to("a").local.emit("ev"), [1, 0, 1, 0]],
    ["a room, compressed", (io) => io.compress(true).to("a").emit("ev"), [1, 0, 1, 0]],
    ["a room, volatile", (io) => io.volatile.to("a").emit("ev"), [1, 0, 1, 0]],
    ["a room, volatile last", (io) => io.to("a").volatile.emit("ev"), [1, 0, 1, 0]],
  ])("%s", async (_what, act, counts) => {
    const { server, heard } = await four();
    await heard.counts();
    act(server.io);
    expect(await heard.counts()).toEqual(counts);
  });

  it.each<[string, (socket: import("holdfast").Socket) => void, number[]]>([
    ["broadcast", (s) => s.broadcast.emit("ev"), [0, 1, 1, 1]],
    ["broadcast.to", (s) => s.broadcast.to("a").emit("ev"), [0, 0, 1, 0]],
    ["to", (s) => s.to("a").emit("ev"), [0, 0, 1, 0]],
    ["to, to", (s) => s.to("a").to("b").emit("ev"), [0, 1, 1, 0]],
    ["in", (s) => s.in(["a", "b"]).emit("ev"), [0, 1, 1, 0]],
    ["except", (s) => s.except("b").emit("ev"), [0, 0, 0, 1]],
    ["to, except", (s) => s.to("a").except("b").emit("ev"), [0, 0, 0, 0]],
    ["local", (s) => s.local.emit("ev"), [0, 1, 1, 1]],
    ["volatile.broadcast", (s) => s.volatile.broadcast.emit("ev"), [0, 1, 1, 1]],
    ["compress(false).to", (s) => s.compress(false).to("a").emit("ev"), [0, 0, 1, 0]],
  ])("from a socket in a: %s", async (_what, act, counts) => {
    const { sockets, heard } = await four();
    const [sender] = sockets;
    if (sender === undefined) throw new Error("no socket");
    await heard.counts();
    act(sender);
    expect(await heard.counts()).toEqual(counts);
  });
});

describe("who is reached when members change", () => {
  it("one leaves and another joins between two events", async () => {
    const { server, sockets, heard } = await four();
    await heard.counts();
    const [a, b] = sockets;
    server.io.to("a").emit("ev");
    await a?.leave("a");
    await b?.join("a");
    server.io.to("a").emit("ev");
    expect(await heard.counts()).toEqual([1, 1, 2, 0]);
  });

  it("a socket goes and another comes between two events", async () => {
    const { server, all, heard } = await four();
    await heard.counts();
    server.io.emit("ev");
    const [[socket] = []] = all;
    socket?.disconnect();
    const late = await pairs(server, 1);
    const heardLate = hearing(late, "ev");
    server.io.emit("ev");
    expect(await heardLate.counts()).toEqual([1]);
  });

  it("a listener of outgoing events makes one leave that would have come later", async () => {
    const { server, sockets, heard } = await four();
    await heard.counts();
    const [a, , both] = sockets;
    server.io.to("a").emit("ev");
    a?.onAnyOutgoing(() => void both?.leave("a"));
    server.io.to("a").emit("ev");
    expect(await heard.counts()).toEqual([2, 0, 1, 0]);
  });

  it("a room that an application has changed without the adapter", async () => {
    const { server, sockets, heard } = await four();
    await heard.counts();
    server.io.to("a").emit("ev");
    server.io
      .of("/")
      .adapter.rooms.get("a")
      ?.add(sockets[3]?.id ?? "");
    server.io.to("a").emit("ev");
    expect(await heard.counts()).toEqual([2, 0, 2, 1]);
  });
});

describe("immutability", () => {
  it("each step gives a new operator and leaves the old one as it was", async () => {
    const { io } = await start();
    const base = io.to("a");
    const steps = [
      base.to("b"),
      base.in("c"),
      base.except("d"),
      base.compress(true),
      base.volatile,
      base.local,
      base.timeout(5),
    ];
    expect(new Set([base, ...steps]).size).toBe(8);
    const state = inside<Operator>(base);
    expect([...state.rooms]).toEqual(["a"]);
    expect([...state.exceptRooms]).toEqual([]);
    expect(state.flags).toEqual({});
    expect(
      steps
        .map((step) => inside<Operator>(step))
        .map((s) => [[...s.rooms], [...s.exceptRooms], s.flags]),
    ).toEqual([
      [["a", "b"], [], {}],
      [["a", "c"], [], {}],
      [["a"], ["d"], {}],
      [["a"], [], { compress: true }],
      [["a"], [], { volatile: true }],
      [["a"], [], { local: true }],
      [["a"], [], { timeout: 5 }],
    ]);
  });

  it("an operator can be used again", async () => {
    const { server, heard } = await four();
    const toA = server.io.to("a");
    toA.emit("ev");
    toA.to("b").emit("ev");
    toA.emit("ev");
    expect(await heard.counts()).toEqual([3, 1, 3, 0]);
  });

  it("a socket's operator excludes the socket's own room", async () => {
    const server = await start();
    const [socket] = await pair(server);
    expect([...inside<Operator>(socket.broadcast).exceptRooms]).toEqual([socket.id]);
    expect([...inside<Operator>(socket.to("x")).rooms]).toEqual(["x"]);
  });
});

describe("emit", () => {
  it("gives true, also when nobody hears it", async () => {
    const { io } = await start();
    expect(io.to("nobody").emit("ev")).toBe(true);
  });

  it.each([
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
  ])("refuses the reserved %s", async (name) => {
    const { io } = await start();
    expect((await failureOf(() => io.to("a").emit(name))).message).toBe(
      `"${name}" is a reserved event name`,
    );
  });

  it("carries bytes to everybody, over both transports", async () => {
    const server = await start();
    const websocket = await RawWebSocket.open(server);
    const polling = await RawPolling.open(server);
    await websocket.join();
    await polling.join();
    server.io.emit("bytes", Buffer.from("abc"), [new Uint8Array([255])]);
    for (const raw of [websocket, polling]) {
      expect([await raw.next(), await raw.next(), await raw.next()]).toEqual([
        '452-["bytes",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]',
        Buffer.from("abc"),
        Buffer.from([255]),
      ]);
    }
  });

  it("encodes what the arguments are at the moment of the call", async () => {
    const server = await start();
    const raw = await RawWebSocket.open(server);
    await raw.join();
    const value = { n: 1 };
    server.io.emit("ev", value);
    value.n = 2;
    server.io.emit("ev", value);
    expect([await raw.next(), await raw.next()]).toEqual(['42["ev",{"n":1}]', '42["ev",{"n":2}]']);
  });

  it("keeps the order of broadcasts and emits to one socket", async () => {
    const server = await start();
    const raw = await RawWebSocket.open(server);
    await raw.join();
    const [socket] = [...server.io.sockets.sockets.values()];
    for (let i = 0; i < 6; i += 2) {
      server.io.emit("n", i);
      socket?.emit("n", i + 1);
    }
    const frames = [];
    for (let i = 0; i < 6; i++) frames.push(await raw.next());
    expect(frames).toEqual([0, 1, 2, 3, 4, 5].map((n) => `42["n",${n}]`));
  });

  it("tells the catch-all listeners of every recipient", async () => {
    const { server, sockets } = await four();
    const seen: unknown[] = [];
    sockets.forEach((socket, i) => {
      socket.onAnyOutgoing((...args: unknown[]) => seen.push([i, ...args]));
    });
    server.io.to("a").emit("ev", 1);
    expect(seen).toEqual([
      [0, "ev", 1],
      [2, "ev", 1],
    ]);
  });
});
