/**
 * Autobahn's category 6: text is UTF-8, or the connection fails with 1007, however the bytes are cut into fragments
 * and chunks. Bytes that are wrong in a text are right in a binary message and in a ping.
 *
 * A message is judged when it is whole: nothing of it has been delivered by then.
 */
import { isUtf8 } from "node:buffer";
import { describe, expect, it } from "vitest";
import { type FrameSpec, opcodes } from "../../support/raw-websocket.ts";
import {
  binary,
  echoServer,
  expectAlive,
  expectEcho,
  expectFailure,
  expectOnlyFailure,
  expectSame,
  more,
  noise,
  open,
  text,
} from "./echo.ts";
import { malformed, type Sequence, wellFormed } from "./utf8-sequences.ts";

const server = echoServer();

const rows = (list: readonly Sequence[]) => list.map(({ what, bytes }) => [what, bytes] as const);

/** A text message in fragments that end at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): FrameSpec[] {
  const ends = [...places, bytes.length];
  return ends.map((end, i) => {
    const payload = bytes.subarray(i === 0 ? 0 : ends[i - 1], end);
    const fin = i === ends.length - 1;
    return i === 0 ? { opcode: opcodes.text, payload, fin } : more(payload, { fin });
  });
}

/** Whole, cut in two at every place, and a fragment for each byte; long ones at 12 places. */
function allCuts(bytes: Uint8Array): FrameSpec[][] {
  const step = Math.max(1, Math.floor(bytes.length / 12));
  const places = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
  return [
    cut(bytes, []),
    ...places.filter((place) => place % step === 0).map((place) => cut(bytes, [place])),
    cut(bytes, places),
  ];
}

const message = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from("4<"), bytes, Buffer.from(">")]);

describe("well-formed", () => {
  it.each(rows(wellFormed))("%s", async (_what, bytes) => {
    const socket = await open(server());
    for (const frames of allCuts(message(bytes))) await expectEcho(socket, frames);
    await expectEcho(socket, cut(message(bytes), []), 1);
  });
});

describe("malformed", () => {
  it.each(rows(malformed))("%s", async (_what, bytes) => {
    expect(isUtf8(bytes)).toBe(false);
    for (const frames of allCuts(message(bytes))) {
      const socket = await open(server());
      await socket.send(frames);
      await expectOnlyFailure(socket, 1007);
      socket.destroy();
    }
    const socket = await open(server());
    await socket.send(cut(message(bytes), []), 1);
    await expectOnlyFailure(socket, 1007);
  });

  it.each(rows(malformed))("%s, at the end of the message", async (_what, bytes) => {
    const socket = await open(server());
    await socket.send({ opcode: opcodes.text, payload: Buffer.concat([Buffer.from("4"), bytes]) });
    await expectOnlyFailure(socket, 1007);
  });

  it("is no business of binary messages and pings", async () => {
    const socket = await open(server());
    for (const { bytes } of malformed) {
      await expectEcho(socket, binary(bytes));
      const payload = bytes.subarray(0, 125);
      await socket.send({ opcode: opcodes.ping, payload });
      expectSame(await socket.frame(), opcodes.pong, payload);
    }
  });

  it("fails the connection after the messages before it were answered", async () => {
    const socket = await open(server());
    await socket.send([
      text("good"),
      { opcode: opcodes.text, payload: Buffer.from("34ff", "hex") },
    ]);
    const [echo, ...rest] = await expectFailure(socket, 1007);
    expectSame(echo, opcodes.text, "4good");
    expect(rest).toEqual([]);
  });

  it("fails only its own connection", async () => {
    const [bad, good] = [await open(server()), await open(server())];
    await bad.send({ opcode: opcodes.text, payload: Buffer.from("34ff", "hex") });
    await expectOnlyFailure(bad, 1007);
    await expectAlive(good);
  });
});

it("judges 400 texts of few byte values as Node does", async () => {
  const values = [
    0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xdf, 0xe0, 0xed, 0xef,
  ];
  const alphabet = [...values, 0xf0, 0xf4, 0xf5, 0xc1];
  let socket = await open(server());
  for (let seed = 1; seed <= 400; seed++) {
    const bytes = noise(1 + (seed % 5), seed).map((byte) => alphabet[byte % alphabet.length] ?? 0);
    const payload = message(bytes);
    if (isUtf8(payload)) {
      await expectEcho(socket, { opcode: opcodes.text, payload });
      continue;
    }
    await socket.send({ opcode: opcodes.text, payload });
    await expectOnlyFailure(socket, 1007);
    socket = await open(server());
  }
});
