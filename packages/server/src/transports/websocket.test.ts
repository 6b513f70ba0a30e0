/**
 * The WebSocket transport against `ws` alone. Goal: whatever bytes come, in whatever chunks, the connection is told the same
 * and the client gets the same, whether text frames are read early or not, and whether `ws` is there from the start or
 * joins. Method: the same chunks are pushed into the socket of each kind of transport.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { LateWebSockets } from "./late-websocket.ts";
import { TransportWebSocket, WebSocketTransport } from "./websocket.ts";

type Kind = "ws alone" | "early" | "late";
const kinds: readonly Kind[] = ["ws alone", "early", "late"];

const maxPayload = 1000;
const options = {
  noServer: true,
  clientTracking: false,
  maxPayload,
  maxBufferedChunks: 4096,
  WebSocket: TransportWebSocket,
};
const engine = new WebSocketServer(options);
const late = new LateWebSockets(options);
const upgraded: ((socket: Socket, request: IncomingMessage) => void)[] = [];
let server: Server;

beforeAll(async () => {
  server = createServer();
  server.on("upgrade", (request: IncomingMessage, socket: Socket) =>
    upgraded.shift()?.(socket, request),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterAll(() => {
  server.close();
});

interface Opened {
  readonly transport: WebSocketTransport;
  readonly client: Socket;
  /** The server's side. */
  readonly socket: Socket;
  /** What the connection was told. */
  readonly told: string[];
  /** Everything that the client got, when its connection is over. */
  readonly got: Promise<string>;
}

async function open(kind: Kind): Promise<Opened> {
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const chunks: Buffer[] = [];
  client.on("data", (chunk) => chunks.push(chunk));
  client.on("error", () => {});
  const got = new Promise<string>((resolve) => {
    client.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
  });
  const arrives = new Promise<[Socket, IncomingMessage]>((resolve) => {
    upgraded.push((socket, request) => resolve([socket, request]));
  });
  client.write(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
  const [socket, request] = await arrives;
  const transport = makeTransport(kind, socket, request);
  const told: string[] = [];
  transport.receiver = {
    hasPending: false,
    received: ({ type, data }) => {
      const shown = data instanceof Uint8Array ? Buffer.from(data).toString("hex") : data;
      told.push(`${type} ${typeof data} ${shown}`);
    },
    malformed: ({ code }) => told.push(`malformed ${code}`),
    failed: ({ message }) => told.push(`failed ${message}`),
    closed: () => told.push("closed"),
    ready() {},
    refused() {},
    addHeaders() {},
  };
  // Only from the next turn on does the socket read.
  await new Promise((resolve) => setImmediate(resolve));
  return { transport, client, socket, told, got };
}

function makeTransport(kind: Kind, socket: Socket, request: IncomingMessage): WebSocketTransport {
  const common = {
    direct: socket,
    unread: kind !== "ws alone",
    maxMessageBytes: maxPayload,
    base64: false,
    compressionThreshold: 0,
  };
  if (kind === "late") {
    socket.on("error", () => {});
    // The answer that `ws` gives to the others.
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n",
    );
    return new WebSocketTransport({ ...common, socket: late });
  }
  let made: WebSocket | undefined;
  engine.handleUpgrade(request, socket, Buffer.alloc(0), (websocket) => {
    made = websocket;
  });
  if (made === undefined) throw new Error("no WebSocket");
  return new WebSocketTransport({ ...common, socket: made });
}

/** Pushes the chunks as Node does with what it has read, then the end. */
async function run(kind: Kind, chunks: readonly Buffer[]) {
  const { socket, told, got } = await open(kind);
  for (const chunk of chunks) socket.push(Buffer.from(chunk));
  socket.push(null);
  return { got: await got, told };
}

async function expectSame(chunks: readonly Buffer[]): Promise<string[]> {
  const [alone, ...others] = await Promise.all(kinds.map((kind) => run(kind, chunks)));
  for (const other of others) expect(other).toEqual(alone);
  return alone?.told ?? [];
}

