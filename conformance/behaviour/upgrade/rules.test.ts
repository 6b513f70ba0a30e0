/** The rules of the upgrade from polling to WebSocket, one by one, without load. */
import { describe, expect, it, onTestFinished } from "vitest";
import {
  ask,
  type OpenSession,
  openPolling,
  openWebSocket,
  pendingGet,
  serve,
} from "../../protocol/engine/session.ts";
import { collect, next, until } from "../../support/clients.ts";
import { FrameSocket, type FrameSpec, opcodes } from "../../support/raw-websocket.ts";
import type { EngineServer, EngineServerOptions } from "../../support/servers.ts";

const textFrame = (payload: string): FrameSpec => ({ opcode: opcodes.text, payload });

async function expectText(socket: FrameSocket, content: string): Promise<void> {
  expect((await socket.message()).payload.toString()).toBe(content);
}

/** A WebSocket for a session that is on polling; nothing has been sent on it. */
async function openSecond(server: EngineServer, sid: string): Promise<FrameSocket> {
  const socket = await FrameSocket.open(server, { query: `sid=${sid}` });
  onTestFinished(() => socket.destroy());
  return socket;
}

interface Upgrading extends OpenSession {
  readonly server: EngineServer;
  readonly socket: FrameSocket;
}

/** A session on polling whose WebSocket has been probed. */
async function openProbed(options: EngineServerOptions = {}): Promise<Upgrading> {
  const server = await serve(options);
  const session = await openPolling(server);
  const socket = await openSecond(server, session.sid);
  await socket.send(textFrame("2probe"));
  await expectText(socket, "3probe");
  return { ...session, server, socket };
}

/** The session still works over polling, both ways. */
async function expectOnPolling(session: OpenSession): Promise<void> {
  const { client, connection, messages, reasons } = session;
  expect([connection.transport.name, connection.upgraded]).toEqual(["polling", false]);
  expect((await client.post("4still there")).text).toBe("ok");
  expect(messages().at(-1)).toBe("still there");
  connection.send("indeed");
  let text = (await client.get()).text;
  while (text === "6") text = (await client.get()).text;
  expect([text, reasons()]).toEqual(["4indeed", []]);
}

describe("a probe", () => {
  it("is answered; the session goes on over polling", async () => {
    const { server: _server, socket: _socket, ...session } = await openProbed();
    expect(session.connection.upgrading).toBe(true);
    await expectOnPolling(session);
  });

  it("emits upgrading with the new transport", async () => {
    const server = await serve();
    const { sid, connection } = await openPolling(server);
    const upgrading = next(connection, "upgrading");
    const socket = await openSecond(server, sid);
    await socket.send(textFrame("2probe"));
    const [transport] = (await upgrading) as [{ name: string }];
    expect(transport.name).toBe("websocket");
  });

  it("may be repeated", async () => {
    const { socket, ...session } = await openProbed();
    await socket.send([textFrame("2probe"), textFrame("2probe")]);
    await expectText(socket, "3probe");
    await expectText(socket, "3probe");
    await expectOnPolling(session);
  });

  it("makes a pending GET be released every 100 ms while nothing comes", async () => {
    const session = await openProbed();
    const begun = performance.now();
    for (let i = 1; i <= 3; i++) expect((await session.client.get()).text).toBe("6");
    expect(performance.now() - begun).toBeGreaterThan(200);
  });

  it("leaves data their way over the pending GET", async () => {
    const session = await openProbed();
    const { answer } = await pendingGet(session);
    session.connection.send("by polling");
    expect((await answer).text).toBe("4by polling");
  });

  it("that is not answered by an upgrade within upgradeTimeout loses its WebSocket", async () => {
    const { socket, ...session } = await openProbed({ upgradeTimeout: 60 });
    expect((await socket.closed()).code).toBe(1005);
    expect(session.connection.upgrading).toBe(false);
    await expectOnPolling(session);
  });
});

