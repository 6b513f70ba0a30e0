/** The members of Socket, and what its client sees of them. */
import { describe, expect, it, vi } from "vitest";
import {
  collect,
  expectId,
  failureOf,
  inside,
  next,
  nextSocket,
  pair,
  pairs,
  RawPolling,
  RawWebSocket,
  roundTrip,
  settled,
  start,
  stock,
  until,
} from "../../support/clients.ts";
import { loadSocketIo, targetName } from "../../support/target.ts";

const { Socket } = await loadSocketIo();

async function rawPair(server: Awaited<ReturnType<typeof start>>, nsp = "/") {
  const serverSide = nextSocket(server.io.of(nsp));
  const raw = await RawWebSocket.open(server);
  await raw.join(nsp);
  return [await serverSide, raw] as const;
}

describe("properties", () => {
  it("id is that of the client, 20 characters, and not the connection's secret", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    expect(socket).toBeInstanceOf(Socket);
    expectId(socket.id);
    expect(socket.id).toBe(client.id);
    expectId(inside<{ id: string }>(socket.conn).id);
    expect(inside<{ id: string }>(socket.conn).id).not.toBe(socket.id);
  });

  it("nsp, server, adapter, client, conn, request belong together", async () => {
    const server = await start();
    const [socket] = await pair(server, "/chat");
    expect(socket.nsp).toBe(server.io.of("/chat"));
    expect(inside(socket)["server"]).toBe(server.io);
    expect(inside(socket)["adapter"]).toBe(socket.nsp.adapter);
    expect(socket.client.conn).toBe(socket.conn);
    expect(socket.client.request).toBe(socket.request);
    expect(socket.request).toBe(socket.conn.request);
    expect(socket.request.url).toMatch(/^\/socket\.io\/\?EIO=4&transport=websocket/);
    expect(inside<{ _query: Record<string, string> }>(socket.request)._query).toMatchObject({
      EIO: "4",
      transport: "websocket",
    });
    expect(inside<{ id: string }>(socket.client).id).toBe(inside<{ id: string }>(socket.conn).id);
  });

  it("data is an empty object, can be filled and replaced", async () => {
    const server = await start();
    const [socket] = await pair(server);
    expect(socket.data).toEqual({});
    socket.data.user = "me";
    expect((await server.io.fetchSockets())[0]?.data).toEqual({ user: "me" });
    socket.data = { other: 1 };
    expect((await server.io.fetchSockets())[0]?.data).toEqual({ other: 1 });
  });

  it("connected and disconnected", async () => {
    const server = await start();
    const inMiddleware: boolean[] = [];
    server.io.use((socket, nextFn) => {
      inMiddleware.push(socket.connected, socket.disconnected);
      nextFn();
    });
    const [socket, client] = await pair(server);
    expect(inMiddleware).toEqual([false, true]);
    expect([socket.connected, socket.disconnected]).toEqual([true, false]);
    const left = next(socket, "disconnect");
    client.disconnect();
    await left;
    expect([socket.connected, socket.disconnected]).toEqual([false, true]);
  });

  it("recovered is false without recovery, and there is no pid", async () => {
    const server = await start();
    const [socket] = await pair(server);
    expect(socket.recovered).toBe(false);
    expect(inside(socket)["pid"]).toBeUndefined();
  });

  it("rooms holds the id first; a copy-free view of the adapter", async () => {
    const server = await start();
    const [socket] = await pair(server);
    expect([...socket.rooms]).toEqual([socket.id]);
    await socket.join("a");
    expect([...socket.rooms]).toEqual([socket.id, "a"]);
  });

  it("rooms is empty in a middleware and joins made there are kept", async () => {
    const server = await start();
    const seen: string[][] = [];
    server.io.use(async (socket, nextFn) => {
      seen.push([...socket.rooms]);
      await socket.join("early");
      seen.push([...socket.rooms]);
      nextFn();
    });
    const [socket] = await pair(server);
    expect(seen).toEqual([[], ["early"]]);
    expect([...socket.rooms].sort()).toEqual([socket.id, "early"].sort());
  });

  it("acks holds the callbacks that wait, by id", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    const acks = inside<{ acks: Map<number, unknown> }>(socket).acks;
    expect(acks).toBeInstanceOf(Map);
    const answered = new Promise((resolve) => socket.emit("ask", resolve));
    expect([...acks.keys()]).toEqual([0]);
    await raw.send('430["yes"]');
    expect(await answered).toBe("yes");
    expect(acks.size).toBe(0);
  });
});

