/** Every reason with which a socket leaves, as its server and as the stock client tell it. */
import { describe, expect, it } from "vitest";
import {
  collect,
  inside,
  next,
  nextSocket,
  pair,
  RawPolling,
  RawWebSocket,
  type Running,
  start,
} from "../../support/clients.ts";

/** A raw client in /, its server-side socket, and what its leaving will be told with. */
async function joined(
  server: Running,
  Raw: typeof RawWebSocket | typeof RawPolling = RawWebSocket,
) {
  const serverSide = nextSocket(server.io);
  const raw = await Raw.open(server);
  await raw.join();
  const socket = await serverSide;
  return { raw, socket, left: next(socket, "disconnect") };
}

describe("the client's part", () => {
  it("client namespace disconnect: socket.disconnect() on the client", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const left = next(socket, "disconnect");
    const clientLeft = next(client, "disconnect");
    client.disconnect();
    expect(await left).toEqual(["client namespace disconnect", undefined]);
    expect((await clientLeft)[0]).toBe("io client disconnect");
  });

  it("client namespace disconnect: a DISCONNECT packet; it is not answered", async () => {
    const server = await start();
    const { raw, left } = await joined(server);
    await raw.send("41");
    expect((await left)[0]).toBe("client namespace disconnect");
    expect(await raw.join()).toMatch(/^40\{/);
  });

  it.each([
    ["a closing handshake", (raw: RawWebSocket) => raw.socket.close()],
    ["a closing handshake with a code", (raw: RawWebSocket) => raw.socket.close(1000)],
    ["an end of the connection", (raw: RawWebSocket) => raw.socket.terminate()],
  ])("transport close: the WebSocket ends by %s", async (_what, end) => {
    const server = await start();
    const { raw, left } = await joined(server);
    end(raw as RawWebSocket);
    expect((await left)[0]).toBe("transport close");
  });

  it("transport close: a poller sends the close packet", async () => {
    const server = await start();
    const { raw, left } = await joined(server, RawPolling);
    await raw.send("1");
    expect((await left)[0]).toBe("transport close");
    expect(await raw.finished()).toBe('GET 400 {"code":1,"message":"Session ID unknown"}');
  });

  it("transport close: the stock client closes its engine", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const left = next(socket, "disconnect");
    client.io.engine.close();
    expect((await left)[0]).toBe("transport close");
  });

  it("a WebSocket's close packet alone ends nothing", async () => {
    const server = await start();
    const { raw, socket } = await joined(server);
    await raw.send("1");
    const answered = new Promise<void>((resolve) => socket.on("still here", () => resolve()));
    await raw.send('42["still here"]');
    await answered;
  });
});

describe("time-outs", () => {
  it.each([
    ["websocket", RawWebSocket],
    ["polling", RawPolling],
  ] as const)("ping timeout over %s: no pong comes", async (_name, Raw) => {
    const server = await start({ pingInterval: 150, pingTimeout: 100 });
    const serverSide = nextSocket(server.io);
    const raw = await Raw.open(server);
    raw.answersPings = false;
    await raw.join();
    const socket = await serverSide;
    const left = next(socket, "disconnect");
    if (raw instanceof RawWebSocket) {
      expect(await raw.until("2")).toBe("2");
    }
    expect((await left)[0]).toBe("ping timeout");
  });

  it("pings and pongs keep a connection", async () => {
    const server = await start({ pingInterval: 30, pingTimeout: 1000 });
    const { raw, socket } = await joined(server);
    raw.answersPings = false;
    for (let i = 0; i < 4; i++) {
      expect(await raw.until("2")).toBe("2");
      await raw.send("3");
    }
    expect(socket.connected).toBe(true);
  });
});