describe("5", () => {
  it("moves the session: what waited comes on the WebSocket, in order", async () => {
    const { socket, connection, messages } = await openProbed();
    connection.send("one");
    connection.send(Buffer.from([2]));
    const upgraded = next(connection, "upgrade");
    await socket.send([textFrame("5"), textFrame("4after"), textFrame("4it")]);
    const [transport] = (await upgraded) as [{ name: string }];
    expect(transport.name).toBe("websocket");
    await expectText(socket, "4one");
    expect((await socket.message()).payload).toEqual(Buffer.from([2]));
    connection.send("three");
    await expectText(socket, "4three");
    expect(messages()).toEqual(["after", "it"]);
    expect(connection.transport.name).toBe("websocket");
    expect([connection.upgrading, connection.upgraded]).toEqual([false, true]);
  });

  it("needs no probe before it", async () => {
    const server = await serve();
    const { sid, connection } = await openPolling(server);
    const socket = await openSecond(server, sid);
    await socket.send(textFrame("5"));
    await next(connection, "upgrade");
    connection.send("moved");
    await expectText(socket, "4moved");
  });

  it("makes GETs and POSTs of the session be refused", async () => {
    const { server, socket, sid, connection, reasons } = await openProbed();
    await socket.send(textFrame("5"));
    await until(() => connection.upgraded, "the session moves");
    for (const method of ["GET", "POST"]) {
      const answer = await ask(server, { sid }, { method });
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        400,
        { code: 3, message: "Bad request" },
      ]);
    }
    expect(reasons()).toEqual([]);
  });

  it("answers a GET that is still pending", async () => {
    const { socket, ...session } = await openProbed();
    const { answer } = await pendingGet(session);
    await socket.send(textFrame("5"));
    expect(["1", "6"]).toContain((await answer).text);
    await until(() => session.connection.upgraded, "the session moves");
    session.connection.send("moved");
    await expectText(socket, "4moved");
    expect(session.reasons()).toEqual([]);
  });

  it("ends the time for the upgrade", async () => {
    const { socket, connection, reasons } = await openProbed({ upgradeTimeout: 300 });
    await socket.send(textFrame("5"));
    await until(() => connection.upgraded, "the session moves");
    await new Promise((resolve) => setTimeout(resolve, 400));
    connection.send("still there");
    await expectText(socket, "4still there");
    expect(reasons()).toEqual([]);
  });

  it("makes the end of the WebSocket the end of the session", async () => {
    const { socket, connection, reasons } = await openProbed();
    await socket.send(textFrame("5"));
    await until(() => connection.upgraded, "the session moves");
    await socket.send({ opcode: opcodes.close });
    await socket.closed();
    await until(() => reasons().length > 0, "the session closes");
    expect(reasons()).toEqual(["transport close"]);
  });

  it("once moved, is a packet that changes nothing", async () => {
    const { socket, messages, reasons } = await openProbed();
    await socket.send([textFrame("5"), textFrame("5"), textFrame("4after")]);
    await until(() => messages().length > 0, "the message comes");
    expect([messages(), reasons()]).toEqual([["after"], []]);
  });
});

describe("a WebSocket for the upgrade is closed, and the session stays on polling, after", () => {
  const frames: [what: string, frame: FrameSpec][] = [
    ["a message", textFrame("4hello")],
    ["a binary message", { opcode: opcodes.binary, payload: Uint8Array.of(1, 2, 3) }],
    ["a ping", textFrame("2")],
    ["another probe", textFrame("2other")],
    ["a pong", textFrame("3")],
    ["a noop", textFrame("6")],
    ["a close packet", textFrame("1")],
    ["what is no packet", textFrame("9")],
    ["nothing", textFrame("")],
    ["a malformed frame", { opcode: 3 }],
    ["a close frame", { opcode: opcodes.close }],
  ];
  it.each(frames)("%s instead of a probe", async (_what, frame) => {
    const server = await serve();
    const session = await openPolling(server);
    const socket = await openSecond(server, session.sid);
    await until(() => session.connection.upgrading, "the upgrade begins");
    await socket.send(frame);
    expect((await socket.closed()).before).toEqual([]);
    await until(() => !session.connection.upgrading, "the upgrade ends");
    expect(session.messages()).toEqual([]);
    await expectOnPolling(session);
  });

  it.each(frames)("%s instead of an upgrade", async (_what, frame) => {
    const { socket, ...session } = await openProbed();
    await socket.send(frame);
    expect((await socket.closed()).before).toEqual([]);
    await until(() => !session.connection.upgrading, "the upgrade ends");
    expect(session.messages()).toEqual([]);
    await expectOnPolling(session);
  });

  it("upgradeTimeout without a probe", async () => {
    const server = await serve({ upgradeTimeout: 40 });
    const session = await openPolling(server);
    const socket = await openSecond(server, session.sid);
    expect((await socket.closed()).code).toBe(1005);
    await expectOnPolling(session);
  });

  it("its reset", async () => {
    const { socket, ...session } = await openProbed();
    socket.connection.reset();
    await until(() => !session.connection.upgrading, "the upgrade ends");
    await expectOnPolling(session);
  });
});

describe("a second WebSocket for the session is closed", () => {
  it("while the first has not come to an end; the first goes on", async () => {
    const { server, socket, sid, connection, reasons } = await openProbed();
    const second = await openSecond(server, sid);
    expect(await second.closed()).toMatchObject({ code: 1005, before: [] });
    await socket.send(textFrame("5"));
    await until(() => connection.upgraded, "the session moves");
    connection.send("moved");
    await expectText(socket, "4moved");
    expect(reasons()).toEqual([]);
  });

  it("after the session has moved", async () => {
    const { server, socket, sid, connection, reasons } = await openProbed();
    await socket.send(textFrame("5"));
    await until(() => connection.upgraded, "the session moves");
    const second = await openSecond(server, sid);
    expect(await second.closed()).toMatchObject({ code: 1005, before: [] });
    connection.send("still there");
    await expectText(socket, "4still there");
    expect(reasons()).toEqual([]);
  });

  it("but not after the first has been given up", async () => {
    const { server, socket, sid, connection } = await openProbed();
    await socket.send({ opcode: opcodes.close });
    await socket.closed();
    await until(() => !connection.upgrading, "the upgrade ends");
    const second = await openSecond(server, sid);
    await second.send(textFrame("2probe"));
    await expectText(second, "3probe");
    await second.send(textFrame("5"));
    await until(() => connection.upgraded, "the session moves");
    connection.send("moved");
    await expectText(second, "4moved");
  });
});