interface FrameShape {
  readonly first: number;
  readonly payload: Uint8Array;
  readonly mask?: readonly number[] | undefined;
  readonly lengthBits?: 7 | 16 | 64 | undefined;
}

function encode({ first, payload, mask = [1, 2, 3, 4], lengthBits }: FrameShape): Buffer {
  const needed = payload.length < 126 ? 7 : payload.length < 65_536 ? 16 : 64;
  const bits = Math.max(needed, lengthBits ?? 7);
  const extended = Buffer.alloc(bits === 7 ? 0 : bits / 8);
  if (bits === 16) extended.writeUInt16BE(payload.length);
  if (bits === 64) extended.writeBigUInt64BE(BigInt(payload.length));
  const second = bits === 7 ? payload.length : bits === 16 ? 126 : 127;
  const masked = mask.length === 4;
  return Buffer.concat([
    Buffer.from([first, (masked ? 0x80 : 0) | second]),
    extended,
    Buffer.from(mask),
    masked ? payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0)) : payload,
  ]);
}

const text = (content: string) => ({ first: 0x81, payload: Buffer.from(content) });

it("tells the same for any frames in any chunks", async () => {
  const payloads = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.string({ maxLength: 40 }).map((content) => Buffer.from(`4${content}`)),
    },
    {
      weight: 2,
      arbitrary: fc
        .string({ unit: "grapheme", maxLength: 200 })
        .map((content) => Buffer.from(content)),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 990, max: 1010 }).map((length) => Buffer.alloc(length, "4")),
    },
  );
  const masks = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
  const bits = fc.constantFrom(undefined, undefined, 16 as const, 64 as const);
  const frame = (first: fc.Arbitrary<number>, mask: fc.Arbitrary<number[]> = masks) =>
    fc.record({ first, payload: payloads, mask, lengthBits: bits });
  const control = frame(fc.constantFrom(0x89, 0x8a));
  const fragmented = fc
    .tuple(
      frame(fc.constantFrom(0x01, 0x02)),
      fc.array(control, { maxLength: 1 }),
      frame(fc.constant(0x80)),
    )
    .map(([head, between, tail]) => [head, ...between, tail]);
  const bad = fc.oneof(
    frame(fc.constantFrom(0x88, 0xc1, 0xa1, 0x83, 0x09, 0x8b, 0x01, 0x00, 0x80)),
    frame(fc.constant(0x81), fc.constant([])),
  );
  const units = fc.oneof(
    { weight: 12, arbitrary: frame(fc.constant(0x81)).map((shape) => [shape]) },
    { weight: 3, arbitrary: frame(fc.constant(0x82)).map((shape) => [shape]) },
    { weight: 3, arbitrary: control.map((shape) => [shape]) },
    { weight: 3, arbitrary: fragmented },
    { weight: 1, arbitrary: bad.map((shape) => [shape]) },
  );
  let received = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(units, { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 }),
      async (shapes, sizes) => {
        const told = await expectSame(cut(Buffer.concat(shapes.flat().map(encode)), sizes));
        received += told.filter((line) => line.startsWith("message")).length;
        refused += told.filter((line) => line.startsWith("failed")).length;
      },
    ),
    { numRuns: 750 },
  );
  // Both happen often, or the property says little.
  expect(received).toBeGreaterThan(300);
  expect(refused).toBeGreaterThan(30);
}, 60_000);