describe("errors", () => {
  it.each<[string, string]>([
    ["an unknown Engine.IO packet type", "9"],
    ["no Engine.IO packet at all", "x"],
  ])("parse error: %s", async (_what, frame) => {
    const server = await start();
    const { raw, left } = await joined(server);
    await raw.send(frame);
    expect((await left)[0]).toBe("parse error");
    await raw.finished();
  });

  it("parse error: undecodable packets in a POST", async () => {
    const server = await start();
    const { raw, left } = await joined(server, RawPolling);
    const answer = await (raw as RawPolling).post("abc");
    expect([answer.status, answer.text]).toEqual([200, "ok"]);
    expect((await left)[0]).toBe("parse error");
  });

  it("transport error: a ping from the client, outside the probe", async () => {
    const server = await start();
    const { raw, left } = await joined(server);
    await raw.send("2");
    const [reason, details] = await left;
    expect(reason).toBe("transport error");
    expect((details as Error).message).toBe("invalid heartbeat direction");
    await raw.finished();
  });

  it("transport error: a message above maxHttpBufferSize, over WebSocket", async () => {
    const server = await start({ maxHttpBufferSize: 100 });
    const { raw, left } = await joined(server);
    await raw.send(`42["${"x".repeat(200)}"]`);
    expect((await left)[0]).toBe("transport error");
    expect(await raw.finished()).toBe("close 1009");
  });

  it("transport error: the pending poll is cut off", async () => {
    const server = await start();
    const { raw, left } = await joined(server, RawPolling);
    const controller = new AbortController();
    const poll = fetch((raw as RawPolling).url, { signal: controller.signal }).catch(() => "cut");
    const [socket] = [...server.io.sockets.sockets.values()];
    const transport = () => inside<{ writable: boolean }>(socket?.conn.transport);
    while (!transport().writable) await new Promise((resolve) => setTimeout(resolve, 2));
    controller.abort();
    await poll;
    const [reason] = await left;
    expect(reason).toBe("transport error");
  });

  it("transport error: two polls at once", async () => {
    const server = await start();
    const { raw, left } = await joined(server, RawPolling);
    const polling = raw as RawPolling;
    const first = polling.get();
    const [socket] = [...server.io.sockets.sockets.values()];
    const transport = () => inside<{ writable: boolean }>(socket?.conn.transport);
    while (!transport().writable) await new Promise((resolve) => setTimeout(resolve, 2));
    const second = await polling.get();
    expect(second.status).toBe(400);
    expect((await first).text).toBe("1");
    expect((await left)[0]).toBe("transport error");
  });

  it("forced close: a Socket.IO packet that cannot be decoded; the socket hears the error first", async () => {
    const server = await start();
    const { raw, socket, left } = await joined(server);
    const errors = collect(socket, "error");
    await raw.send('42{"not":"an array"}');
    expect((await left)[0]).toBe("forced close");
    expect(errors).toHaveLength(1);
    expect(inside<Error>(errors[0]?.[0]).message).toBe("invalid payload");
    expect(await raw.finished()).toBe("close 1005");
  });

  it("a packet for a namespace that was not joined ends all namespaces of the connection", async () => {
    const server = await start();
    server.io.of("/x");
    const { raw, left } = await joined(server);
    await raw.send('42/x,["ev"]');
    expect((await left)[0]).toBe("forced close");
    await raw.finished();
  });

  it("forced server close: the same over polling", async () => {
    const server = await start();
    server.io.of("/x");
    const { raw, left } = await joined(server, RawPolling);
    await raw.send('42/x,["ev"]');
    expect((await left)[0]).toBe("forced server close");
  });
});

describe("the server's part", () => {
  it("server namespace disconnect: socket.disconnect()", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const left = next(socket, "disconnect");
    const clientLeft = next(client, "disconnect");
    socket.disconnect();
    expect(await left).toEqual(["server namespace disconnect", undefined]);
    expect((await clientLeft)[0]).toBe("io server disconnect");
  });

  it("server namespace disconnect: socket.disconnect(true), in all namespaces of the connection", async () => {
    const server = await start();
    server.io.of("/x");
    const { raw, socket, left } = await joined(server);
    const inX = nextSocket(server.io.of("/x"));
    await raw.join("/x");
    const leftX = next(await inX, "disconnect");
    socket.disconnect(true);
    expect((await left)[0]).toBe("server namespace disconnect");
    expect((await leftX)[0]).toBe("server namespace disconnect");
  });

  it("forced close: conn.close()", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const left = next(socket, "disconnect");
    const clientLeft = next(client, "disconnect");
    socket.conn.close();
    expect((await left)[0]).toBe("forced close");
    expect((await clientLeft)[0]).toBe("transport close");
  });

  it("server shutting down: io.close(); the client sees the transport close", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const left = next(socket, "disconnect");
    const clientLeft = next(client, "disconnect");
    await server.io.close();
    expect(await left).toEqual(["server shutting down", undefined]);
    expect((await clientLeft)[0]).toBe("transport close");
  });
});

describe("details", () => {
  it("disconnecting and disconnect get reason and details alike", async () => {
    const server = await start();
    const { raw, socket, left } = await joined(server);
    const disconnecting = next(socket, "disconnecting");
    await raw.send("2");
    expect(await disconnecting).toEqual(await left);
  });

  it("each socket of a connection leaves once", async () => {
    const server = await start();
    const { raw, socket, left } = await joined(server);
    const calls = collect(socket, "disconnect");
    await raw.send('42{"bad"', '42{"bad"');
    await left;
    await raw.finished();
    socket.disconnect(true);
    expect(calls).toHaveLength(1);
  });
});
