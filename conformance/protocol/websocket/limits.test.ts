/** Autobahn's categories 9 and 10: large messages, and the limits on them. */
import { describe, expect, it } from "vitest";
import { encodeFrame, type FrameSpec, opcodes } from "../../support/raw-websocket.ts";
import {
  binary,
  echoServer,
  expectAlive,
  expectEcho,
  expectOnlyFailure,
  more,
  noise,
  open,
  text,
  textOfBytes,
} from "./echo.ts";

const mib = 1024 * 1024;

function fragments(payload: Buffer, bytes: number, opcode: number = opcodes.binary): FrameSpec[] {
  const frames: FrameSpec[] = [];
  for (let start = 0; start < payload.length; start += bytes) {
    const rest = {
      fin: start + bytes >= payload.length,
      payload: payload.subarray(start, start + bytes),
    };
    frames.push({ opcode: start === 0 ? opcode : opcodes.continuation, ...rest });
  }
  return frames;
}

describe("with maxHttpBufferSize: 16 MiB", () => {
  const server = echoServer({ maxHttpBufferSize: 16 * mib });

  it.each([64 * 1024, 256 * 1024, mib, 4 * mib, 16 * mib])("text of %i bytes", async (size) => {
    await expectEcho(await open(server()), { opcode: opcodes.text, payload: textOfBytes(size) });
  });

  it.each([64 * 1024, 256 * 1024, mib, 4 * mib, 16 * mib])("binary of %i bytes", async (size) => {
    await expectEcho(await open(server()), binary(noise(size)));
  });

  it.each([64, 1024, 16_384, 262_144])("1 MiB in fragments of %i bytes", async (bytes) => {
    const socket = await open(server());
    await expectEcho(socket, fragments(noise(mib), bytes));
    await expectEcho(socket, fragments(Buffer.from(textOfBytes(mib)), bytes, opcodes.text));
  });

  it.each([1024, 4096, 65_536])("1 MiB in chunks of %i bytes", async (chunkBytes) => {
    await expectEcho(await open(server()), binary(noise(mib)), chunkBytes);
  });

  it("many large messages back to back", async () => {
    const socket = await open(server());
    const frames = [1, 2, 3, 4, 5, 6].map((seed) => binary(noise(mib, seed)));
    await socket.send(frames);
    for (const { payload } of frames) {
      const message = await socket.message();
      if (!message.payload.equals(Buffer.from(payload ?? ""))) throw new Error("another message");
    }
    await expectAlive(socket);
  });

  it("one byte more", async () => {
    const socket = await open(server());
    await socket.connection.write(
      encodeFrame({ opcode: opcodes.binary, claimedLength: 16 * mib + 1 }),
    );
    await expectOnlyFailure(socket, 1009);
  });
});

describe("with maxHttpBufferSize: 1000", () => {
  const server = echoServer({ maxHttpBufferSize: 1000 });

  it("text and binary of 1000 bytes", async () => {
    const socket = await open(server());
    await expectEcho(socket, { opcode: opcodes.text, payload: textOfBytes(1000) });
    await expectEcho(socket, binary(noise(1000)));
    await expectEcho(socket, fragments(noise(1000), 100));
    await expectAlive(socket);
  });

  const tooMuch: [what: string, frames: FrameSpec[]][] = [
    ["text", [{ opcode: opcodes.text, payload: textOfBytes(1001) }]],
    ["binary", [binary(noise(1001))]],
    ["fragments that are too much together", fragments(noise(1001), 500)],
    ["the last byte as a fragment", [binary(noise(1000), { fin: false }), more("x")]],
    ["a length that is never sent", [{ opcode: opcodes.binary, claimedLength: 1001 }]],
    ["4 GiB that are never sent", [{ opcode: opcodes.binary, claimedLength: 2 ** 32 }]],
    ["2^53 that are never sent", [{ opcode: opcodes.binary, claimedLength: 2n ** 53n }]],
    ["a length with its highest bit set", [{ opcode: opcodes.binary, claimedLength: 2n ** 63n }]],
  ];
  it.each(tooMuch)("refuses %s", async (_what, frames) => {
    const socket = await open(server());
    await socket.send(frames);
    await expectOnlyFailure(socket, 1009);
  });

  it("counts each message for itself", async () => {
    const socket = await open(server());
    for (let i = 0; i < 10; i++) await expectEcho(socket, fragments(noise(900, i), 300));
  });

  it("does not count control frames", async () => {
    const socket = await open(server());
    const ping = { opcode: opcodes.ping, payload: noise(125) };
    await socket.send([binary(noise(999), { fin: false }), ping, ping, more("x")]);
    for (let i = 0; i < 2; i++) expect((await socket.frame()).opcode).toBe(opcodes.pong);
    expect((await socket.message()).payload.length).toBe(1000);
  });

  it("limits what clients send, not what they are sent", async () => {
    const received = new Promise<void>((resolve) => {
      server().engine.once("connection", (connection) => {
        connection.send(noise(5000));
        resolve();
      });
    });
    const socket = await open(server());
    await received;
    expect((await socket.message()).payload.length).toBe(5000);
  });
});

describe("with the default of 1 000 000 bytes", () => {
  const server = echoServer();

  it("takes exactly that", async () => {
    await expectEcho(await open(server()), binary(noise(1_000_000)));
  });

  it("refuses one byte more", async () => {
    const socket = await open(server());
    await socket.send(binary(noise(1_000_001)));
    await expectOnlyFailure(socket, 1009);
  });

  it("refuses more than 16384 fragments of one message", async () => {
    const socket = await open(server());
    const empty = Array.from({ length: 16_382 }, () => more("", { fin: false }));
    await socket.send([text("a", { fin: false }), ...empty, more("b")]);
    expect((await socket.message()).payload.toString()).toBe("4ab");
    await socket.send([text("a", { fin: false }), ...empty, more("", { fin: false }), more("b")]);
    await expectOnlyFailure(socket, 1008);
  });
});
