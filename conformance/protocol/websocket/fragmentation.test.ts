/** Autobahn's category 5: messages in fragments, with control frames between them, and fragments out of place. */
import { describe, expect, it } from "vitest";
import { type FrameSpec, opcodes } from "../../support/raw-websocket.ts";
import {
  binary,
  echoServer,
  expectAlive,
  expectEcho,
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

const unfinished = { fin: false };
const ping: FrameSpec = { opcode: opcodes.ping, payload: "between" };

const whole: [what: string, frames: FrameSpec[]][] = [
  ["two fragments", [text("one ", unfinished), more("two")]],
  ["three fragments", [text("one ", unfinished), more("two ", unfinished), more("three")]],
  ["an empty first fragment", [{ opcode: opcodes.text, fin: false }, more("4rest")]],
  ["an empty last fragment", [text("all", unfinished), more("")]],
  [
    "empty fragments around one",
    [{ opcode: opcodes.text, fin: false }, more("4x", unfinished), more("")],
  ],
  ["binary fragments", [binary(noise(300), unfinished), more(noise(300))]],
  [
    "binary fragments that are all empty",
    [binary(noise(0), unfinished), more("", unfinished), more("")],
  ],
  [
    "a character cut in two",
    [text("", unfinished), more(Uint8Array.of(0xc3), unfinished), more(Uint8Array.of(0xa9))],
  ],
];

describe("a message of", () => {
  it.each(whole)("%s", async (_what, frames) => {
    const socket = await open(server());
    await expectEcho(socket, frames);
    await expectAlive(socket);
  });

  it.each(whole)("%s, byte by byte", async (_what, frames) => {
    await expectEcho(await open(server()), frames, 1);
  });

  it("100 fragments of one byte", async () => {
    const rest = Array.from({ length: 99 }, (_, i) => more("x", { fin: i === 98 }));
    await expectEcho(await open(server()), [text("", unfinished), ...rest]);
  });

  it("fragments of different sizes", async () => {
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 3];
    const frames = sizes.map((size, i) =>
      i === 0
        ? binary(noise(size), unfinished)
        : more(noise(size, i + 1), { fin: i === sizes.length - 1 }),
    );
    await expectEcho(await open(server()), frames, 5000);
  });
});

describe("a control frame between fragments", () => {
  it.each([undefined, 1])("a ping is answered before the message (chunks: %s)", async (chunk) => {
    const socket = await open(server());
    await socket.send([text("one ", unfinished), ping, more("two")], chunk);
    expectSame(await socket.frame(), opcodes.pong, "between");
    await expectMessage(socket, opcodes.text, "4one two");
  });

  it("a ping after each of five fragments", async () => {
    const socket = await open(server());
    const fragments = [
      text("1", unfinished),
      ...[2, 3, 4].map((n) => more(`${n}`, unfinished)),
      more("5"),
    ];
    await socket.send(fragments.slice(0, 4).flatMap((fragment) => [fragment, ping]));
    for (let i = 0; i < 4; i++) expectSame(await socket.frame(), opcodes.pong, "between");
    await socket.send(fragments.slice(4));
    await expectMessage(socket, opcodes.text, "412345");
  });

  it("a pong is ignored", async () => {
    const socket = await open(server());
    await socket.send([text("one ", unfinished), { opcode: opcodes.pong }, more("two")]);
    await expectMessage(socket, opcodes.text, "4one two");
  });

  it("a close ends the message unfinished", async () => {
    const socket = await open(server());
    await socket.send([text("one ", unfinished), { opcode: opcodes.close }, more("two")]);
    await expectOnlyFailure(socket, 1005);
  });

  it("an unfinished message is not delivered", async () => {
    const socket = await open(server());
    await socket.send([text("one ", unfinished), ping]);
    expectSame(await socket.frame(), opcodes.pong, "between");
    await socket.send(more("two"));
    await expectMessage(socket, opcodes.text, "4one two");
  });
});

describe("control frames may not be fragmented:", () => {
  const control: [what: string, opcode: number][] = [
    ["a ping", opcodes.ping],
    ["a pong", opcodes.pong],
    ["a close", opcodes.close],
  ];
  it.each(control)("%s", async (_what, opcode) => {
    const socket = await open(server());
    await socket.send([{ opcode, payload: "xy", fin: false }, more("z")]);
    await expectOnlyFailure(socket, 1002);
  });

  it.each(control)("%s within a message", async (_what, opcode) => {
    const socket = await open(server());
    await socket.send([text("a", unfinished), { opcode, payload: "xy", fin: false }, more("b")]);
    await expectOnlyFailure(socket, 1002);
  });
});

describe("a continuation without a beginning", () => {
  const lost: [what: string, frames: FrameSpec[]][] = [
    ["that is final", [more("4a")]],
    ["that is not final", [more("4a", unfinished)]],
    ["that is empty", [more("")]],
    ["byte by byte", [more("4a"), text("b")]],
  ];
  it.each(lost)("%s", async (what, frames) => {
    const socket = await open(server());
    await socket.send(frames, what === "byte by byte" ? 1 : undefined);
    await expectOnlyFailure(socket, 1002);
  });

  it.each([true, false])(
    "after a whole message, which is answered first (fin: %s)",
    async (fin) => {
      const socket = await open(server());
      await socket.send([
        text("one ", unfinished),
        more("two"),
        more("three", { fin }),
        text("four"),
      ]);
      const [echo, ...rest] = await expectFailure(socket, 1002);
      expectSame(echo, opcodes.text, "4one two");
      expect(rest).toEqual([]);
    },
  );
});

describe("a message within a message", () => {
  const nested: [what: string, frames: FrameSpec[]][] = [
    ["text within text", [text("a", unfinished), text("b")]],
    ["unfinished text within text", [text("a", unfinished), text("b", unfinished)]],
    ["binary within text", [text("a", unfinished), binary(noise(1))]],
    ["text within binary", [binary(noise(1), unfinished), text("b")]],
    ["after a continuation", [text("a", unfinished), more("b", unfinished), text("c")]],
  ];
  it.each(nested)("%s", async (_what, frames) => {
    const socket = await open(server());
    await socket.send([...frames, ping]);
    await expectOnlyFailure(socket, 1002);
  });
});
