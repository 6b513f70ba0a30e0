/**
 * npm socket.io-client in Node over each transport and over the upgrade: what an application does with it, from the
 * handshake to the recovery of a session.
 */
import type { Socket } from "holdfast";
import { describe, expect, it } from "vitest";
import {
  type ClientOptions,
  collect,
  failureOf,
  inside,
  next,
  nextSocket,
  pair,
  pairs,
  start,
  stock,
  until,
} from "../support/clients.ts";
import { expectTarget } from "./ours.ts";

type Reply = (...answer: unknown[]) => void;

const quickly = { reconnection: true, reconnectionDelay: 10, randomizationFactor: 0 } as const;

const lanes = [["websocket"], ["polling"], ["polling", "websocket"]].map((transports) => ({
  name: transports.join(" → "),
  transports,
}));

describe.each(lanes)("socket.io-client over $name", ({ transports }) => {
  const options: ClientOptions = { transports };

  /** The upgrade, where there is one, is over. */
  async function settledOn(socket: Socket): Promise<void> {
    const last = transports.at(-1);
    await until(() => socket.conn.transport.name === last, "the transport is there");
  }

  it("connects with what it brings along", async () => {
    const server = await start();
    expectTarget(server.io);
    const [socket, client] = await pair(server, "/", {
      ...options,
      auth: { token: "yes" },
      query: { color: "é&=" },
      extraHeaders: { "x-test": "1" },
    });
    expect(client.id).toBe(socket.id);
    expect(socket.handshake.auth).toEqual({ token: "yes" });
    expect(socket.handshake.query).toMatchObject({ color: "é&=" });
    expect(socket.handshake.headers["x-test"]).toBe("1");
    await settledOn(socket);
    expect(client.io.engine.transport.name).toBe(transports.at(-1));
  });

  it("keeps events in order while it sends bytes and text both ways", async () => {
    const server = await start();
    const [socket, client] = await pair(server, "/", options);
    const up = collect(socket, "up");
    const down = collect(client, "down");
    const count = 60;
    for (let i = 0; i < count; i++) {
      const value = i % 3 === 0 ? Buffer.from([i]) : { i, text: "é☃" };
      client.emit("up", i, value);
      socket.emit("down", i, value);
    }
    await until(() => up.length === count && down.length === count, "all came");
    await settledOn(socket);
    expect(up.map(([i]) => i)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(down).toEqual(up);
    expect(down[3]).toEqual([3, Buffer.from([3])]);
  });

  it("carries a message of 900 kB, as text and as bytes", async () => {
    const server = await start();
    const [socket, client] = await pair(server, "/", options);
    socket.on("echo", (value: unknown, reply: Reply) => reply(value));
    const text = "x".repeat(900_000);
    expect((await client.timeout(6000).emitWithAck("echo", text)) === text).toBe(true);
    const bytes = Buffer.alloc(600_000, 7);
    const back = (await client.timeout(6000).emitWithAck("echo", bytes)) as Buffer;
    expect(bytes.equals(back)).toBe(true);
  });

  it("has acks, those with bytes and those that are late", async () => {
    const server = await start();
    const [socket, client] = await pair(server, "/", options);
    client.on("ask", (bytes: Buffer, reply: Reply) => reply(bytes.length, Buffer.from([9])));
    const answer = new Promise((resolve) => {
      socket.timeout(3000).emit("ask", Buffer.from("four"), (...args: unknown[]) => resolve(args));
    });
    expect(await answer).toEqual([null, 4, Buffer.from([9])]);
    const late = "operation has timed out";
    expect((await failureOf(() => client.timeout(30).emitWithAck("nobody"))).message).toBe(late);
    expect((await failureOf(() => socket.timeout(30).emitWithAck("nobody"))).message).toBe(late);
  });

  it("has namespaces on one connection, and rooms", async () => {
    const server = await start();
    const all = await pairs(server, 3, "/", options);
    const [first] = all;
    if (first === undefined) throw new Error("three connected");
    const coming = nextSocket(server.io.of("/a"));
    const inA = first[1].io.socket("/a");
    await next(inA, "connect");
    const socketA = await coming;
    expect(socketA.conn).toBe(first[0].conn);
    const heard = next(inA, "news");
    server.io.of("/a").emit("news", Buffer.from([1]));
    expect(await heard).toEqual([Buffer.from([1])]);

    for (const [socket] of all.slice(1)) await socket.join("room");
    const heardInRoom = all.map(([, client]) => collect(client, "room news"));
    const others = all.slice(1).map(([, client]) => next(client, "room news"));
    server.io.to("room").emit("room news", 1);
    await Promise.all(others);
    expect(heardInRoom.map((list) => list.length)).toEqual([0, 1, 1]);
    inA.disconnect();
  });

  it("is told why it is refused, and is let in with a better answer", async () => {
    const server = await start();
    server.io.use((socket, proceed) => {
      const known = socket.handshake.auth["token"] === "yes";
      proceed(known ? undefined : Object.assign(new Error("who?"), { data: { code: 7 } }));
    });
    const client = stock(server, "/", { ...options, auth: { token: "no" } });
    expect((await next(client, "connect_error"))[0]).toMatchObject({
      message: "who?",
      data: { code: 7 },
    });
    client.auth = { token: "yes" };
    client.connect();
    await next(client, "connect");
  });

  it("comes back when the connection is cut, and sends what it kept", async () => {
    const server = await start();
    const [socket, client] = await pair(server, "/", { ...options, ...quickly });
    const coming = nextSocket(server.io);
    const gone = next(client, "disconnect");
    socket.conn.close();
    expect((await gone)[0]).toBe("transport close");
    client.emit("kept", 1);
    const back = await coming;
    expect(await next(back, "kept")).toEqual([1]);
    expect(back.id).not.toBe(socket.id);
  });

  it("recovers its session, with what was sent meanwhile", async () => {
    const server = await start({ connectionStateRecovery: {} });
    const [socket, client] = await pair(server, "/", { ...options, ...quickly });
    await socket.join("room");
    socket.data = { name: "bee" };
    const first = next(client, "news");
    server.io.to("room").emit("news", 1);
    await first;
    const heard = collect(client, "news");
    const coming = nextSocket(server.io);
    const gone = next(socket, "disconnect");
    socket.conn.close();
    await gone;
    server.io.to("room").emit("news", 2, Buffer.from([2]));
    server.io.to("elsewhere").emit("news", "not for the room");
    const back = await coming;
    await until(() => client.connected, "it is back");
    await until(() => heard.length > 0, "what was missed comes");
    expect([client.recovered, back.recovered]).toEqual([true, true]);
    expect([back.id, client.id]).toEqual([socket.id, socket.id]);
    expect(back.data).toEqual({ name: "bee" });
    expect(back.rooms.has("room")).toBe(true);
    const after = next(client, "news");
    server.io.to("room").emit("news", 3);
    await after;
    expect(heard.map((args) => args.slice(0, -1))).toEqual([[2, Buffer.from([2])], [3]]);
  });

  it("tries again until an event is acknowledged, one after the other", async () => {
    const server = await start();
    const [socket, client] = await pair(server, "/", { ...options, retries: 3, ackTimeout: 150 });
    const seen: unknown[] = [];
    socket.on("retried", (n: number, reply: Reply) => {
      seen.push(n);
      if (seen.length !== 1) reply(n);
    });
    const answers = await Promise.all([
      client.emitWithAck("retried", 1),
      client.emitWithAck("retried", 2),
    ]);
    expect(answers).toEqual([1, 2]);
    expect(seen).toEqual([1, 1, 2]);
  });

  it("drops volatile events while it cannot send, and only those", async () => {
    const server = await start();
    const coming = nextSocket(server.io);
    const client = stock(server, "/", options);
    client.volatile.emit("dropped");
    client.emit("kept");
    const socket = await coming;
    const dropped = collect(socket, "dropped");
    await next(socket, "kept");
    expect(dropped).toEqual([]);
  });

  it("tells each side who left", async () => {
    const server = await start();
    const [socket, client] = await pair(server, "/", options);
    const gone = next(socket, "disconnect");
    client.disconnect();
    expect((await gone)[0]).toBe("client namespace disconnect");

    const [kicked, other] = await pair(server, "/", options);
    const out = next(other, "disconnect");
    kicked.disconnect(true);
    expect((await out)[0]).toBe("io server disconnect");
    expect(other.active).toBe(false);
  });

  it("answers the heartbeat and notices when it stops", async () => {
    const server = await start({ pingInterval: 40, pingTimeout: 150 });
    const [socket, client] = await pair(server, "/", options);
    let pings = 0;
    client.io.on("ping", () => pings++);
    await until(() => pings >= 3, "three pings came");
    expect(socket.connected).toBe(true);
    const gone = next(socket, "disconnect");
    inside<{ _sendPacket(type: string): void }>(client.io.engine)._sendPacket = () => undefined;
    expect((await gone)[0]).toBe("ping timeout");
  });
});
