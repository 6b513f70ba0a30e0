/** Autobahn's categories 2, 3 and 4: ping and pong, reserved bits, reserved opcodes. */
import { describe, expect, it } from "vitest";
import { type FrameSpec, opcodes } from "../../support/raw-websocket.ts";
import {
  binary,
  echoServer,
  expectAlive,
  expectFailure,
  expectOnlyFailure,
  expectSame,
  more,
  noise,
  open,
  text,
} from "./echo.ts";

const server = echoServer();

describe("ping", () => {
  const payloads: [what: string, payload: string | Uint8Array][] = [
    ["without payload", ""],
    ["of text", "Hello"],
    ["of bytes", Uint8Array.of(0, 255, 254, 253, 252, 251, 0, 255)],
    ["of bytes that are no UTF-8", Uint8Array.of(0xc0, 0x80, 0xff)],
    ["of 124 bytes", noise(124)],
    ["of 125 bytes", noise(125)],
  ];
  it.each(payloads)("%s is answered with the same", async (_what, payload) => {
    const socket = await open(server());
    await socket.send({ opcode: opcodes.ping, payload });
    expectSame(await socket.frame(), opcodes.pong, payload);
    await expectAlive(socket);
  });

  it("of 125 bytes, byte by byte", async () => {
    const socket = await open(server());
    await socket.send({ opcode: opcodes.ping, payload: noise(125) }, 1);
    expectSame(await socket.frame(), opcodes.pong, noise(125));
  });

  it.each([126, 127, 65_536])("of %i bytes is an error", async (size) => {
    const socket = await open(server());
    await socket.send({ opcode: opcodes.ping, payload: noise(size) });
    await expectOnlyFailure(socket, 1002);
  });

  it.each([undefined, 1])("ten of them are answered in order (chunks: %s)", async (chunkBytes) => {
    const socket = await open(server());
    const pings = Array.from({ length: 10 }, (_, i) => ({
      opcode: opcodes.ping,
      payload: `ping ${i}`,
    }));
    await socket.send(pings, chunkBytes);
    for (const { payload } of pings) expectSame(await socket.frame(), opcodes.pong, payload);
    await expectAlive(socket);
  });

  it("between messages: the frames of both stay whole", async () => {
    const socket = await open(server());
    const frames: FrameSpec[] = [];
    for (let i = 0; i < 60; i++) {
      frames.push(binary(noise(i * 37, i + 1)));
      if (i % 2 === 0) frames.push({ opcode: opcodes.ping, payload: `${i}` });
    }
    await socket.send(frames, 1500);
    const came = [];
    for (let i = 0; i < frames.length; i++) came.push(await socket.frame());
    const messages = came.filter(({ opcode }) => opcode === opcodes.binary);
    expect(messages).toHaveLength(60);
    for (const [i, message] of messages.entries()) {
      expectSame(message, opcodes.binary, noise(i * 37, i + 1));
    }
    const pongs = came.filter(({ opcode }) => opcode === opcodes.pong);
    expect(pongs.map(({ payload }) => Number(payload.toString()))).toEqual(
      Array.from({ length: 30 }, (_, i) => i * 2),
    );
  });

  it("is answered before the frame that makes the connection fail", async () => {
    const socket = await open(server());
    await socket.send([{ opcode: opcodes.ping, payload: "one" }, { opcode: 3 }]);
    const [pong, ...rest] = await expectFailure(socket, 1002);
    expectSame(pong, opcodes.pong, "one");
    expect(rest).toEqual([]);
  });
});

describe("a pong that nobody asked for", () => {
  it.each(["", "unsolicited"])("with payload %j is ignored", async (payload) => {
    const socket = await open(server());
    await socket.send({ opcode: opcodes.pong, payload });
    await expectAlive(socket);
  });

  it("leaves a ping after it its answer", async () => {
    const socket = await open(server());
    await socket.send([
      { opcode: opcodes.pong, payload: "unsolicited" },
      { opcode: opcodes.ping, payload: "asked" },
    ]);
    expectSame(await socket.frame(), opcodes.pong, "asked");
  });

  it("of 126 bytes is an error", async () => {
    const socket = await open(server());
    await socket.send({ opcode: opcodes.pong, payload: noise(126) });
    await expectOnlyFailure(socket, 1002);
  });
});

describe("reserved bits without an extension", () => {
  const all = [1, 2, 3, 4, 5, 6, 7];

  it.each(all)("%i on text", async (rsv) => {
    const socket = await open(server());
    await socket.send(text("reserved", { rsv }));
    await expectOnlyFailure(socket, 1002);
  });

  it.each(all)("%i after a message, which is answered first", async (rsv) => {
    const socket = await open(server());
    await socket.send([text("first"), text("reserved", { rsv }), { opcode: opcodes.ping }]);
    const [echo, ...rest] = await expectFailure(socket, 1002);
    expectSame(echo, opcodes.text, "4first");
    expect(rest).toEqual([]);
  });

  it.each(all)("%i byte by byte", async (rsv) => {
    const socket = await open(server());
    await socket.send([text("first"), text("reserved", { rsv }), { opcode: opcodes.ping }], 1);
    const [echo, ...rest] = await expectFailure(socket, 1002);
    expectSame(echo, opcodes.text, "4first");
    expect(rest).toEqual([]);
  });

  const others: [what: string, frames: FrameSpec[]][] = [
    ["binary", [binary(noise(3), { rsv: 4 })]],
    ["a ping", [{ opcode: opcodes.ping, rsv: 1 }]],
    ["a pong", [{ opcode: opcodes.pong, rsv: 2 }]],
    ["a close", [{ opcode: opcodes.close, rsv: 4 }]],
    ["the second fragment", [text("a", { fin: false }), more("b", { rsv: 4 })]],
  ];
  it.each(others)("on %s", async (_what, frames) => {
    const socket = await open(server());
    await socket.send(frames);
    await expectOnlyFailure(socket, 1002);
  });
});

describe("reserved opcodes", () => {
  const reserved = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];

  it.each(reserved)("%i without payload", async (opcode) => {
    const socket = await open(server());
    await socket.send({ opcode });
    await expectOnlyFailure(socket, 1002);
  });

  it.each(reserved)("%i with payload", async (opcode) => {
    const socket = await open(server());
    await socket.send({ opcode, payload: "reserved" });
    await expectOnlyFailure(socket, 1002);
  });

  it.each(reserved)("%i after a message, which is answered first", async (opcode) => {
    const socket = await open(server());
    await socket.send([text("first"), { opcode, payload: "x" }, { opcode: opcodes.ping }]);
    const [echo, ...rest] = await expectFailure(socket, 1002);
    expectSame(echo, opcodes.text, "4first");
    expect(rest).toEqual([]);
  });

  it.each(reserved)("%i within a message", async (opcode) => {
    const socket = await open(server());
    await socket.send([text("a", { fin: false }), { opcode }, more("b")]);
    await expectOnlyFailure(socket, 1002);
  });
});
