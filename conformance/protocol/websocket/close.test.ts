/** Autobahn's category 7: the closing handshake and its codes, from either side. */
import { describe, expect, it } from "vitest";
import { until } from "../../support/clients.ts";
import {
  closePayload,
  type FrameSocket,
  type FrameSpec,
  opcodes,
} from "../../support/raw-websocket.ts";
import type { EngineConnection } from "../../support/servers.ts";
import {
  binary,
  echoServer,
  expectFailure,
  expectMessage,
  expectOnlyFailure,
  expectSame,
  more,
  noise,
  open,
  text,
} from "./echo.ts";

const server = echoServer();

const close = (payload: string | Uint8Array = closePayload(1000)): FrameSpec => ({
  opcode: opcodes.close,
  payload,
});

/** Opens, and gives the connection on the server too, with the reason for which it closes. */
async function openBoth(): Promise<{
  socket: FrameSocket;
  connection: EngineConnection;
  reasons: string[];
}> {
  const reasons: string[] = [];
  const coming = new Promise<EngineConnection>((resolve) => {
    server().engine.once("connection", (connection: EngineConnection) => {
      connection.on("close", (reason: string) => reasons.push(reason));
      resolve(connection);
    });
  });
  const [socket, connection] = await Promise.all([open(server()), coming]);
  return { socket, connection, reasons };
}

describe("a close of the client", () => {
  it("after a message: the answer to that comes first", async () => {
    const socket = await open(server());
    await socket.send([text("last words"), close()]);
    const [echo, ...rest] = await expectFailure(socket, 1000);
    expectSame(echo, opcodes.text, "4last words");
    expect(rest).toEqual([]);
  });

  it("after a message of 256 KiB", async () => {
    const socket = await open(server());
    await socket.send([binary(noise(262_144)), close()]);
    const [echo, ...rest] = await expectFailure(socket, 1000);
    expectSame(echo, opcodes.binary, noise(262_144));
    expect(rest).toEqual([]);
  });

  it("after 20 messages: the answers that still come are the first ones", async () => {
    const socket = await open(server());
    const sent = Array.from({ length: 20 }, (_, i) => `${i}`);
    await socket.send([...sent.map((content) => text(content)), close()]);
    const echoes = (await expectFailure(socket, 1000)).map(({ payload }) => payload.toString());
    expect(echoes.length).toBeGreaterThan(0);
    expect(echoes).toEqual(sent.slice(0, echoes.length).map((content) => `4${content}`));
  });

  const ignored: [what: string, frames: FrameSpec[]][] = [
    ["a second close", [close(closePayload(3000))]],
    ["a message", [text("too late")]],
    ["a ping", [{ opcode: opcodes.ping, payload: "too late" }]],
    ["the rest of a message", [more("too late")]],
    ["a malformed frame", [{ opcode: 15, rsv: 7, mask: false }]],
  ];
  it.each(ignored)("%s after it is ignored", async (_what, frames) => {
    const socket = await open(server());
    await socket.send([close(), ...frames]);
    await expectOnlyFailure(socket, 1000);
  });

  it("between the fragments of a message", async () => {
    const socket = await open(server());
    await socket.send([text("a", { fin: false }), close(), more("b")]);
    await expectOnlyFailure(socket, 1000);
  });

  it("byte by byte", async () => {
    const socket = await open(server());
    await socket.send(close(closePayload(1000, "good bye")), 1);
    await expectOnlyFailure(socket, 1000);
  });

  it("closes the Engine.IO connection", async () => {
    const { socket, reasons } = await openBoth();
    const { clientsCount } = server().engine;
    await socket.send(close());
    await expectOnlyFailure(socket, 1000);
    await until(() => reasons.length > 0, "the connection closes");
    expect(reasons).toEqual(["transport close"]);
    expect(server().engine.clientsCount).toBe(clientsCount - 1);
  });
});

describe("the payload of a close", () => {
  it("may be empty", async () => {
    const socket = await open(server());
    await socket.send(close(""));
    await expectOnlyFailure(socket, 1005);
  });

  it("of one byte is an error", async () => {
    const socket = await open(server());
    await socket.send(close("x"));
    await expectOnlyFailure(socket, 1002);
  });

  const reasons: [what: string, reason: string | Uint8Array][] = [
    ["a short one", "good bye"],
    ["of several bytes a character", "κόσμε 🙂"],
    ["of 123 bytes", "x".repeat(123)],
    ["of zeros", Uint8Array.of(0, 0, 0)],
  ];
  it.each(reasons)("may have a reason: %s", async (_what, reason) => {
    const socket = await open(server());
    await socket.send(close(closePayload(1000, reason)));
    const closing = await socket.closed();
    expect(closing).toEqual({ code: 1000, reason: Buffer.from(reason).toString(), before: [] });
  });

  it("of 126 bytes is an error", async () => {
    const socket = await open(server());
    await socket.send(close(closePayload(1000, "x".repeat(124))));
    await expectOnlyFailure(socket, 1002);
  });

  it.each(["ff", "c3", "eda080", "c080", "61f4908080"])(
    "may not be other than UTF-8: %s",
    async (hex) => {
      const socket = await open(server());
      await socket.send(close(closePayload(1000, Buffer.from(hex, "hex"))));
      await expectOnlyFailure(socket, 1007);
    },
  );
});

