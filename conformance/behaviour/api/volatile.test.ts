/** volatile: what is dropped when the transport cannot take it at once, and what is not. */
import { describe, expect, it } from "vitest";
import {
  collect,
  nextSocket,
  pair,
  RawPolling,
  RawWebSocket,
  settled,
  start,
} from "../../support/clients.ts";

/** A polling client with no GET pending: nothing volatile can go out. */
async function idlePoller(server: Awaited<ReturnType<typeof start>>) {
  const serverSide = nextSocket(server.io);
  const raw = await RawPolling.open(server);
  await raw.join();
  return [await serverSide, raw] as const;
}

describe("without a pending poll", () => {
  it("socket.volatile.emit is dropped, the rest is kept in order", async () => {
    const server = await start();
    const [socket, raw] = await idlePoller(server);
    socket.emit("a");
    socket.volatile.emit("dropped");
    socket.emit("b");
    expect([await raw.next(), await raw.next()]).toEqual(['42["a"]', '42["b"]']);
    expect(raw.received).toHaveLength(4);
  });

  it("io.volatile, io.to().volatile and socket.broadcast volatile are dropped", async () => {
    const server = await start();
    const [socket, raw] = await idlePoller(server);
    const [other] = await pair(server);
    await socket.join("room");
    server.io.volatile.emit("dropped 1");
    server.io.to("room").volatile.emit("dropped 2");
    other.volatile.broadcast.emit("dropped 3");
    other.broadcast.volatile.emit("dropped 4");
    server.io.to("room").emit("kept");
    expect(await raw.next()).toBe('42["kept"]');
  });

  it("a binary event is dropped as a whole", async () => {
    const server = await start();
    const [socket, raw] = await idlePoller(server);
    socket.volatile.emit("dropped", Buffer.from([1]), Buffer.from([2]));
    socket.emit("kept", Buffer.from([3]));
    expect([await raw.next(), await raw.next()]).toEqual([
      '451-["kept",{"_placeholder":true,"num":0}]',
      Buffer.from([3]),
    ]);
  });

  it("an ack for a dropped event times out", async () => {
    const server = await start();
    const [socket, raw] = await idlePoller(server);
    const error = await new Promise((resolve) =>
      socket.volatile.timeout(20).emit("dropped", resolve),
    );
    expect(error).toEqual(new Error("operation has timed out"));
    socket.emit("kept");
    expect(await raw.next()).toBe('42["kept"]');
  });
});

describe("with a transport that is ready", () => {
  it("over a pending poll a volatile event arrives", async () => {
    const server = await start();
    const [socket, raw] = await idlePoller(server);
    const polled = raw.next();
    // The poll is pending once the engine socket's transport says that it can write.
    const transport = socket.conn.transport as unknown as { writable: boolean };
    while (!transport.writable) await new Promise((resolve) => setTimeout(resolve, 2));
    socket.volatile.emit("now");
    expect(await polled).toBe('42["now"]');
  });

  it("over WebSocket a volatile event in an idle loop arrives", async () => {
    const server = await start();
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    await raw.join();
    const socket = await serverSide;
    socket.volatile.emit("one", 1);
    expect(await raw.next()).toBe('42["one",1]');
    server.io.volatile.emit("two", Buffer.from([2]));
    expect([await raw.next(), await raw.next()]).toEqual([
      '451-["two",{"_placeholder":true,"num":0}]',
      Buffer.from([2]),
    ]);
  });

  it("a volatile event overtakes nothing", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const heard = collect(client, "n");
    socket.emit("n", 1);
    socket.volatile.emit("n", 2);
    socket.emit("n", 3);
    await settled(socket, client);
    const numbers = heard.map(([n]) => n);
    expect([
      [1, 3],
      [1, 2, 3],
    ]).toContainEqual(numbers);
  });
});

describe("conn.transport.writable", () => {
  it("is false for a poller between its polls and true in them", async () => {
    const server = await start();
    const [socket, raw] = await idlePoller(server);
    const transport = () => socket.conn.transport as unknown as { writable: boolean };
    expect(transport().writable).toBe(false);
    const polled = raw.next();
    while (!transport().writable) await new Promise((resolve) => setTimeout(resolve, 2));
    socket.emit("x");
    await polled;
  });
});
