/** Text and bytes both ways over polling and WebSocket, and the compression of polling responses. */
import { gunzipSync, inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodePayload, encodePayload, type Frame } from "../../support/clients.ts";
import { opcodes } from "../../support/raw-websocket.ts";
import type { EngineServerOptions } from "../../support/servers.ts";
import { ask, openPolling, openWebSocket, serve } from "./session.ts";

const bytesOf = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 7 + length) & 0xff));

const contents: [what: string, content: Frame][] = [
  ["text", "hello"],
  ["empty text", ""],
  ["a digit", "4"],
  ["what looks like a packet", "4hello"],
  ["what looks like base64", "bAQID"],
  ["characters of two, three and four bytes", "äöü€日本語🙂"],
  ["line feeds, tabs and zeros", "\n\r\t\0\u2028\u2029"],
  ["a lone byte order mark", "\ufeffx"],
  ["noncharacters", "\uffff\ufffe"],
  ["JSON", JSON.stringify({ a: [1, "ä", null], b: { c: "\x1f" } })],
  ["100 000 characters", "€".repeat(100_000)],
  ["no bytes", Buffer.alloc(0)],
  ["one byte", Buffer.from([0])],
  ["two bytes", Buffer.from([255, 254])],
  ["three bytes", Buffer.from([1, 2, 3])],
  ["every byte", Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
  ["100 000 bytes", bytesOf(100_000)],
  ["200 003 bytes", bytesOf(200_003)],
];

const heard = (data: unknown): unknown => data ?? "";

describe.each(contents)("%s", (_what, content) => {
  it("to the server over polling", async () => {
    const server = await serve();
    const { client, messages } = await openPolling(server);
    const packet = typeof content === "string" ? `4${content}` : content;
    expect((await client.post(encodePayload([packet, "4after"]))).status).toBe(200);
    expect(messages().map(heard)).toEqual([content, "after"]);
  });

  it("to the client over polling", async () => {
    const server = await serve();
    const { client, connection } = await openPolling(server);
    connection.send(content);
    connection.send("after");
    const answer = await client.get();
    const packet = typeof content === "string" ? `4${content}` : content;
    expect(answer.text).toBe(encodePayload([packet, "4after"]));
  });

  it("both ways over WebSocket", async () => {
    const server = await serve();
    const { socket, connection, messages } = await openWebSocket(server);
    const opcode = typeof content === "string" ? opcodes.text : opcodes.binary;
    const payload = typeof content === "string" ? `4${content}` : content;
    connection.on("message", () => connection.send(content));
    await socket.send({ opcode, payload });
    const message = await socket.message();
    expect(message.opcode).toBe(opcode);
    expect(message.payload.equals(Buffer.from(payload))).toBe(true);
    expect(messages().map(heard)).toEqual([content]);
  });
});

describe("bytes", () => {
  const bytes = bytesOf(300);
  const forms: [what: string, data: unknown][] = [
    ["an ArrayBuffer", bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 300)],
    ["a Uint8Array", new Uint8Array(bytes)],
    [
      "a view into a larger buffer",
      Buffer.concat([Buffer.alloc(9), bytes, Buffer.alloc(9)]).subarray(9, 309),
    ],
    ["a DataView", new DataView(new Uint8Array(bytes).buffer)],
    ["an Int16Array", new Int16Array(new Uint8Array(bytes).buffer)],
  ];
  it.each(forms)("may be given as %s", async (_what, data) => {
    const server = await serve();
    const polling = await openPolling(server);
    const websocket = await openWebSocket(server);
    polling.connection.send(data as Buffer);
    websocket.connection.send(data as Buffer);
    expect(decodePayload((await polling.client.get()).text)).toEqual([bytes]);
    expect((await websocket.socket.message()).payload.equals(bytes)).toBe(true);
  });

  it("are Buffers where they arrive", async () => {
    const server = await serve();
    const polling = await openPolling(server);
    const websocket = await openWebSocket(server);
    await polling.client.post("bAQID");
    websocket.connection.on("message", () => websocket.connection.send("heard"));
    await websocket.socket.send({ opcode: opcodes.binary, payload: Uint8Array.of(1, 2, 3) });
    await websocket.socket.message();
    for (const { messages } of [polling, websocket]) {
      expect(messages()).toEqual([Buffer.from([1, 2, 3])]);
      expect(Buffer.isBuffer(messages()[0])).toBe(true);
    }
  });

  it("are base64 on polling with b64=1, too", async () => {
    const server = await serve();
    const { client, connection } = await openPolling(server, { query: { b64: "1" } });
    connection.send(Buffer.from([1, 2, 3]));
    expect((await client.get()).text).toBe("bAQID");
  });
});

