/** Autobahn's categories 12 and 13: permessage-deflate (RFC 7692), its parameters, and what may not be compressed. */
import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type RawAnswer, rawRequest } from "../../support/raw-http.ts";
import {
  type FrameSocket,
  type FrameSpec,
  handshakeHeaders,
  opcodes,
  rsv1,
  webSocketTarget,
} from "../../support/raw-websocket.ts";
import type { EngineServer, EngineServerOptions } from "../../support/servers.ts";
import { type DeflateContext, Deflater, Inflater } from "./deflate.ts";
import {
  echoServer,
  expectOnlyFailure,
  expectSame,
  more,
  noise,
  open,
  text,
  textOfBytes,
} from "./echo.ts";

type Settings = Exclude<EngineServerOptions["perMessageDeflate"], undefined>;

const offerOf = (parameters: string): Record<string, string> => ({
  "Sec-WebSocket-Extensions": `permessage-deflate${parameters === "" ? "" : `; ${parameters}`}`,
});

/** A WebSocket with compression in both directions. */
class Compressed {
  readonly socket: FrameSocket;
  readonly deflater: Deflater;
  readonly inflater: Inflater;

  private constructor(socket: FrameSocket, sends: DeflateContext, receives: DeflateContext) {
    this.socket = socket;
    this.deflater = new Deflater(sends);
    this.inflater = new Inflater(receives);
  }

