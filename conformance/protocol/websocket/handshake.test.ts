/** The WebSocket handshake (RFC 6455 §4.2): what is let pass, and how the rest is refused. */
import { describe, expect, it, onTestFinished } from "vitest";
import { type RawAnswer, RawConnection, rawRequest, requestBytes } from "../../support/raw-http.ts";
import {
  acceptKey,
  FrameSocket,
  handshakeHeaders,
  opcodes,
  openWithFrames,
  sampleKey,
  webSocketTarget,
} from "../../support/raw-websocket.ts";
import { echoServer, expectMessage, open } from "./echo.ts";

const server = echoServer();

type Headers = Readonly<Record<string, string | undefined>>;

function handshake(changes: Headers, method = "GET"): Promise<RawAnswer> {
  const request = { method, target: webSocketTarget(), headers: handshakeHeaders(changes) };
  return rawRequest(server(), request);
}

describe("lets pass", () => {
  it("the request of RFC 6455 §1.3, with the accept key given there", async () => {
    expect(acceptKey(sampleKey)).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    const socket = await open(server());
    const { status, reason, headers } = socket.answer;
    expect([status, reason]).toEqual([101, "Switching Protocols"]);
    expect(headers.get("upgrade")).toEqual(["websocket"]);
    expect(headers.get("connection")).toEqual(["Upgrade"]);
    expect(headers.get("sec-websocket-accept")).toEqual(["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    expect(headers.has("sec-websocket-extensions")).toBe(false);
    expect(headers.has("sec-websocket-protocol")).toBe(false);
  });

  const accepted: [what: string, headers: Headers][] = [
    ["Upgrade in capitals", { Upgrade: "WEBSOCKET" }],
    ["Upgrade in mixed case", { Upgrade: "WebSocket" }],
    ["Connection in lower case", { Connection: "upgrade" }],
    ["a list in Connection", { Connection: "keep-alive, Upgrade" }],
    ["header names in capitals", { Upgrade: undefined, UPGRADE: "websocket" }],
    ["version 8, the last draft", { "Sec-WebSocket-Version": "8" }],
    ["an unknown extension, which is left out", { "Sec-WebSocket-Extensions": "x-unknown; a=1" }],
    ["compression, which is off", { "Sec-WebSocket-Extensions": "permessage-deflate" }],
    ["unknown headers", { "X-One": "1", "X-Two": "2" }],
    ["a key that ends in one =", { "Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4PEA==" }],
  ];
  it.each(accepted)("%s", async (_what, headers) => {
    const answer = await handshake(headers);
    expect(answer.status).toBe(101);
    const key = headers["Sec-WebSocket-Key"] ?? sampleKey;
    expect(answer.headers.get("sec-websocket-accept")).toEqual([acceptKey(key)]);
    expect(answer.headers.has("sec-websocket-extensions")).toBe(false);
  });

  it("the first of the subprotocols that are offered", async () => {
    const answer = await handshake({ "Sec-WebSocket-Protocol": "one, two" });
    expect(answer.status).toBe(101);
    expect(answer.headers.get("sec-websocket-protocol")).toEqual(["one"]);
  });

  it.each([1, 7])("a request cut into chunks of %i bytes", async (chunkBytes) => {
    const connection = await RawConnection.open(server());
    onTestFinished(() => connection.destroy());
    const request = { target: webSocketTarget(), headers: handshakeHeaders() };
    await connection.write(requestBytes(request), chunkBytes);
    const socket = new FrameSocket(connection, await connection.answer());
    expect(socket.answer.status).toBe(101);
    expect((await socket.message()).payload.toString()).toMatch(/^0\{/);
  });

  // No Engine.IO client sends a message before it has the handshake, and npm engine.io does not hear one.
  it("a ping that comes in the same chunk as the request", async () => {
    const socket = await openWithFrames(server(), [{ opcode: opcodes.ping, payload: "early" }]);
    onTestFinished(() => socket.destroy());
    const frames = [await socket.frame(), await socket.frame()];
    expect(frames.map(({ opcode }) => opcode).sort()).toEqual([opcodes.text, opcodes.pong]);
  });

  it("a frame of which the first byte comes in the same chunk as the request", async () => {
    const request = { target: webSocketTarget(), headers: handshakeHeaders() };
    const connection = await RawConnection.open(server());
    onTestFinished(() => connection.destroy());
    await connection.write(Buffer.concat([requestBytes(request), Buffer.from([0x81])]));
    const answer = await connection.answer();
    const split = new FrameSocket(connection, answer);
    expect((await split.message()).payload.toString()).toMatch(/^0\{/);
    await connection.write(Buffer.from([0x82, 0, 0, 0, 0, 0x34, 0x41]));
    await expectMessage(split, opcodes.text, "4A");
  });
});

describe("refuses with 400 and an end of the connection", () => {
  const key = "Missing or invalid Sec-WebSocket-Key header";
  const version = "Missing or invalid Sec-WebSocket-Version header";
  const refused: [what: string, headers: Headers, message: string][] = [
    ["no key", { "Sec-WebSocket-Key": undefined }, key],
    ["an empty key", { "Sec-WebSocket-Key": "" }, key],
    ["a key of 15 bytes", { "Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4P" }, key],
    ["a key of 17 bytes", { "Sec-WebSocket-Key": "AQIDBAUGBwgJCgsMDQ4PEBE=" }, key],
    ["a key that is not base64", { "Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!==" }, key],
    ["a key without padding", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ" }, key],
    ["no version", { "Sec-WebSocket-Version": undefined }, version],
    ["an empty version", { "Sec-WebSocket-Version": "" }, version],
    ["version 0", { "Sec-WebSocket-Version": "0" }, version],
    ["version 7", { "Sec-WebSocket-Version": "7" }, version],
    ["version 14", { "Sec-WebSocket-Version": "14" }, version],
    ["version -13", { "Sec-WebSocket-Version": "-13" }, version],
    ["a version that is no number", { "Sec-WebSocket-Version": "13abc" }, version],
    ["two versions", { "Sec-WebSocket-Version": "13, 8" }, version],
    ["another upgrade", { Upgrade: "h2c" }, "Invalid Upgrade header"],
    ["a list of upgrades", { Upgrade: "websocket, h2c" }, "Invalid Upgrade header"],
    [
      "a subprotocol that is no token",
      { "Sec-WebSocket-Protocol": "a b" },
      "Invalid Sec-WebSocket-Protocol header",
    ],
    [
      "the same subprotocol twice",
      { "Sec-WebSocket-Protocol": "a, a" },
      "Invalid Sec-WebSocket-Protocol header",
    ],
  ];
  it.each(refused)("%s", async (_what, headers, message) => {
    const connection = await RawConnection.open(server());
    onTestFinished(() => connection.destroy());
    const request = { target: webSocketTarget(), headers: handshakeHeaders(headers) };
    const answer = await connection.request(request);
    expect([answer.status, answer.text]).toEqual([400, message]);
    expect(answer.headers.get("connection")).toEqual(["close"]);
    const versions = message === version ? ["13, 8"] : undefined;
    expect(answer.headers.get("sec-websocket-version")).toEqual(versions);
    expect(await connection.finished()).toBe("end");
  });

  it.each(["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])("the method %s", async (method) => {
    const answer = await handshake({}, method);
    expect(answer.status).toBe(400);
    if (method !== "HEAD") expect(answer.text).toBe("Bad handshake method");
  });

  it("a request without Upgrade, as the Engine.IO error 3", async () => {
    const answer = await handshake({ Upgrade: undefined, Connection: undefined });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toEqual({ code: 3, message: "Bad request" });
  });

  it("bytes that are not HTTP", async () => {
    const connection = await RawConnection.open(server());
    onTestFinished(() => connection.destroy());
    await connection.write("\x81\x85\x00\x00\x00\x00hello");
    expect((await connection.answer()).status).toBe(400);
    await connection.finished();
  });
});

it("ends a handshake that stops in the middle when its client goes", async () => {
  const connection = await RawConnection.open(server());
  onTestFinished(() => connection.destroy());
  const request = requestBytes({ target: webSocketTarget(), headers: handshakeHeaders() });
  await connection.write(request.subarray(0, request.length - 10));
  connection.end();
  await connection.finished();
  await open(server());
});