describe("close codes", () => {
  const valid = [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
  ];
  it.each(valid)("%i is answered with the same", async (code) => {
    const socket = await open(server());
    await socket.send(close(closePayload(code)));
    await expectOnlyFailure(socket, code);
  });

  const invalid = [
    0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 32_768, 65_535,
  ];
  it.each(invalid)("%i is an error", async (code) => {
    const socket = await open(server());
    await socket.send(close(closePayload(code)));
    await expectOnlyFailure(socket, 1002);
  });

  it.each(invalid)("%i with a reason is an error", async (code) => {
    const socket = await open(server());
    await socket.send(close(closePayload(code, "because")));
    await expectOnlyFailure(socket, 1002);
  });
});

describe("a close of the server", () => {
  it("has no code, and waits for the client's", async () => {
    const { socket, connection, reasons } = await openBoth();
    connection.close();
    const frame = await socket.frame();
    expectSame(frame, opcodes.close, "");
    expect(socket.connection.ended).toBeUndefined();
    await socket.send(close(""));
    await socket.ended();
    expect(reasons).toEqual(["forced close"]);
  });

  it("comes after what was sent before it", async () => {
    const { socket, connection } = await openBoth();
    for (let i = 0; i < 5; i++) connection.send(`${i}`);
    connection.send(noise(100_000));
    connection.close();
    for (let i = 0; i < 5; i++) await expectMessage(socket, opcodes.text, `4${i}`);
    await expectMessage(socket, opcodes.binary, noise(100_000));
    expectSame(await socket.frame(), opcodes.close, "");
  });

  it("sends nothing that is given to it afterwards", async () => {
    const { socket, connection } = await openBoth();
    connection.close();
    connection.send("too late");
    expectSame(await socket.frame(), opcodes.close, "");
    await socket.send(close(""));
    await socket.ended();
  });

  it("crosses messages of the client, which are ignored", async () => {
    const { socket, connection } = await openBoth();
    connection.close();
    await socket.send([text("crossing"), { opcode: opcodes.ping, payload: "crossing" }, close("")]);
    const closing = await socket.closed();
    expect([closing.code, closing.before]).toEqual([1005, []]);
  });

  it("may be a discarding one", async () => {
    const { socket, connection, reasons } = await openBoth();
    connection.close(true);
    expectSame(await socket.frame(), opcodes.close, "");
    await socket.send(close(""));
    await socket.ended();
    expect(reasons).toEqual(["forced close"]);
  });
});

describe("an end without a close frame", () => {
  it("by FIN", async () => {
    const { socket, reasons } = await openBoth();
    socket.connection.end();
    await socket.ended();
    await until(() => reasons.length > 0, "the connection closes");
    expect(reasons).toEqual(["transport close"]);
  });

  it("by FIN in the middle of a frame", async () => {
    const { socket, reasons } = await openBoth();
    await socket.connection.write(Buffer.from([0x81, 0xfe, 0x01]));
    socket.connection.end();
    await socket.ended();
    await until(() => reasons.length > 0, "the connection closes");
    expect(reasons).toEqual(["transport close"]);
  });

  it("by FIN after a message, which is answered", async () => {
    const { socket, reasons } = await openBoth();
    await socket.send(text("last words"));
    socket.connection.end();
    await expectMessage(socket, opcodes.text, "4last words");
    await socket.ended();
    await until(() => reasons.length > 0, "the connection closes");
  });

  it("by RST", async () => {
    const { socket, reasons } = await openBoth();
    socket.connection.reset();
    await until(() => reasons.length > 0, "the connection closes");
    expect(["transport close", "transport error"]).toContain(reasons[0]);
    expect(reasons).toHaveLength(1);
  });
});

it("a failure closes the Engine.IO connection with a transport error", async () => {
  const { socket, reasons } = await openBoth();
  await socket.send({ opcode: 3 });
  await expectOnlyFailure(socket, 1002);
  await until(() => reasons.length > 0, "the connection closes");
  expect(reasons).toEqual(["transport error"]);
});