  static async open(
    server: EngineServer,
    parameters = "",
    sends: DeflateContext = {},
    receives: DeflateContext = {},
  ): Promise<Compressed> {
    const socket = await open(server, { headers: offerOf(parameters), readsHandshake: false });
    const compressed = new Compressed(socket, sends, receives);
    expect((await compressed.message()).payload.toString()).toMatch(/^0\{/);
    return compressed;
  }

  /** A compressed message as one frame. */
  frame(opcode: number, payload: string | Uint8Array): FrameSpec {
    return { opcode, rsv: rsv1, payload: this.deflater.compress(payload) };
  }

  /** The next message, decompressed if it was compressed. */
  async message(): Promise<{ opcode: number; payload: Buffer; compressed: boolean; wire: number }> {
    const { opcode, rsv, payload } = await this.socket.message();
    const compressed = rsv === rsv1;
    const content = compressed ? this.inflater.decompress(payload) : payload;
    return { opcode, payload: content, compressed, wire: payload.length };
  }

  async expect(opcode: number, payload: string | Uint8Array): Promise<void> {
    expectSame({ rsv: 0, ...(await this.message()) }, opcode, payload);
  }

  async echo(opcode: number, payload: string | Uint8Array, chunkBytes?: number): Promise<void> {
    await this.socket.send(this.frame(opcode, payload), chunkBytes);
    await this.expect(opcode, payload);
  }
}

/** What is agreed on, without the name of the extension. */
function agreed(answer: RawAnswer): string | undefined {
  return answer.headers
    .get("sec-websocket-extensions")?.[0]
    ?.replace(/^permessage-deflate(; )?/, "");
}

async function negotiate(server: EngineServer, offer: string): Promise<RawAnswer> {
  const headers = handshakeHeaders({ "Sec-WebSocket-Extensions": offer });
  return rawRequest(server, { target: webSocketTarget(), headers });
}

describe("the negotiation", () => {
  const plain = echoServer({ perMessageDeflate: true });

  const accepted: [offer: string, answer: string | undefined][] = [
    ["permessage-deflate", ""],
    ["permessage-deflate; client_max_window_bits", ""],
    ["permessage-deflate; client_max_window_bits=10", "client_max_window_bits=10"],
    ["permessage-deflate; server_max_window_bits=10", "server_max_window_bits=10"],
    ['permessage-deflate; server_max_window_bits="12"', "server_max_window_bits=12"],
    ["permessage-deflate; server_no_context_takeover", "server_no_context_takeover"],
    ["permessage-deflate; client_no_context_takeover", "client_no_context_takeover"],
    [
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9",
      "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9",
    ],
    ["permessage-deflate; server_max_window_bits=8", "server_max_window_bits=8"],
    ["permessage-deflate; server_max_window_bits=15", "server_max_window_bits=15"],
    [
      "permessage-deflate; server_max_window_bits=11, permessage-deflate",
      "server_max_window_bits=11",
    ],
    ["x-webkit-deflate-frame, permessage-deflate", ""],
    ["x-webkit-deflate-frame", undefined],
  ];
  it.each(accepted)("%s", async (offer, answer) => {
    const response = await negotiate(plain(), offer);
    expect(response.status).toBe(101);
    expect(agreed(response)).toBe(answer);
  });

  const refused = [
    "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_max_window_bits=7",
    "permessage-deflate; server_max_window_bits=16",
    "permessage-deflate; server_max_window_bits=0",
    "permessage-deflate; server_max_window_bits=-9",
    "permessage-deflate; server_max_window_bits=9.5",
    "permessage-deflate; server_max_window_bits=x",
    "permessage-deflate; client_max_window_bits=7",
    "permessage-deflate; client_max_window_bits=16",
    "permessage-deflate; client_max_window_bits=NaN",
    "permessage-deflate; server_no_context_takeover=1",
    "permessage-deflate; client_no_context_takeover=true",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; server_max_window_bits=9; server_max_window_bits=10",
    "permessage-deflate; unknown_parameter",
    "permessage-deflate; constructor",
    "permessage-deflate; __proto__=1",
    "permessage-deflate;",
    "permessage-deflate; =1",
    'permessage-deflate; server_max_window_bits="9',
    "permessage-deflate server_max_window_bits",
    ",",
  ];
  it.each(refused)("refuses %s", async (offer) => {
    const response = await negotiate(plain(), offer);
    expect(response.status).toBe(400);
    expect(response.text).toBe("Invalid or unacceptable Sec-WebSocket-Extensions header");
  });

  it("leaves WebSockets without an offer uncompressed", async () => {
    const socket = await open(plain());
    await socket.send({ opcode: opcodes.text, payload: textOfBytes(5000) });
    const message = await socket.message();
    expect(message.rsv).toBe(0);
    expectSame(message, opcodes.text, textOfBytes(5000));
    await socket.send(text("x", { rsv: rsv1 }));
    await expectOnlyFailure(socket, 1002);
  });
});

describe("settings of the server", () => {
  const settings: [what: string, settings: Settings, offer: string, answer: string | undefined][] =
    [
      [
        "serverNoContextTakeover",
        { serverNoContextTakeover: true },
        "",
        "server_no_context_takeover",
      ],
      [
        "clientNoContextTakeover",
        { clientNoContextTakeover: true },
        "",
        "client_no_context_takeover",
      ],
      ["serverMaxWindowBits", { serverMaxWindowBits: 10 }, "", "server_max_window_bits=10"],
      ["threshold", { threshold: 0 }, "", ""],
      ["off", false, "", undefined],
    ];
  describe.each(settings)("%s", (_what, perMessageDeflate, offer, answer) => {
    const server = echoServer({ perMessageDeflate });

    it("are in the answer", async () => {
      const response = await negotiate(server(), `permessage-deflate${offer}`);
      expect(agreed(response)).toBe(answer);
    });
  });
});

const directions: [what: string, offer: string, sends: DeflateContext, receives: DeflateContext][] =
  [
    ["with context takeover", "", {}, {}],
    ["stored, not compressed", "", { level: 0 }, {}],
    ["best compression", "", { level: 9 }, {}],
    ["no context takeover of the server", "server_no_context_takeover", {}, { takeover: false }],
    ["no context takeover of the client", "client_no_context_takeover", { takeover: false }, {}],
    [
      "no context takeover at all",
      "server_no_context_takeover; client_no_context_takeover",
      { takeover: false },
      { takeover: false },
    ],
    ...[9, 10, 11, 12, 13, 14, 15].map((bits): [string, string, DeflateContext, DeflateContext] => [
      `a window of ${bits} bits on both sides`,
      `server_max_window_bits=${bits}; client_max_window_bits=${bits}`,
      { windowBits: bits },
      { windowBits: bits },
    ]),
    [
      "small windows and no context takeover",
      "server_max_window_bits=9; client_max_window_bits=9; server_no_context_takeover; client_no_context_takeover",
      { windowBits: 9, takeover: false },
      { windowBits: 9, takeover: false },
    ],
  ];

describe.each(directions)("%s", (_what, offer, sends, receives) => {
  const server = echoServer({ perMessageDeflate: true });
  const sizes = [1, 16, 125, 126, 1024, 4096, 32_768, 65_536, 131_072];

  it.each(sizes)("text of %i bytes, five times", async (size) => {
    const peer = await Compressed.open(server(), offer, sends, receives);
    for (let i = 0; i < 5; i++) await peer.echo(opcodes.text, textOfBytes(size));
  });

  it.each([0, 1, 1024, 65_536])("binary of %i bytes, other ones each time", async (size) => {
    const peer = await Compressed.open(server(), offer, sends, receives);
    for (let i = 1; i <= 5; i++) await peer.echo(opcodes.binary, noise(size, i));
  });

  it("100 messages back to back come back in order", async () => {
    const peer = await Compressed.open(server(), offer, sends, receives);
    const contents = Array.from({ length: 100 }, (_, i) => `4${i} ${"word ".repeat(i * 5)}`);
    await peer.socket.send(contents.map((content) => peer.frame(opcodes.text, content)));
    for (const content of contents) await peer.expect(opcodes.text, content);
  });
});

describe("a compressed message", () => {
  const server = echoServer({ perMessageDeflate: true, maxHttpBufferSize: 100_000 });

  it("from the threshold on comes back compressed, with the same window each time", async () => {
    const peer = await Compressed.open(server());
    const content = `4${"compressible ".repeat(400)}`;
    const wire: number[] = [];
    for (let i = 0; i < 2; i++) {
      await peer.socket.send(peer.frame(opcodes.text, content));
      const message = await peer.message();
      expect([message.compressed, message.payload.toString()]).toEqual([true, content]);
      wire.push(message.wire);
    }
    expect(wire[0]).toBeLessThan(content.length / 10);
    // The second one refers to the first.
    expect(wire[1]).toBeLessThan(wire[0] ?? 0);
  });

  it("may be cut into fragments anywhere; only the first says that it is compressed", async () => {
    const peer = await Compressed.open(server());
    for (let place = 0; place <= 12; place++) {
      const payload = peer.deflater.compress(`4cut at ${place}: ${"abc".repeat(20)}`);
      await peer.socket.send([
        { opcode: opcodes.text, rsv: rsv1, fin: false, payload: payload.subarray(0, place) },
        more(payload.subarray(place)),
      ]);
      await peer.expect(opcodes.text, `4cut at ${place}: ${"abc".repeat(20)}`);
    }
  });

  it("may be in a fragment for each byte, with pings between them", async () => {
    const peer = await Compressed.open(server());
    const payload = peer.deflater.compress("4byte by byte");
    const frames = [...payload].flatMap((byte, i): FrameSpec[] => [
      i === 0
        ? { opcode: opcodes.text, rsv: rsv1, fin: false, payload: Uint8Array.of(byte) }
        : more(Uint8Array.of(byte), { fin: i === payload.length - 1 }),
      { opcode: opcodes.ping, payload: `${i}` },
    ]);
    await peer.socket.send(frames.slice(0, -1));
    for (let i = 0; i < payload.length - 1; i++) {
      expectSame(await peer.socket.frame(), opcodes.pong, `${i}`);
    }
    await peer.expect(opcodes.text, "4byte by byte");
  });

  it("may have an empty last fragment", async () => {
    const peer = await Compressed.open(server());
    const frame = peer.frame(opcodes.text, "4all in the first");
    await peer.socket.send([{ ...frame, fin: false }, more("")]);
    await peer.expect(opcodes.text, "4all in the first");
  });

  it.each([1, 5])("may come in chunks of %i bytes", async (chunkBytes) => {
    const peer = await Compressed.open(server());
    await peer.echo(opcodes.text, `4${"chunk ".repeat(50)}`, chunkBytes);
  });

  it("may be between uncompressed ones, which leave the window alone", async () => {
    const peer = await Compressed.open(server());
    await peer.echo(opcodes.text, "4one two three");
    await peer.socket.send(text("plain one two three"));
    await peer.expect(opcodes.text, "4plain one two three");
    await peer.echo(opcodes.text, "4one two three again");
  });

  it("may be the empty one of RFC 7692 §7.2.3.6", async () => {
    const peer = await Compressed.open(server());
    await peer.socket.send({ opcode: opcodes.binary, rsv: rsv1, payload: Uint8Array.of(0) });
    await peer.expect(opcodes.binary, "");
  });

  it("may consist of several blocks", async () => {
    const peer = await Compressed.open(server());
    const flushed = (data: string) =>
      deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH, level: 9 });
    const payload = Buffer.concat([flushed("4two "), flushed("blocks").subarray(0, -4)]);
    await peer.socket.send({ opcode: opcodes.text, rsv: rsv1, payload });
    await peer.expect(opcodes.text, "4two blocks");
  });

