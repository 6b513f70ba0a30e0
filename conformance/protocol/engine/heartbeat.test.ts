/**
 * The heartbeat. Goal: the server pings in time however busy the connection is, and ends one that does not answer.
 * A timer never fires early, so that the lower bounds are exact; the upper ones are the patience of the tests.
 */
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { collect, next, pass, until } from "../../support/clients.ts";
import { type FrameSocket, opcodes } from "../../support/raw-websocket.ts";
import type { EngineServer, EngineServerOptions } from "../../support/servers.ts";
import { openPolling, openWebSocket, pendingGet, serve } from "./session.ts";

const slack = 15;
const textFrame = (payload: string) => ({ opcode: opcodes.text, payload });

async function expectText(socket: FrameSocket, content: string): Promise<number> {
  expect((await socket.message()).payload.toString()).toBe(content);
  return performance.now();
}

async function timed(options: EngineServerOptions): Promise<{
  server: EngineServer;
  begun: number;
}> {
  const server = await serve(options);
  return { server, begun: performance.now() };
}

describe("over WebSocket", () => {
  it("pings pingInterval after the handshake, and after each answer", async () => {
    const { server, begun } = await timed({ pingInterval: 60, pingTimeout: 5000 });
    const { socket, connection, reasons } = await openWebSocket(server);
    const heartbeats = collect(connection, "heartbeat");
    let last = begun;
    for (let i = 0; i < 4; i++) {
      const pinged = await expectText(socket, "2");
      expect(pinged - last).toBeGreaterThan(60 - slack);
      last = performance.now();
      await socket.send(textFrame("3"));
    }
    await until(() => heartbeats.length === 4, "four answers are heard");
    expect(reasons()).toEqual([]);
  });

  it("sends no second ping before the first is answered", async () => {
    const server = await serve({ pingInterval: 20, pingTimeout: 200 });
    const { socket, reasons } = await openWebSocket(server);
    await expectText(socket, "2");
    expect((await socket.closed()).before).toEqual([]);
    expect(reasons()).toEqual(["ping timeout"]);
  });

  it("ends who does not answer, though it is sent something now and then that is compressed", async () => {
    const options = { pingInterval: 50, pingTimeout: 200, perMessageDeflate: true };
    const server = await serve(options);
    const connects = next(server.engine, "connection");
    const url = `${server.url.replace("http", "ws")}/engine.io/?EIO=4&transport=websocket`;
    const client = new WebSocket(url, { perMessageDeflate: true });
    onTestFinished(() => client.terminate());
    await next(client, "open");
    const [connection] = (await connects) as [{ send(text: string): void }];
    expect(client.extensions).toContain("permessage-deflate");
    const sends = setInterval(() => connection.send("x"), 20);
    onTestFinished(() => clearInterval(sends));
    expect((await next(connection, "close"))[0]).toBe("ping timeout");
  });

  it("closes without a code when no answer comes within pingTimeout", async () => {
    const server = await serve({ pingInterval: 30, pingTimeout: 100 });
    const { socket, connection, reasons } = await openWebSocket(server);
    const pinged = await expectText(socket, "2");
    await next(connection, "close");
    expect(performance.now() - pinged).toBeGreaterThan(100 - slack * 2);
    expect(reasons()).toEqual(["ping timeout"]);
    expect((await socket.closed()).code).toBe(1005);
    expect(server.engine.clientsCount).toBe(0);
  });

  it("goes on pinging a busy connection", async () => {
    const server = await serve({ pingInterval: 50, pingTimeout: 5000 });
    const { socket, connection } = await openWebSocket(server);
    const busy = setInterval(() => {
      connection.send("down");
      void socket.send(textFrame("4up"));
    }, 5);
    try {
      for (let pings = 0; pings < 3; ) {
        if ((await socket.message()).payload.toString() !== "2") continue;
        pings++;
        await socket.send(textFrame("3"));
      }
    } finally {
      clearInterval(busy);
    }
  });

  it("waits once more when another packet comes instead of the answer", async () => {
    const server = await serve({ pingInterval: 30, pingTimeout: 400 });
    const { socket, connection, messages } = await openWebSocket(server);
    await expectText(socket, "2");
    await pass(200);
    await socket.send(textFrame("4not the answer"));
    await until(() => messages().length === 1, "the message is heard");
    const heard = performance.now();
    await next(connection, "close");
    expect(performance.now() - heard).toBeGreaterThan(400 - slack * 2);
  });

  it("does not wait more than once more", async () => {
    const server = await serve({ pingInterval: 30, pingTimeout: 300 });
    const { socket, reasons } = await openWebSocket(server);
    await expectText(socket, "2");
    const chatter = setInterval(() => void socket.send(textFrame("4not the answer")), 20);
    try {
      await until(() => reasons().length > 0, "the connection closes");
    } finally {
      clearInterval(chatter);
    }
    expect(reasons()).toEqual(["ping timeout"]);
  });

  it("takes a ping of the client as an error", async () => {
    const server = await serve();
    const { socket, connection, reasons } = await openWebSocket(server);
    const closes = collect(connection, "close");
    await socket.send(textFrame("2"));
    expect((await socket.closed()).code).toBe(1005);
    expect(reasons()).toEqual(["transport error"]);
    expect(closes[0]?.[1]).toMatchObject({ message: "invalid heartbeat direction" });
  });

  it("takes a probe outside an upgrade for such a ping", async () => {
    const server = await serve();
    const { socket, reasons } = await openWebSocket(server);
    await socket.send(textFrame("2probe"));
    await socket.closed();
    expect(reasons()).toEqual(["transport error"]);
  });

  it.each(["3", "3probe"])("takes an answer that nobody asked for: %s", async (packet) => {
    const server = await serve({ pingInterval: 60, pingTimeout: 5000 });
    const { socket, reasons } = await openWebSocket(server);
    await socket.send([textFrame(packet), textFrame(packet)]);
    await expectText(socket, "2");
    await socket.send(textFrame("3"));
    await expectText(socket, "2");
    expect(reasons()).toEqual([]);
  });

  it("is not answered by a pong frame", async () => {
    const server = await serve({ pingInterval: 30, pingTimeout: 150 });
    const { socket, reasons } = await openWebSocket(server);
    await expectText(socket, "2");
    await socket.send({ opcode: opcodes.pong });
    await socket.closed();
    expect(reasons()).toEqual(["ping timeout"]);
  });
});