function cut(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, index = 0; at < stream.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(stream.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

it.each<[string, FrameShape[]]>([
  [
    "text, fragments with a ping between, text",
    [
      text("4a"),
      { first: 0x01, payload: Buffer.from("4é").subarray(0, 2) },
      { first: 0x89, payload: Buffer.from("ping") },
      { first: 0x80, payload: Buffer.from("é").subarray(1) },
      text("4b"),
    ],
  ],
  ["text, binary, text", [text("4a"), { first: 0x82, payload: Buffer.from([1, 2]) }, text("4b")]],
  [
    "lengths of 16 and 64 bits",
    [
      text(`4${"x".repeat(150)}`),
      { ...text("4a"), lengthBits: 64 },
      { ...text("4b"), lengthBits: 16 },
    ],
  ],
  [
    "text that is no UTF-8, then text",
    [text("4a"), { first: 0x81, payload: Buffer.from([0x34, 0xff]) }, text("4b")],
  ],
  [
    "a close frame, then text",
    [text("4a"), { first: 0x88, payload: Buffer.from([3, 0xe8]) }, text("4b")],
  ],
])("tells the same wherever it is cut: %s", async (_what, shapes) => {
  const stream = Buffer.concat(shapes.map(encode));
  for (let at = 1; at < stream.length; at++) {
    await expectSame([stream.subarray(0, at), stream.subarray(at)]);
  }
});

it("has no ws while only whole text frames come, and has it from the first other frame on", async () => {
  const pushed = await open("late");
  const { transport, socket, told } = pushed;
  socket.push(Buffer.concat([encode(text("4a")), encode(text("4b"))]));
  // The data listener that keeps the socket reading is ours as long as there is no `ws`.
  const [own] = socket.listeners("data");
  socket.push(encode(text("4c")));
  expect(socket.listeners("data")).toEqual([own]);
  expect(told).toEqual(["message string a", "message string b", "message string c"]);
  socket.push(encode({ first: 0x89, payload: Buffer.from("x") }));
  expect(socket.listeners("data")).not.toContain(own);
  expect(socket.listenerCount("data")).toBe(1);
  socket.push(encode(text("4d")));
  expect(told.at(-1)).toBe("message string d");
  transport.close();
  socket.destroy();
  await pushed.got;
});

it("reads nothing early while somebody else listens to the socket or the WebSocket", async () => {
  for (const kind of ["early", "late"] as const) {
    const { transport, socket, told, got } = await open(kind);
    const seen: string[] = [];
    transport.socket.on("message", (data: Buffer) => seen.push(data.toString()));
    socket.push(encode(text("4a")));
    transport.socket.removeAllListeners("message");
    socket.on("data", (chunk) => seen.push(`${chunk.length} bytes`));
    socket.push(encode(text("4b")));
    expect(seen).toEqual(["4a", "8 bytes"]);
    expect(told).toEqual(["message string a", "message string b"]);
    socket.destroy();
    await got;
  }
});

it("waits like ws while the socket is paused", async () => {
  for (const kind of kinds) {
    const { transport, socket, told, got } = await open(kind);
    transport.socket.pause();
    socket.push(encode(text("4a")));
    socket.push(encode(text("4b")));
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([]);
    transport.socket.resume();
    await expect.poll(() => told).toEqual(["message string a", "message string b"]);
    socket.push(encode(text("4c")));
    expect(told).toHaveLength(3);
    socket.destroy();
    await got;
  }
});

it("gives a WebSocket also when the connection is gone, and one that says so", async () => {
  const { transport, socket, told, got } = await open("late");
  socket.destroy();
  await got;
  await expect.poll(() => told).toEqual(["closed"]);
  expect(transport.socket.readyState).toBeGreaterThanOrEqual(2);
  expect(transport.socket).toBe(transport.socket);
});

it.each(kinds)("%s: keeps its half of a frame while others are read", async (kind) => {
  const first = await open(kind);
  const second = await open(kind);
  const content = Buffer.alloc(600, "a");
  const frame = encode({ first: 0x82, payload: content });
  const before = first.socket.bytesRead;
  first.client.write(frame.subarray(0, 400));
  await vi.waitFor(() => expect(first.socket.bytesRead).toBe(before + 400));
  const other = encode(text(`4${"b".repeat(500)}`));
  second.client.write(other);
  await vi.waitFor(() => expect(second.told).toHaveLength(1));
  first.client.write(frame.subarray(400));
  await vi.waitFor(() => expect(first.told).toHaveLength(1));
  expect(first.told).toEqual([`message object ${content.toString("hex")}`]);
  for (const { client } of [first, second]) client.destroy();
});
