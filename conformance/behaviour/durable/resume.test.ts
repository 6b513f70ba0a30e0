/** A stock client comes back to a server with a store: it gets exactly what it missed, in order, once. */
import type { Socket } from "holdfast";
import type { Socket as StockSocket } from "socket.io-client";
import { describe, expect, it } from "vitest";
import {
  type ClientOptions,
  collect,
  inside,
  jsonOf,
  next,
  nextSocket,
  pair,
  RawPolling,
  RawWebSocket,
  type Running,
  start,
  stock,
  until,
} from "../../support/clients.ts";
import { away, cut, marked, numbers, reconnecting } from "../../support/durable.ts";
import { newFolder } from "../../support/folder.ts";

describe.each([
  ["event", "memory"],
  ["argument", "memory"],
  ["event", "folder"],
  ["argument", "folder"],
] as const)("offsets: %s, store: %s", (offsets, where) => {
  const store = () => (where === "memory" ? "memory" : newFolder());

  async function begin(options: ClientOptions = {}): Promise<[Running, Socket, StockSocket]> {
    const server = await start({ store: store(), offsets });
    server.io.on("connection", (socket) => {
      socket.on("join", (room: string, done: () => void) => {
        void socket.join(room);
        done();
      });
    });
    const [socket, client] = await pair(server, "/", { ...reconnecting, ...options });
    await client.emitWithAck("join", "room");
    return [server, socket, client];
  }

  it("S1: what was emitted meanwhile comes first, then what is live; the client is recovered", async () => {
    const [{ io }, socket, client] = await begin();
    const heard = collect(client, "n");
    io.to("room").emit("n", 1);
    await marked(socket, client);
    const again = await away(io, client, async () => {
      io.to("room").emit("n", 2);
      io.to("other").emit("n", -1);
      await io.publish("n", 3);
    });
    io.to("room").emit("n", 4);
    await marked(again, client);
    expect(numbers(heard)).toEqual([1, 2, 3, 4]);
    expect(client.recovered).toBe(true);
    expect(again.recovered).toBe(true);
    expect(again.id).toBe(socket.id);
    expect(again.rooms).toEqual(new Set([socket.id, "room"]));
    expect(again.resume.kind).toBe("full");
    await again.resume.done;
    expect(again.resume.missed).toBe(2);
  });

  it("S3, F2: also when no event came before the cut", async () => {
    const [{ io }, , client] = await begin();
    const heard = collect(client, "n");
    const again = await away(io, client, () => io.to("room").emit("n", 1));
    await marked(again, client);
    expect(numbers(heard)).toEqual([1]);
    expect(client.recovered).toBe(true);
  });

  it("S4, F3: also when an event that ends in a string came last", async () => {
    const [{ io }, socket, client] = await begin();
    const heard = collect(client, "n");
    io.to("room").emit("n", 1);
    await marked(socket, client);
    const text = next(client, "text");
    socket.volatile.emit("text", "not a position");
    await text;
    const transient = next(client, "transient");
    socket.transient.emit("transient", "nor this");
    await transient;
    const again = await away(io, client, () => io.to("room").emit("n", 2));
    await marked(again, client);
    expect(numbers(heard)).toEqual([1, 2]);
    expect(client.recovered).toBe(true);
  });

  it("S7, F5: four cuts in a row, with events at every moment", async () => {
    const [{ io }, socket, client] = await begin();
    const heard = collect(client, "n");
    let sent = 0;
    let last = socket;
    const emit = () => io.to("room").emit("n", sent++);
    for (let round = 0; round < 4; round++) {
      emit();
      await marked(last, client);
      emit();
      last = await away(io, client, () => {
        emit();
        emit();
      });
      emit();
    }
    await marked(last, client);
    expect(numbers(heard)).toEqual(Array.from({ length: sent }, (_, index) => index));
  });

  it("keeps the order of stored, transient, acked and direct emits (I21)", async () => {
    const [{ io }, socket, client] = await begin();
    const order: unknown[] = [];
    client.onAny((event, value) => {
      if (!String(event).startsWith("hf:")) order.push(value);
    });
    client.on("asked", (_value: number, answer: () => void) => answer());
    io.to("room").emit("n", 1);
    socket.transient.emit("n", 2);
    socket.emit("asked", 3, () => {});
    io.to("room").emit("n", 4);
    io.to("room").transient.emit("n", 5);
    io.timeout(1000)
      .to("room")
      .emit("asked", 6, () => {});
    socket.emit("n", 7);
    void socket.leave("room");
    io.to("room").emit("n", -1);
    await marked(socket, client);
    order.pop();
    expect(order).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("does not give what was emitted after a leave or before a join, though the client was away", async () => {
    const [{ io }, , client] = await begin();
    const heard = collect(client, "n");
    const again = await away(io, client, () => {
      io.to("late").emit("n", -1);
      io.in("room").socketsJoin("late");
      io.to("late").emit("n", 1);
      io.to("room").emit("n", 2);
      io.in("room").socketsLeave("room");
      io.to("room").emit("n", -2);
    });
    await marked(again, client);
    expect(numbers(heard)).toEqual([1, 2]);
    expect(again.rooms).toEqual(new Set([again.id, "late"]));
  });

  it("excludes the session, not the id, from what it has sent itself", async () => {
    const [{ io }, socket, client] = await begin();
    const heard = collect(client, "n");
    const again = await away(io, client, () => {
      socket.to("room").emit("n", -1);
      io.to("room").except("room").emit("n", -2);
      io.to("room").emit("n", 1);
    });
    again.broadcast.emit("n", -3);
    await marked(again, client);
    expect(numbers(heard)).toEqual([1]);
  });

  it("brings attachments back", async () => {
    const [{ io }, , client] = await begin();
    const heard = collect(client, "bytes");
    const again = await away(io, client, () =>
      io.to("room").emit("bytes", { a: Buffer.from([1, 2]), b: [Buffer.from([3])] }, "text"),
    );
    await marked(again, client);
    expect(heard).toHaveLength(1);
    expect(heard[0]?.slice(0, 2)).toEqual([
      { a: Buffer.from([1, 2]), b: [Buffer.from([3])] },
      "text",
    ]);
  });

  it("F11: replays a broadcast that asks for acknowledgements, and counts the answer once (4b)", async () => {
    const [{ io }, , client] = await begin();
    client.on("asked", (answer: (value: string) => void) => answer("here"));
    const gone = next(io.sockets.sockets.get(client.id ?? ""), "disconnect");
    cut(client);
    const answers = io.timeout(4000).to("room").emitWithAck("asked");
    await gone;
    expect(await answers).toEqual(["here"]);
  });

  it("keeps socket.data", async () => {
    const [{ io }, socket, client] = await begin();
    socket.data = { name: "ann", seen: [1, 2] };
    const again = await away(io, client, () => {});
    expect(again.data).toEqual({ name: "ann", seen: [1, 2] });
  });

  it("over polling", async () => {
    const [{ io }, socket, client] = await begin({ transports: ["polling"] });
    const heard = collect(client, "n");
    io.to("room").emit("n", 1);
    await marked(socket, client);
    const again = await away(io, client, () => {
      for (let n = 2; n < 400; n++) io.to("room").emit("n", n);
    });
    await marked(again, client);
    expect(numbers(heard)).toEqual(Array.from({ length: 399 }, (_, index) => index + 1));
  });

  it("S2, F1: takes over a connection that is half open, and fences it (I11)", async () => {
    const server = await start({ store: store(), offsets });
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    const ids = jsonOf(await raw.join()) as { sid: string; pid: string };
    const socket = await serverSide;
    await socket.join("room");
    const order: string[] = [];
    socket.on("disconnect", (reason) => order.push(reason));
    server.io.on("connection", () => order.push("connection"));
    server.io.to("room").emit("n", 1);
    // A second connection with the same pid, while the server takes the first one for alive.
    const client = stock(server, "/", { auth: { pid: ids.pid } });
    const heard = collect(client, "n");
    await next(client, "connect");
    expect(order).toEqual(["transport close", "connection"]);
    expect(client.id).toBe(ids.sid);
    server.io.to("room").emit("n", 2);
    const again = server.io.sockets.sockets.get(ids.sid);
    expect(again).not.toBe(socket);
    await marked(again as Socket, client);
    expect(heard.map(([n]) => n).at(-1)).toBe(2);
    await raw.finished();
  });
});

describe("the wire", () => {
  it("has the primer before CONNECT, and a marker after each turn with entries", async () => {
    const server = await start({ store: "memory" });
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    await raw.send("40");
    expect(await raw.next()).toMatch(/^42\["hf:position","hf\.[\w-]+\.[0-9a-z]+\.[\w-]{8}"\]$/);
    expect(await raw.next()).toMatch(/^40\{"sid":"[\w-]{20}","pid":"[\w-]{20}\.[\w-]{8}"\}$/);
    const socket = await serverSide;
    server.io.emit("a");
    socket.emit("b", 1);
    expect(await raw.next()).toBe('42["a"]');
    expect(await raw.next()).toBe('42["b",1]');
    expect(await raw.next()).toMatch(/^42\["hf:position","hf\./);
  });

  it("has the position as the last argument with offsets: argument, and no markers", async () => {
    const server = await start({ store: "memory", connectionStateRecovery: {} });
    const raw = await RawWebSocket.open(server);
    await raw.send("40");
    await raw.next();
    await raw.next();
    server.io.emit("a");
    server.io.emit("b", 1);
    expect(await raw.next()).toMatch(/^42\["a","hf\.[\w.-]+"\]$/);
    expect(await raw.next()).toMatch(/^42\["b",1,"hf\.[\w.-]+"\]$/);
  });

  it("has a marker behind an event that asks for an answer, which carries no position", async () => {
    const server = await start({ store: "memory", connectionStateRecovery: {} });
    const raw = await RawWebSocket.open(server);
    await raw.join();
    server.io.timeout(1000).emit("asked", 1, () => {});
    expect(await raw.next()).toMatch(/^42\d+\["asked",1\]$/);
    expect(await raw.next()).toMatch(/^42\["hf:position","hf\.[\w.-]+"\]$/);
  });

  it("has the markers of all namespaces before the ping whose answer proves what they mark", async () => {
    const server = await start({ store: "memory" });
    server.io.of("/b");
    const raw = await RawWebSocket.open(server);
    await raw.join("/b");
    await raw.join();
    raw.answersPings = false;
    const before = raw.received.length;
    server.io.emit("a");
    server.io.of("/b").emit("b");
    await until(() => raw.received.slice(before).includes("2"), "the ping");
    const frames = raw.received.slice(before).map((frame) => String(frame).slice(0, 18));
    expect(frames).toEqual([
      '42["a"]',
      '42/b,["b"]',
      '42["hf:position","',
      '42/b,["hf:position',
      "2",
    ]);
  });

  it("has what was missed before CONNECT only over polling, where all is in one payload", async () => {
    const server = await start({ store: "memory", connectionStateRecovery: {} });
    const serverSide = nextSocket(server.io);
    const first = await RawPolling.open(server);
    const ids = jsonOf(await first.join()) as { sid: string; pid: string };
    await (await serverSide).join("room");
    (await serverSide).conn.close(true);
    const come = async (missed: number): Promise<string[]> => {
      for (let n = 0; n < missed; n++) server.io.to("room").emit("n", n);
      const raw = await RawPolling.open(server);
      await raw.join("/", { pid: ids.pid });
      const frames = raw.received.map(String).filter((frame) => frame.startsWith("4"));
      server.io.sockets.sockets.get(ids.sid)?.conn.close(true);
      return frames;
    };
    const few = await come(2);
    expect(few.slice(0, 3).map((frame) => frame.slice(0, 5))).toEqual(['42["n', '42["n', '40{"s']);
    const many = await come(200);
    expect(many[0]).toMatch(/^42\["hf:position"/);
    expect(many[1]).toMatch(/^40\{/);
  });

  it("has a marker at least each 64 KiB, also within one turn", async () => {
    const server = await start({ store: "memory" });
    const raw = await RawWebSocket.open(server);
    await raw.join();
    const before = raw.received.length;
    for (let n = 0; n < 10; n++) server.io.emit("big", "x".repeat(40_000));
    await until(
      () => raw.received.filter((f) => String(f).startsWith('42["big')).length === 10,
      "all",
    );
    const frames = raw.received.slice(before).map(String);
    let bytes = 0;
    for (const frame of frames) {
      bytes = frame.startsWith('42["hf:position') ? 0 : bytes + frame.length;
      expect(bytes).toBeLessThan(64 * 1024 + 41_000);
    }
  });

  it("I14: has no more than highWater waiting for it, whatever one turn brings, and misses nothing", async () => {
    const highWater = 64 * 1024;
    const server = await start({ store: "memory", highWater });
    const [socket, client] = await pair(server);
    const heard = collect(client, "n");
    const direct = collect(client, "direct");
    const waiting = () => inside<{ unsentBytes: number }>(socket.conn).unsentBytes;
    const text = "x".repeat(10_000);
    let most = 0;
    for (let n = 0; n < 50; n++) {
      server.io.emit("n", n, { text });
      socket.volatile.emit("volatile", { text });
      socket.transient.emit("direct", n);
      most = Math.max(most, waiting());
    }
    // One that is larger waits alone.
    server.io.emit("n", 50, { text: "x".repeat(3 * highWater) });
    await marked(socket, client);
    expect(most).toBeGreaterThan(highWater / 2);
    expect(most).toBeLessThan(highWater + 500);
    const all = Array.from({ length: 51 }, (_, index) => index);
    expect(numbers(heard)).toEqual(all);
    expect(numbers(direct)).toEqual(all.slice(0, 50));
  });

  it("is plain Socket.IO without a store", async () => {
    const server = await start();
    const raw = await RawWebSocket.open(server);
    await raw.send("40");
    expect(await raw.next()).toMatch(/^40\{"sid":"[\w-]{20}"\}$/);
    server.io.emit("hf:position", "an application may");
    expect(await raw.next()).toBe('42["hf:position","an application may"]');
  });

  it("keeps its own events for itself", async () => {
    const server = await start({ store: "memory" });
    expect(() => server.io.emit("hf:position", "x")).toThrow("reserved event name");
    const [socket] = await pair(server);
    expect(() => socket.emit("hf:gap")).toThrow("reserved event name");
    const eleven = Array.from({ length: 11 }, () => Buffer.from([1]));
    for (const emit of [
      () => server.io.emit("bytes", eleven),
      () => socket.emit("bytes", eleven, () => undefined),
      () => socket.transient.emit("bytes", eleven),
    ]) {
      expect(emit).toThrow(expect.objectContaining({ code: "HF_ATTACHMENTS_TOO_MANY" }));
    }
    for (const name of [undefined, null, true, {}, Number.NaN, Symbol("name")]) {
      const event = inside<string>(name);
      const refused = expect.objectContaining({ code: "HF_EVENT_NAME_INVALID" });
      expect(() => server.io.to("room").emit(event, 1)).toThrow(refused);
      expect(() => socket.emit(event, 1)).toThrow(refused);
      await expect(server.io.publish(event, 1)).rejects.toEqual(refused);
    }
  });
});

describe("identify", () => {
  const identify = (socket: Socket) => socket.handshake.auth["name"] as string | undefined;

  it("S5: finds the session of a client that knows no pid, with a new socket id", async () => {
    const server = await start({ store: "memory", identify });
    const [first, client] = await pair(server, "/", { auth: { name: "ann" } });
    await first.join("room");
    const gone = next(first, "disconnect");
    cut(client);
    await gone;
    server.io.to("room").emit("n", 1);
    server.io.to(first.id).emit("n", 2);
    const reloaded = stock(server, "/", { auth: { name: "ann" } });
    const heard = collect(reloaded, "n");
    const [socket] = await Promise.all([nextSocket(server.io), next(reloaded, "connect")]);
    expect(socket.id).not.toBe(first.id);
    server.io.to(first.id).emit("n", 3);
    server.io.to(socket.id).emit("n", 4);
    await marked(socket, reloaded);
    expect(numbers(heard)).toEqual([1, 2, 3, 4]);
    expect(socket.recovered).toBe(true);
    expect(socket.rooms).toEqual(new Set([socket.id, "room"]));
  });

  it("F21: gives a second tab a session of its own, and each its own back", async () => {
    const server = await start({ store: "memory", identify });
    const [a, clientA] = await pair(server, "/", { auth: { name: "ann" }, ...reconnecting });
    const [b, clientB] = await pair(server, "/", { auth: { name: "ann" }, ...reconnecting });
    await a.join("a");
    await b.join("b");
    const heardA = collect(clientA, "n");
    const heardB = collect(clientB, "n");
    const againA = await away(server.io, clientA, () => {
      server.io.to("a").emit("n", "a");
      server.io.to("b").emit("n", "b");
    });
    await marked(againA, clientA);
    await marked(b, clientB);
    expect(numbers(heardA)).toEqual(["a"]);
    expect(numbers(heardB)).toEqual(["b"]);
  });

  it("does not give a session to another who has its pid", async () => {
    const server = await start({ store: "memory", identify });
    const [ann, client] = await pair(server, "/", { auth: { name: "ann" } });
    await ann.join("room");
    const pid = inside<{ _pid: string }>(client)._pid;
    const gone = next(ann, "disconnect");
    cut(client);
    await gone;
    server.io.to("room").emit("n", "secret");
    const thief = stock(server, "/", { auth: { name: "eve", pid } });
    const heard = collect(thief, "n");
    const [socket] = await Promise.all([nextSocket(server.io), next(thief, "connect")]);
    await marked(socket, thief);
    expect(heard).toEqual([]);
    expect(socket.recovered).toBe(false);
    expect(inside<{ _pid: string }>(thief)._pid).not.toBe(pid);
  });

  it("refuses what names nobody", async () => {
    const server = await start({ store: "memory", identify: () => 5 as unknown as string });
    const [error] = await next(stock(server), "connect_error");
    expect((error as Error).message).toContain("identify");
  });
});