describe("emit", () => {
  it("gives true, and the client gets the arguments", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const heard = next(client, "ev");
    expect(socket.emit("ev", 1, "2", { three: [4, null, true] }, undefined)).toBe(true);
    expect(await heard).toEqual([1, "2", { three: [4, null, true] }, null]);
  });

  it("writes exactly these packets", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server, "/chat");
    socket.emit("ev", { a: undefined, d: new Date(0), toJSON: undefined });
    socket.emit("no args");
    socket.emit("bytes", Buffer.from([1, 2]), { deep: [new Uint8Array([3]).buffer] });
    socket.emit("typed", new Uint16Array([0x0201]));
    socket.emit("ev", { toJSON: () => "replaced" });
    const frames = [];
    for (let i = 0; i < 8; i++) frames.push(await raw.next());
    expect(frames).toEqual([
      '42/chat,["ev",{"d":"1970-01-01T00:00:00.000Z"}]',
      '42/chat,["no args"]',
      '452-/chat,["bytes",{"_placeholder":true,"num":0},{"deep":[{"_placeholder":true,"num":1}]}]',
      Buffer.from([1, 2]),
      Buffer.from([3]),
      '451-/chat,["typed",{"_placeholder":true,"num":0}]',
      Buffer.from([1, 2]),
      '42/chat,["ev","replaced"]',
    ]);
  });

  it("takes numbers for event names", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    socket.emit(7 as unknown as string, "x");
    expect(await raw.next()).toBe('42[7,"x"]');
    const heard = next(socket, 8 as unknown as string);
    await raw.send('42[8,"y"]');
    expect(await heard).toEqual(["y"]);
  });

  it.each([
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
  ])("refuses the reserved %s", async (name) => {
    const server = await start();
    const [socket] = await pair(server);
    expect((await failureOf(() => socket.emit(name))).message).toBe(
      `"${name}" is a reserved event name`,
    );
  });

  it("send() and write() emit a message and give the socket back", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const heard = collect(client, "message");
    expect(socket.send("a", 1)).toBe(socket);
    expect(socket.write("b", 2)).toBe(socket);
    await settled(socket, client);
    expect(heard).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
  });

  it("calls back with the client's answer", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    client.on("sum", (a: number, b: number, cb: (...args: number[]) => void) => cb(a + b, a * b));
    const answer = await new Promise<unknown[]>((resolve) => {
      socket.emit("sum", 3, 4, (...args: unknown[]) => resolve(args));
    });
    expect(answer).toEqual([7, 12]);
  });

  // No stock decoder takes more than ten: Socket.IO writes them, the client closes and comes back without end.
  it.runIf(targetName === "holdfast")("refuses more than ten attachments", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    const eleven = Array.from({ length: 11 }, (_each, i) => Buffer.from([i]));
    for (const emit of [
      () => socket.emit("many", ...eleven),
      () => server.io.emit("many", eleven),
    ]) {
      expect((await failureOf(emit)).code).toBe("HF_ATTACHMENTS_TOO_MANY");
    }
    socket.emit("after");
    expect(await raw.next()).toBe('42["after"]');
  });

  it("is silent after the disconnection", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    socket.disconnect();
    socket.emit("too late");
    server.io.of("/");
    expect(await raw.next()).toBe("41");
    await raw.send("40");
    expect(await raw.next()).toMatch(/^42\["too late"\]|^40\{/);
  });

  it("goes out before CONNECT when called in a middleware", async () => {
    const server = await start();
    server.io.use((socket, nextFn) => {
      socket.emit("early", 1);
      nextFn();
    });
    const raw = await RawWebSocket.open(server);
    await raw.send("40");
    expect(await raw.next()).toBe('42["early",1]');
    expect(await raw.next()).toMatch(/^40\{"sid"/);
  });
});

