/**
 * What the WebSocket conformance tests share: a server that sends every Engine.IO message back, and what is expected
 * of it. The suite follows the categories of the Autobahn test suite. There is no second class of passing: where
 * that suite tells strict from non-strict, only strict is right here.
 *
 * A text message begins with Engine.IO's digit 4, which comes back too; a binary one is as it is.
 */
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import {
  type Closing,
  type Frame,
  FrameSocket,
  type FrameSpec,
  type Message,
  type OpenOptions,
  opcodes,
} from "../../support/raw-websocket.ts";
import { type EngineServer, type EngineServerOptions, startEcho } from "../../support/servers.ts";

/** One echo server for all tests of a file. */
export function echoServer(options: EngineServerOptions = {}): () => EngineServer {
  let server: EngineServer | undefined;
  beforeAll(async () => {
    server = await startEcho(options);
  });
  afterAll(async () => {
    await server?.close();
  });
  return () => {
    if (server === undefined) throw new Error("the server is there only while tests run");
    return server;
  };
}

/** An open Engine.IO connection over WebSocket that ends with the test. */
export async function open(server: EngineServer, options: OpenOptions = {}): Promise<FrameSocket> {
  const socket = await FrameSocket.openEngine(server, options);
  onTestFinished(() => socket.destroy());
  return socket;
}

/** A text frame with an Engine.IO message. */
export function text(content: string, rest: Partial<FrameSpec> = {}): FrameSpec {
  return { opcode: opcodes.text, payload: `4${content}`, ...rest };
}

export function binary(payload: Uint8Array, rest: Partial<FrameSpec> = {}): FrameSpec {
  return { opcode: opcodes.binary, payload, ...rest };
}

/** A continuation frame. */
export function more(payload: string | Uint8Array, rest: Partial<FrameSpec> = {}): FrameSpec {
  return { opcode: opcodes.continuation, payload, ...rest };
}

/** As many bytes as asked for, none of them text. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Text of so many bytes, the digit 4 included. */
export function textOfBytes(length: number): string {
  return "4".padEnd(length, "abcdefghijklmnopqrstuvwxyz ");
}

/** The next message is this one. */
export async function expectMessage(
  socket: FrameSocket,
  opcode: number,
  payload: string | Uint8Array,
): Promise<void> {
  expectSame(await socket.message(), opcode, payload);
}

/** Compares without printing megabytes. */
export function expectSame(
  message: Message | Frame | undefined,
  opcode: number,
  payload: string | Uint8Array,
): void {
  const expected = Buffer.from(payload);
  expect(message?.opcode).toBe(opcode);
  expect(message?.payload.length).toBe(expected.length);
  if (message?.payload.equals(expected)) return;
  expect(message?.payload.toString("hex", 0, 400)).toBe(expected.toString("hex", 0, 400));
  throw new Error("the payloads differ after 400 bytes");
}

/** Sends frames that make one message, which comes back. */
export async function expectEcho(
  socket: FrameSocket,
  frames: FrameSpec | readonly FrameSpec[],
  chunkBytes?: number,
): Promise<void> {
  const list = "opcode" in frames ? [frames] : frames;
  await socket.send(list, chunkBytes);
  const data = list.filter(({ opcode }) => opcode <= opcodes.binary);
  const payload = Buffer.concat(data.map((frame) => Buffer.from(frame.payload ?? "")));
  await expectMessage(socket, data[0]?.opcode ?? -1, payload);
}

/** The connection still works. */
export async function expectAlive(socket: FrameSocket): Promise<void> {
  await expectEcho(socket, text("still there"));
}

/** The server fails the connection with this code; what came before that is given back. */
export async function expectFailure(socket: FrameSocket, code: number): Promise<Frame[]> {
  const closing: Closing = await socket.closed();
  expect(closing.code).toBe(code);
  return [...closing.before];
}

/** The server fails the connection with this code and says nothing else. */
export async function expectOnlyFailure(socket: FrameSocket, code: number): Promise<void> {
  expect(await expectFailure(socket, code)).toEqual([]);
}
