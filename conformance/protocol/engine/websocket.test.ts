/** Engine.IO packets on a WebSocket: one per frame, and what ends the session. */
import { describe, expect, it } from "vitest";
import { until } from "../../support/clients.ts";
import { type FrameSpec, opcodes } from "../../support/raw-websocket.ts";
import { openWebSocket, serve } from "./session.ts";

const textFrame = (payload: string | Uint8Array): FrameSpec => ({ opcode: opcodes.text, payload });

describe("packets", () => {
  it("of one turn of the loop are a frame each, in order", async () => {
    const server = await serve();
    const { socket, connection } = await openWebSocket(server);
    for (let i = 0; i < 20; i++) connection.send(i % 4 === 0 ? Buffer.from([i]) : `${i}`);
    for (let i = 0; i < 20; i++) {
      const { opcode, payload } = await socket.message();
      if (i % 4 === 0) expect([opcode, [...payload]]).toEqual([opcodes.binary, [i]]);
      else expect([opcode, payload.toString()]).toEqual([opcodes.text, `4${i}`]);
    }
  });

  it("may contain the separator of payloads", async () => {
    const server = await serve();
    const { socket, messages } = await openWebSocket(server);
    await socket.send(textFrame("4a\x1e4b"));
    await until(() => messages().length > 0, "the message comes");
    expect(messages()).toEqual(["a\x1e4b"]);
  });

  it("may be bytes in base64, as in a payload", async () => {
    const server = await serve();
    const { socket, messages } = await openWebSocket(server);
    await socket.send([textFrame("bAQID"), textFrame("b")]);
    await until(() => messages().length === 2, "the messages come");
    expect(messages()).toEqual([Buffer.from([1, 2, 3]), Buffer.alloc(0)]);
  });

  it.each(["0", "0{}", "1", "3", "5", "6", "6x"])("%s changes nothing", async (packet) => {
    const server = await serve();
    const { socket, messages, reasons } = await openWebSocket(server);
    await socket.send([textFrame(packet), textFrame("4after")]);
    await until(() => messages().length > 0, "the message comes");
    expect([messages(), reasons()]).toEqual([["after"], []]);
  });

  it.each(["", "7", "9x", "x", "undefined", "\u0000", "🙂"])(
    "%j cannot be decoded: the session ends, the WebSocket is closed without a code",
    async (packet) => {
      const server = await serve();
      const { socket, messages, reasons } = await openWebSocket(server);
      await socket.send([textFrame(packet), textFrame("4after")]);
      expect(await socket.closed()).toMatchObject({ code: 1005, before: [] });
      expect([messages(), reasons()]).toEqual([[], ["parse error"]]);
      expect(server.engine.clientsCount).toBe(0);
    },
  );
});

describe("the session ends", () => {
  it("with transport close when the client closes", async () => {
    const server = await serve();
    const { socket, reasons } = await openWebSocket(server);
    await socket.send({ opcode: opcodes.close });
    await socket.closed();
    await until(() => reasons().length > 0, "the session closes");
    expect(reasons()).toEqual(["transport close"]);
  });

  it("with transport error when a message is too large: 1009", async () => {
    const server = await serve({ maxHttpBufferSize: 10 });
    const { socket, reasons } = await openWebSocket(server);
    await socket.send(textFrame(`4${"x".repeat(10)}`));
    expect((await socket.closed()).code).toBe(1009);
    expect(reasons()).toEqual(["transport error"]);
  });

  it("with forced close when the server closes: no code, no close packet", async () => {
    const server = await serve();
    const { socket, connection, reasons } = await openWebSocket(server);
    connection.close();
    expect(await socket.closed()).toMatchObject({ code: 1005, before: [] });
    expect(reasons()).toEqual(["forced close"]);
  });

  it("with forced close when the engine closes", async () => {
    const server = await serve();
    const { socket, reasons } = await openWebSocket(server);
    server.engine.close();
    expect((await socket.closed()).code).toBe(1005);
    expect(reasons()).toEqual(["forced close"]);
    expect(server.engine.clientsCount).toBe(0);
  });

  it("once, whatever else happens to it", async () => {
    const server = await serve();
    const { socket, connection, reasons } = await openWebSocket(server);
    await socket.send([textFrame("9"), textFrame("2"), { opcode: 3 }]);
    connection.close();
    connection.close(true);
    await socket.closed();
    expect(reasons()).toHaveLength(1);
  });
});

describe("callbacks of send()", () => {
  it("are called in order when the packets have left", async () => {
    const server = await serve();
    const { socket, connection } = await openWebSocket(server);
    const called: number[] = [];
    for (let i = 0; i < 3; i++) connection.send(`${i}`, {}, () => called.push(i));
    for (let i = 0; i < 3; i++) await socket.message();
    await until(() => called.length === 3, "the callbacks are called");
    expect(called).toEqual([0, 1, 2]);
  });
});