describe("events from the client", () => {
  it("come with their arguments, in order", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const heard: unknown[] = [];
    socket.on("a", (...args: unknown[]) => heard.push(["a", ...args]));
    socket.on("b", (...args: unknown[]) => heard.push(["b", ...args]));
    client.emit("a", 1);
    client.emit("b", { x: Buffer.from([9]) });
    client.emit("a");
    client.emit("unheard");
    await until(() => heard.length === 3, "three events");
    expect(heard).toEqual([["a", 1], ["b", { x: Buffer.from([9]) }], ["a"]]);
  });

  it.each([["websocket"], ["polling"]])("bytes are Buffers, over %s", async (transport) => {
    const server = await start();
    const [socket, client] = await pair(server, "/", { transports: [transport] });
    socket.on("bytes", (...args: unknown[]) => {
      const [buffer, nested, cb] = args as [Buffer, { deep: Buffer[] }, (ok: boolean[]) => void];
      cb([buffer, ...nested.deep].map((each) => Buffer.isBuffer(each)));
    });
    const bytes = new Uint8Array([1, 2]);
    expect(await roundTrip(client, "bytes", bytes, { deep: [bytes.buffer, bytes] })).toEqual([
      true,
      true,
      true,
    ]);
    client.on("ask", (cb: (answer: unknown) => void) => cb(bytes));
    expect(Buffer.isBuffer(await socket.emitWithAck("ask"))).toBe(true);
  });

  it("may be named like an EventEmitter's own error", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    client.emit("error", "nobody listens");
    client.emit("error", "nobody listens");
    const heard = next(socket, "error");
    client.emit("error", "heard");
    await heard;
    expect(socket.connected).toBe(true);
  });

  it("with an ack carry a function that answers once", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    socket.on("ask", (arg: string, cb: (...args: unknown[]) => void) => {
      cb(arg, Buffer.from([1]));
      cb("again");
      socket.emit("after");
    });
    await raw.send('4217["ask","x"]');
    expect([await raw.next(), await raw.next(), await raw.next()]).toEqual([
      '461-17["x",{"_placeholder":true,"num":0}]',
      Buffer.from([1]),
      '42["after"]',
    ]);
  });

  it("are not dispatched once the socket has left", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    const heard: unknown[] = [];
    socket.on("first", () => {
      heard.push("first");
      socket.disconnect();
    });
    socket.on("second", () => heard.push("second"));
    await raw.send('42["first"]', '42["second"]');
    await raw.until("41");
    await raw.join();
    expect(heard).toEqual(["first"]);
  });

  it("reach once(), off(), prependListener() and removeAllListeners() as usual", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const order: string[] = [];
    const off = () => order.push("off");
    socket.on("ev", () => order.push("on"));
    socket.once("ev", () => order.push("once"));
    socket.prependListener("ev", () => order.push("prepended"));
    socket.on("ev", off);
    socket.off("ev", off);
    socket.on("ping me", (cb: () => void) => cb());
    client.emit("ev");
    client.emit("ev");
    await roundTrip(client, "ping me");
    expect(order).toEqual(["prepended", "on", "once", "prepended", "on"]);
    socket.removeAllListeners("ev");
    client.emit("ev");
    await roundTrip(client, "ping me");
    expect(order).toHaveLength(5);
  });
});