describe("compression of answers to GET", () => {
  const long = "compressible ".repeat(100);

  async function answerTo(
    accept: string | undefined,
    options: EngineServerOptions = {},
    content = long,
    sendOptions: object = {},
  ) {
    const server = await serve(options);
    // The handshake asks for none: the raw client reads no compressed payloads.
    const { sid, connection } = await openPolling(server);
    connection.send(content, sendOptions);
    const headers = accept === undefined ? {} : { "accept-encoding": accept };
    return ask(server, { sid }, { headers });
  }

  const encodings: [accept: string | undefined, encoding: string | undefined][] = [
    ["gzip", "gzip"],
    ["deflate", "deflate"],
    ["gzip, deflate", "gzip"],
    ["deflate, gzip", "deflate"],
    ["gzip;q=0.5, deflate;q=0.9", "deflate"],
    ["br, gzip", "gzip"],
    ["*", "gzip"],
    ["gzip;q=0", undefined],
    ["br", undefined],
    ["identity", undefined],
    ["", undefined],
    [undefined, undefined],
  ];
  it.each(encodings)("Accept-Encoding: %s", async (accept, encoding) => {
    const answer = await answerTo(accept);
    expect(answer.headers["content-encoding"]).toBe(encoding);
    const decompress = { gzip: gunzipSync, deflate: inflateSync }[encoding ?? ""];
    const bytes = decompress === undefined ? answer.bytes : decompress(answer.bytes);
    expect(bytes.toString()).toBe(`4${long}`);
    if (encoding !== undefined) expect(answer.bytes.length).toBeLessThan(200);
  });

  it("begins at 1024 bytes", async () => {
    const below = await answerTo("gzip", {}, "x".repeat(1022));
    expect(below.headers["content-encoding"]).toBeUndefined();
    const at = await answerTo("gzip", {}, "x".repeat(1023));
    expect(at.headers["content-encoding"]).toBe("gzip");
  });

  it("counts bytes, not characters", async () => {
    const answer = await answerTo("gzip", {}, "€".repeat(400));
    expect(answer.headers["content-encoding"]).toBe("gzip");
  });

  it("begins at the threshold of httpCompression", async () => {
    const options = { httpCompression: { threshold: 10 } };
    expect((await answerTo("gzip", options, "x".repeat(9))).headers["content-encoding"]).toBe(
      "gzip",
    );
    const below = await answerTo("gzip", options, "x".repeat(8));
    expect(below.headers["content-encoding"]).toBeUndefined();
  });

  it("is off with httpCompression: false", async () => {
    const answer = await answerTo("gzip", { httpCompression: false });
    expect([answer.headers["content-encoding"], answer.text]).toEqual([undefined, `4${long}`]);
  });

  it("is off for what is sent with compress: false", async () => {
    const answer = await answerTo("gzip", {}, long, { compress: false });
    expect([answer.headers["content-encoding"], answer.text]).toEqual([undefined, `4${long}`]);
  });

  it("is on for a payload of which one packet wants it", async () => {
    const server = await serve();
    const { sid, connection } = await openPolling(server);
    connection.send(long, { compress: false });
    connection.send(long);
    const answer = await ask(server, { sid }, { headers: { "accept-encoding": "gzip" } });
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(answer.bytes).toString()).toBe(`4${long}\x1e4${long}`);
  });

  it("of one answer after the other keeps the order", async () => {
    const server = await serve();
    const { sid, connection, reasons } = await openPolling(server);
    for (let i = 0; i < 5; i++) {
      connection.send(`${i}${long}`);
      const answer = await ask(server, { sid }, { headers: { "accept-encoding": "gzip" } });
      expect(gunzipSync(answer.bytes).toString()).toBe(`4${i}${long}`);
    }
    expect(reasons()).toEqual([]);
  });
});