  it("may end with a final block, as RFC 7692 §7.2.3.4 has it", async () => {
    const peer = await Compressed.open(server(), "client_no_context_takeover", { takeover: false });
    for (const content of ["4final", "4and another"]) {
      const payload = Buffer.concat([deflateRawSync(content), Uint8Array.of(0)]);
      await peer.socket.send({ opcode: opcodes.text, rsv: rsv1, payload });
      await peer.expect(opcodes.text, content);
    }
  });

  it("keeps its place among control frames and answers", async () => {
    const peer = await Compressed.open(server());
    await peer.socket.send([
      peer.frame(opcodes.text, `4${"large ".repeat(1000)}`),
      peer.frame(opcodes.text, "4small"),
      peer.frame(opcodes.binary, noise(5000)),
    ]);
    await peer.expect(opcodes.text, `4${"large ".repeat(1000)}`);
    await peer.expect(opcodes.text, "4small");
    await peer.expect(opcodes.binary, noise(5000));
  });
});

describe("what is not allowed:", () => {
  const server = echoServer({ perMessageDeflate: true, maxHttpBufferSize: 100_000 });
  const plainText = { opcode: opcodes.text, rsv: rsv1 };

  const broken: [what: string, frames: FrameSpec[], code: number][] = [
    ["RSV1 on a ping", [{ opcode: opcodes.ping, rsv: rsv1 }], 1002],
    ["RSV1 on a pong", [{ opcode: opcodes.pong, rsv: rsv1 }], 1002],
    ["RSV1 on a close", [{ opcode: opcodes.close, rsv: rsv1 }], 1002],
    ["RSV1 on a continuation", [text("a", { fin: false }), more("b", { rsv: rsv1 })], 1002],
    [
      "RSV1 on a continuation of a compressed message",
      [{ ...plainText, fin: false, payload: Uint8Array.of(0x4a) }, more("", { rsv: rsv1 })],
      1002,
    ],
    ["RSV2", [text("a", { rsv: 2 })], 1002],
    ["RSV3", [text("a", { rsv: 1 })], 1002],
    ["RSV1 and RSV2", [text("a", { rsv: 6 })], 1002],
    ["RSV1 on a reserved opcode", [{ opcode: 3, rsv: rsv1 }], 1002],
    ["bytes that are not deflated", [{ ...plainText, payload: "\xff\xff\xff\xff\xff" }], 1007],
    ["a block type that does not exist", [{ ...plainText, payload: Uint8Array.of(0x06) }], 1007],
    [
      "a stored block with a wrong length",
      [{ ...plainText, payload: Uint8Array.of(0, 5, 0, 0, 0) }],
      1007,
    ],
    [
      "text that is not UTF-8 when decompressed",
      [{ ...plainText, payload: new Deflater().compress(Uint8Array.of(0x34, 0xff)) }],
      1007,
    ],
    [
      "a reference to before the beginning",
      [{ ...plainText, payload: Uint8Array.of(0x4b, 0x04, 0x42, 0x00) }],
      1007,
    ],
  ];
  it.each(broken)("%s", async (_what, frames, code) => {
    const peer = await Compressed.open(server());
    await peer.socket.send(frames);
    await expectOnlyFailure(peer.socket, code);
  });

  const limit = 100_000;
  it("more than maxHttpBufferSize when decompressed", async () => {
    const peer = await Compressed.open(server());
    await peer.echo(opcodes.text, textOfBytes(limit));
    await peer.socket.send(peer.frame(opcodes.text, textOfBytes(limit + 1)));
    await expectOnlyFailure(peer.socket, 1009);
  });

  it("more than maxHttpBufferSize in fragments together", async () => {
    const peer = await Compressed.open(server());
    const payload = peer.deflater.compress(textOfBytes(limit + 1));
    await peer.socket.send([
      { ...plainText, fin: false, payload: payload.subarray(0, 100) },
      more(payload.subarray(100)),
    ]);
    await expectOnlyFailure(peer.socket, 1009);
  });

  it("50 MB of zeros in 49 KB", async () => {
    const peer = await Compressed.open(server());
    const payload = deflateRawSync(Buffer.alloc(50_000_000), {
      finishFlush: constants.Z_SYNC_FLUSH,
      level: 9,
    }).subarray(0, -4);
    expect(payload.length).toBeLessThan(limit);
    await peer.socket.send({ opcode: opcodes.binary, rsv: rsv1, payload });
    await expectOnlyFailure(peer.socket, 1009);
  });
});