describe("flags and chains", () => {
  it("volatile, compress() and timeout() give the socket itself, for the next emit only", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    expect(socket.volatile).toBe(socket);
    expect(socket.compress(false)).toBe(socket);
    expect(socket.timeout(10)).toBe(socket);
    expect(inside<{ flags: unknown }>(socket).flags).toEqual({
      volatile: true,
      compress: false,
      timeout: 10,
    });
    socket.emit("ev");
    expect(inside<{ flags: unknown }>(socket).flags).toEqual({});
    await settled(socket, client);
  });

  it("broadcast, to, in, except, local take the flags along and leave the sender out", async () => {
    const server = await start();
    const all = await pairs(server, 3);
    const [a, b] = all.map(([socket]) => socket);
    await b?.join("room");
    const heard = all.map(([, client]) => collect(client, "ev"));
    a?.broadcast.emit("ev", "broadcast");
    a?.to("room").emit("ev", "to");
    a?.in("room").emit("ev", "in");
    a?.except("room").emit("ev", "except");
    a?.local.emit("ev", "local");
    a?.to(a.id).emit("ev", "to itself");
    for (const [socket, client] of all) await settled(socket, client);
    expect(heard).toEqual([
      [],
      [["broadcast"], ["to"], ["in"], ["local"]],
      [["broadcast"], ["except"], ["local"]],
    ]);
  });

  it("a timeout set before broadcast counts for the broadcast", async () => {
    const server = await start();
    const all = await pairs(server, 2);
    const sender = all[0]?.[0];
    const [error, responses] = await new Promise<unknown[]>((resolve) => {
      sender?.timeout(20).broadcast.emit("nobody answers", (...args: unknown[]) => resolve(args));
    });
    expect((error as Error).message).toBe("operation has timed out");
    expect(responses).toEqual([]);
    expect(inside<{ flags: unknown }>(sender).flags).toEqual({});
  });
});

describe("disconnect()", () => {
  it("sends DISCONNECT, keeps the connection, gives the socket back", async () => {
    const server = await start();
    server.io.of("/other");
    const [socket, raw] = await rawPair(server, "/chat");
    await raw.join("/other");
    expect(socket.disconnect()).toBe(socket);
    expect(await raw.next()).toBe("41/chat,");
    server.io.of("/other").emit("alive");
    expect(await raw.next()).toBe('42/other,["alive"]');
  });

  it("with true closes the connection under it, after a DISCONNECT for each namespace", async () => {
    const server = await start();
    server.io.of("/other");
    const [socket, raw] = await rawPair(server, "/chat");
    await raw.join("/other");
    socket.disconnect(true);
    expect([await raw.next(), await raw.next()]).toEqual(["41/chat,", "41/other,"]);
    expect(await raw.finished()).toBe("close 1005");
  });

  it("does nothing the second time", async () => {
    const server = await start();
    const [socket] = await pair(server);
    const heard = collect(socket, "disconnect");
    socket.disconnect();
    expect(socket.disconnect()).toBe(socket);
    expect(heard).toEqual([["server namespace disconnect", undefined]]);
  });

  it("before the connection is complete does nothing", async () => {
    const server = await start();
    server.io.use((socket, nextFn) => {
      socket.disconnect();
      nextFn();
    });
    const [socket] = await pair(server);
    expect(socket.connected).toBe(true);
  });

  it("in a connection handler still sends CONNECT first", async () => {
    const server = await start();
    server.io.on("connection", (socket) => socket.disconnect(true));
    const raw = await RawWebSocket.open(server);
    await raw.send("40");
    expect(await raw.next()).toMatch(/^40\{"sid"/);
    expect(await raw.next()).toBe("41");
    await raw.finished();
  });

  it("over polling hands the DISCONNECT to the pending poll", async () => {
    const server = await start();
    const serverSide = nextSocket(server.io);
    const raw = await RawPolling.open(server);
    await raw.join();
    const socket = await serverSide;
    socket.disconnect(true);
    expect(await raw.next()).toBe("41");
  });
});

describe("disconnecting and disconnect", () => {
  it("come in this order, with the reason; the rooms are there in the first only", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    await socket.join("a");
    const seen: unknown[] = [];
    socket.on("disconnecting", (reason) => {
      seen.push(["disconnecting", reason, [...socket.rooms], socket.connected]);
    });
    const left = new Promise<void>((resolve) => {
      socket.on("disconnect", (reason) => {
        seen.push(["disconnect", reason, [...socket.rooms], socket.connected]);
        resolve();
      });
    });
    const { id } = socket;
    client.disconnect();
    await left;
    expect(seen).toEqual([
      ["disconnecting", "client namespace disconnect", [id, "a"], true],
      ["disconnect", "client namespace disconnect", [], false],
    ]);
  });

  it("join() is ignored afterwards", async () => {
    const server = await start();
    const [socket] = await pair(server);
    socket.disconnect();
    await socket.join("late");
    expect([...socket.rooms]).toEqual([]);
    expect(inside<{ rooms: Map<string, unknown> }>(server.io.sockets.adapter).rooms.size).toBe(0);
  });

  it("a listener can still broadcast to the rooms that are being left", async () => {
    const server = await start();
    const all = await pairs(server, 2);
    for (const [socket] of all) await socket.join("room");
    const leaver = all[0]?.[0];
    const stayer = all[1]?.[1];
    leaver?.on("disconnecting", () => {
      for (const room of leaver.rooms) if (room !== leaver.id) leaver.to(room).emit("left", room);
    });
    const heard = next(stayer, "left");
    all[0]?.[1].disconnect();
    expect(await heard).toEqual(["room"]);
  });
});