/**
 * A WebSocket for a session that was opened over WebSocket. npm engine.io 6.6.12 takes it: such a session has neither
 * moved nor is it moving. Nothing the client does not ask for happens.
 */
it("a WebSocket for a session that is on another one does not take over by itself", async () => {
  const server = await serve();
  const { socket, sid, connection, reasons } = await openWebSocket(server);
  const second = await openSecond(server, sid);
  connection.send("here");
  await expectText(socket, "4here");
  second.connection.reset();
  connection.send("still here");
  await expectText(socket, "4still here");
  expect(reasons()).toEqual([]);
});

describe("the end of the session ends the WebSocket for the upgrade:", () => {
  it("a close of the client", async () => {
    const { socket, client, reasons } = await openProbed();
    expect((await client.post("1")).text).toBe("ok");
    expect((await socket.closed()).code).toBe(1005);
    expect(reasons()).toEqual(["transport close"]);
  });

  it("a close of the server with a pending GET", async () => {
    const { server: _server, socket, ...session } = await openProbed();
    const { answer } = await pendingGet(session);
    session.connection.close();
    expect((await answer).text).toBe("1");
    expect((await socket.closed()).code).toBe(1005);
    expect(session.reasons()).toEqual(["forced close"]);
  });

  it("a discarding close of the server", async () => {
    const { socket, connection, reasons } = await openProbed();
    connection.close(true);
    expect((await socket.closed()).code).toBe(1005);
    expect(reasons()).toEqual(["forced close"]);
  });

  it("a ping that is not answered", async () => {
    const options = { pingInterval: 50, pingTimeout: 50 };
    const { socket, reasons } = await openProbed(options);
    expect((await socket.closed()).code).toBe(1005);
    expect(reasons()).toEqual(["ping timeout"]);
  });

  it("a payload that cannot be decoded", async () => {
    const { socket, client, reasons } = await openProbed();
    await client.post("9");
    expect((await socket.closed()).code).toBe(1005);
    expect(reasons()).toEqual(["parse error"]);
  });
});

describe("a close of the server that waits for a GET", () => {
  it("is made on the WebSocket when the session moves there first", async () => {
    const { socket, connection, reasons } = await openProbed();
    connection.close();
    expect(reasons()).toEqual([]);
    await socket.send(textFrame("5"));
    expect(await socket.closed()).toMatchObject({ code: 1005, before: [] });
    expect(reasons()).toEqual(["forced close"]);
  });

  it("comes after what was sent before it, there too", async () => {
    const { socket, connection, reasons } = await openProbed();
    connection.send("one");
    connection.send("two");
    connection.close();
    await socket.send(textFrame("5"));
    const { before } = await socket.closed();
    expect(before.map(({ payload }) => payload.toString())).toEqual(["4one", "4two"]);
    expect(reasons()).toEqual(["forced close"]);
  });
});

describe("the heartbeat", () => {
  it("goes on after the move; a ping of before may be answered on the WebSocket", async () => {
    const { socket, client, reasons } = await openProbed({ pingInterval: 80, pingTimeout: 4000 });
    let text = (await client.get()).text;
    while (text === "6") text = (await client.get()).text;
    expect(text).toBe("2");
    await socket.send([textFrame("5"), textFrame("3")]);
    for (let i = 0; i < 2; i++) {
      await expectText(socket, "2");
      await socket.send(textFrame("3"));
    }
    expect(reasons()).toEqual([]);
  });

  it("does not end a session for a ping that was sent before the move", async () => {
    const { socket, client, connection, reasons } = await openProbed({
      pingInterval: 60,
      pingTimeout: 300,
    });
    let text = (await client.get()).text;
    while (text === "6") text = (await client.get()).text;
    expect(text).toBe("2");
    await socket.send(textFrame("5"));
    await until(() => connection.upgraded, "the session moves");
    // For longer than pingTimeout the session lives, whether it pings anew or not.
    const closes = collect(connection, "close");
    const pings: string[] = [];
    const deadline = performance.now() + 400;
    while (performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (socket.connection.unread.length === 0) continue;
      pings.push((await socket.message()).payload.toString());
      await socket.send(textFrame("3"));
    }
    expect([closes, reasons()]).toEqual([[], []]);
    expect(pings.every((packet) => packet === "2")).toBe(true);
  });
});