describe("over polling", () => {
  it("answers the pending GET with a ping, again and again", async () => {
    const server = await serve({ pingInterval: 50, pingTimeout: 5000 });
    const { client, reasons } = await openPolling(server);
    for (let i = 0; i < 3; i++) {
      expect((await client.get()).text).toBe("2");
      expect((await client.post("3")).text).toBe("ok");
    }
    expect(reasons()).toEqual([]);
  });

  it("keeps a ping for the GET that comes later", async () => {
    const server = await serve({ pingInterval: 20, pingTimeout: 5000 });
    const { client, connection } = await openPolling(server);
    await until(() => connection.writeBuffer.length > 0, "the ping is due");
    expect((await client.get()).text).toBe("2");
  });

  it("ends the session when no answer comes: the pending GET gets a close", async () => {
    const server = await serve({ pingInterval: 30, pingTimeout: 100 });
    const session = await openPolling(server);
    expect((await session.client.get()).text).toBe("2");
    const { answer } = await pendingGet(session);
    expect((await answer).text).toBe("1");
    expect(session.reasons()).toEqual(["ping timeout"]);
    expect((await session.client.get()).status).toBe(400);
  });

  it("ends a session that never polls again", async () => {
    const server = await serve({ pingInterval: 30, pingTimeout: 60 });
    const { reasons } = await openPolling(server);
    await until(() => reasons().length > 0, "the session closes");
    expect(reasons()).toEqual(["ping timeout"]);
    expect(server.engine.clientsCount).toBe(0);
  });

  it("takes a ping of the client as an error", async () => {
    const server = await serve();
    const session = await openPolling(server);
    const { answer } = await pendingGet(session);
    const post = await session.client.post("2");
    expect([post.status, post.text]).toEqual([200, "ok"]);
    expect((await answer).text).toBe("1");
    expect(session.reasons()).toEqual(["transport error"]);
  });
});

it("does not ping a connection that is closed", async () => {
  const server = await serve({ pingInterval: 20, pingTimeout: 20 });
  const { socket, connection, reasons } = await openWebSocket(server);
  connection.close();
  const closing = await socket.frame();
  expect(closing.opcode).toBe(opcodes.close);
  await pass(80);
  expect(socket.connection.unread).toHaveLength(0);
  expect(reasons()).toEqual(["forced close"]);
});
