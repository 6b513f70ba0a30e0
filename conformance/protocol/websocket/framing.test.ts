/** Autobahn's category 1: messages of the sizes at which the form of the length changes; and the mask. */
import { describe, expect, it } from "vitest";
import { opcodes } from "../../support/raw-websocket.ts";
import {
  binary,
  echoServer,
  expectAlive,
  expectEcho,
  expectOnlyFailure,
  noise,
  open,
  text,
  textOfBytes,
} from "./echo.ts";

const server = echoServer();

const sizes = [1, 2, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537];

describe("text", () => {
  it.each(sizes)("of %i bytes", async (size) => {
    const socket = await open(server());
    await expectEcho(socket, { opcode: opcodes.text, payload: textOfBytes(size) });
    await expectAlive(socket);
  });

  it.each([1, 125, 126, 127])("of %i bytes, byte by byte", async (size) => {
    const socket = await open(server());
    await expectEcho(socket, { opcode: opcodes.text, payload: textOfBytes(size) }, 1);
  });

  it("of 65536 bytes in chunks of 997", async () => {
    const socket = await open(server());
    await expectEcho(socket, { opcode: opcodes.text, payload: textOfBytes(65_536) }, 997);
  });

  it("of several bytes a character", async () => {
    await expectEcho(await open(server()), text("Grüße, κόσμε, 日本語, 🙂"));
  });
});

describe("binary", () => {
  it.each([0, ...sizes])("of %i bytes", async (size) => {
    const socket = await open(server());
    await expectEcho(socket, binary(noise(size)));
    await expectAlive(socket);
  });

  it.each([0, 1, 125, 126, 127])("of %i bytes, byte by byte", async (size) => {
    await expectEcho(await open(server()), binary(noise(size)), 1);
  });

  it("of 65536 bytes in chunks of 997", async () => {
    await expectEcho(await open(server()), binary(noise(65_536)), 997);
  });

  it("of every byte value", async () => {
    await expectEcho(await open(server()), binary(Uint8Array.from({ length: 256 }, (_, i) => i)));
  });
});

describe("the mask", () => {
  const masks: [what: string, mask: Uint8Array][] = [
    ["of zeros", Uint8Array.of(0, 0, 0, 0)],
    ["of ones", Uint8Array.of(255, 255, 255, 255)],
    ["with one bit", Uint8Array.of(0, 0, 0, 1)],
    ["that is the payload", Buffer.from("4abc")],
  ];
  it.each(masks)("%s", async (_what, mask) => {
    const socket = await open(server());
    await expectEcho(socket, text("abc", { mask }));
    await expectEcho(socket, binary(noise(1000), { mask }));
  });

  it("changes from frame to frame", async () => {
    const socket = await open(server());
    for (let i = 0; i < 8; i++) await expectEcho(socket, text(`${i}`, { mask: noise(4, i) }));
  });

  it.each([1, 7, 8, 23, 24, 25, 63, 64, 65])("over %i bytes", async (size) => {
    await expectEcho(await open(server()), binary(noise(size), { mask: noise(4, size) }));
  });

  const unmasked: [what: string, opcode: number][] = [
    ["text", opcodes.text],
    ["binary", opcodes.binary],
    ["ping", opcodes.ping],
    ["pong", opcodes.pong],
    ["close", opcodes.close],
  ];
  it.each(unmasked)("may not be missing: %s", async (_what, opcode) => {
    const socket = await open(server());
    await socket.send({ opcode, mask: false });
    await expectOnlyFailure(socket, 1002);
  });
});

describe("many messages", () => {
  it.each([1, 16, 64, 256, 1024, 4096])("500 of %i bytes come back in order", async (size) => {
    const socket = await open(server());
    const payloads = Array.from({ length: 500 }, (_, i) => noise(size, i + 1));
    await socket.send(payloads.map((payload) => binary(payload)));
    for (const payload of payloads) {
      const message = await socket.message();
      expect(message.opcode).toBe(opcodes.binary);
      if (!message.payload.equals(payload)) throw new Error("another message than expected");
    }
    await expectAlive(socket);
  });

  it("text and binary keep their order among each other", async () => {
    const socket = await open(server());
    const frames = Array.from({ length: 100 }, (_, i) =>
      i % 3 === 0 ? text(`${i}`) : binary(Buffer.from([i])),
    );
    await socket.send(frames, 3);
    for (const { opcode, payload = "" } of frames) {
      const message = await socket.message();
      expect([message.opcode, message.payload.toString("latin1")]).toEqual([
        opcode,
        Buffer.from(payload).toString("latin1"),
      ]);
    }
  });
});