describe("errors", () => {
  it("a handler that rejects does not end the connection, and reaches the process", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const caught = new Promise<unknown>((resolve) => {
      const others = process.listeners("unhandledRejection");
      process.removeAllListeners("unhandledRejection");
      process.once("unhandledRejection", (reason) => {
        for (const listener of others) process.on("unhandledRejection", listener);
        resolve(reason);
      });
    });
    const failure = new Error("on purpose");
    socket.on("fail", async () => {
      throw failure;
    });
    socket.on("ping me", (cb: () => void) => cb());
    client.emit("fail");
    expect(await caught).toBe(failure);
    await roundTrip(client, "ping me");
  });

  it("a handler that throws does not end the connection, and reaches the process", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const caught = new Promise<unknown>((resolve) => {
      const others = process.listeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.once("uncaughtException", (reason) => {
        for (const listener of others) process.on("uncaughtException", listener);
        resolve(reason);
      });
    });
    const failure = new Error("on purpose");
    socket.on("fail", () => {
      throw failure;
    });
    socket.on("ping me", (cb: () => void) => cb());
    client.emit("fail");
    expect(await caught).toBe(failure);
    await roundTrip(client, "ping me");
  });
});

describe("private members that other packages use", () => {
  it("leaveAll() leaves every room", async () => {
    const server = await start();
    const [socket] = await pair(server);
    await socket.join(["a", "b"]);
    inside<{ leaveAll(): void }>(socket).leaveAll();
    expect([...socket.rooms]).toEqual([]);
  });

  it("client.writeToEngine() writes encoded packets", async () => {
    const server = await start();
    const [socket, raw] = await rawPair(server);
    const client = inside<{
      writeToEngine(packets: (string | Buffer)[], options: Record<string, unknown>): void;
    }>(socket.client);
    client.writeToEngine(['2["written"]'], { preEncoded: true });
    client.writeToEngine(['51-["bytes",{"_placeholder":true,"num":0}]', Buffer.from([5])], {
      compress: true,
    });
    expect([await raw.next(), await raw.next(), await raw.next()]).toEqual([
      '42["written"]',
      '451-["bytes",{"_placeholder":true,"num":0}]',
      Buffer.from([5]),
    ]);
  });

  it("notifyOutgoingListeners() calls the catch-all listeners", async () => {
    const server = await start();
    const [socket] = await pair(server);
    const listener = vi.fn();
    socket.onAnyOutgoing(listener);
    inside<{ notifyOutgoingListeners(packet: unknown): void }>(socket).notifyOutgoingListeners({
      data: ["ev", 1],
    });
    expect(listener).toHaveBeenCalledWith("ev", 1);
  });

  it("_onclose and _onerror", async () => {
    const server = await start();
    const [socket] = await pair(server);
    const [left, errors] = [collect(socket, "disconnect"), collect(socket, "error")];
    const failure = new Error("x");
    inside<{ _onerror(error: Error): void }>(socket)._onerror(failure);
    inside<{ _onclose(reason: string): void }>(socket)._onclose("server shutting down");
    expect(errors).toEqual([[failure]]);
    expect(left).toEqual([["server shutting down", undefined]]);
  });
});

it("a client that asks for the socket twice gets two sockets on two connections", async () => {
  const server = await start();
  const [first, second] = [stock(server), stock(server)];
  await Promise.all([next(first, "connect"), next(second, "connect")]);
  expect(first.id).not.toBe(second.id);
  expect(server.io.sockets.sockets.size).toBe(2);
});
