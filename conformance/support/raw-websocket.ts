/**
 * A WebSocket client whose frames are built and read by hand (RFC 6455), for tests that need exact or hostile bytes.
 *
 *     const socket = await FrameSocket.openEngine(server);
 *     await socket.send({ opcode: opcodes.text, payload: "4hello" }, 1); // one byte per TCP chunk
 *     expect((await socket.message()).payload.toString()).toBe("4hello");
 *     await socket.send({ opcode: opcodes.ping, rsv: 2 });
 *     expect((await socket.closed()).code).toBe(1002);
 *
 * What the server sends is held to the letter: a masked frame, a length in a longer form than needed, a fragmented
 * control frame, an unknown opcode or a frame after the close frame is an error where it is read.
 */
import { createHash } from "node:crypto";
import { type Parse, type RawAnswer, RawConnection, requestBytes } from "./raw-http.ts";

export const opcodes = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** The bits of `rsv`. */
export const rsv1 = 4;

/** A frame to send. Everything that is not said is as it should be. */
export interface FrameSpec {
  readonly opcode: number;
  readonly payload?: string | Uint8Array;
  /** Default true. */
  readonly fin?: boolean;
  /** The three reserved bits as a number: RSV1 is 4, RSV3 is 1. Default 0. */
  readonly rsv?: number;
  /** The masking key; false for a frame without one. */
  readonly mask?: Uint8Array | false;
  /** How many bits the length has. Default: as few as will do. */
  readonly lengthBits?: 7 | 16 | 64;
  /** What the length field says, when not the truth. */
  readonly claimedLength?: number | bigint;
}

/** A frame as it came. */
export interface Frame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly payload: Buffer;
}

/** A message: its fragments put together, with the reserved bits of the first. */
export interface Message {
  readonly opcode: number;
  readonly rsv: number;
  readonly payload: Buffer;
}

export interface Closing {
  /** 1005 when the close frame had no code, 1006 when there was no close frame. */
  readonly code: number;
  readonly reason: string;
  /** The messages and pongs that came before. */
  readonly before: readonly Frame[];
}

const defaultMask = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

/** The bytes of a frame. */
export function encodeFrame(spec: FrameSpec): Buffer {
  const { opcode, fin = true, rsv = 0, mask = defaultMask } = spec;
  const payload = Buffer.from(spec.payload ?? "");
  const length = BigInt(spec.claimedLength ?? payload.length);
  const bits = spec.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const extended = Buffer.alloc(bits === 7 ? 0 : bits / 8);
  if (bits === 16) extended.writeUInt16BE(Number(length));
  if (bits === 64) extended.writeBigUInt64BE(length);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const second = bits === 7 ? Number(length) : bits === 16 ? 126 : 127;
  const header = Buffer.from([first, (mask === false ? 0 : 0x80) | second]);
  if (mask === false) return Buffer.concat([header, extended, payload]);
  return Buffer.concat([
    header,
    extended,
    mask,
    payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0)),
  ]);
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Uint8Array = ""): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

/** The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key`. */
export function acceptKey(key: string): string {
  const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  return createHash("sha1")
    .update(key + guid)
    .digest("base64");
}

export const sampleKey = "dGhlIHNhbXBsZSBub25jZQ==";

/** The headers of a WebSocket handshake; `undefined` leaves one out. */
export function handshakeHeaders(
  changes: Readonly<Record<string, string | undefined>> = {},
): [string, string][] {
  const headers: Record<string, string | undefined> = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": sampleKey,
    "Sec-WebSocket-Version": "13",
    ...changes,
  };
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] satisfies [string, string]],
  );
}

export interface OpenOptions {
  /** Default `/engine.io/`. */
  readonly path?: string;
  /** Added to `EIO=4&transport=websocket`. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** False leaves the Engine.IO handshake to be read by the test: it may be compressed. Default true. */
  readonly readsHandshake?: boolean;
}

/** The request target of an Engine.IO WebSocket. */
export function webSocketTarget({ path = "/engine.io/", query = "" }: OpenOptions = {}): string {
  return `${path}?EIO=4&transport=websocket${query === "" ? "" : `&${query}`}`;
}

/** One WebSocket on a TCP connection. */
export class FrameSocket {
  readonly connection: RawConnection;
  /** The answer to the handshake. */
  readonly answer: RawAnswer;
  /** The RSV bits that a negotiated extension allows on the first frame of a message. */
  allowedRsv = 0;
  #closeRead = false;
  #closeSent = false;

  constructor(connection: RawConnection, answer: RawAnswer) {
    this.connection = connection;
    this.answer = answer;
  }

  /** Opens. Fails when the server does not answer with 101 and the right accept key. */
  static async open(
    server: { readonly port: number },
    options: OpenOptions = {},
  ): Promise<FrameSocket> {
    const connection = await RawConnection.open(server);
    const headers = handshakeHeaders(options.headers);
    const answer = await connection.request({ target: webSocketTarget(options), headers });
    if (answer.status !== 101) throw new Error(`${answer.status} ${answer.text}, expected 101`);
    const accept = answer.headers.get("sec-websocket-accept")?.[0];
    if (accept !== acceptKey(sampleKey)) throw new Error(`wrong accept key ${accept}`);
    return new FrameSocket(connection, answer);
  }

  /** Opens an Engine.IO connection and reads its handshake. */
  static async openEngine(
    server: { readonly port: number },
    options: OpenOptions = {},
  ): Promise<FrameSocket> {
    const socket = await FrameSocket.open(server, options);
    if (socket.answer.headers.has("sec-websocket-extensions")) socket.allowedRsv = rsv1;
    if (options.readsHandshake === false) return socket;
    const { payload } = await socket.frame();
    if (payload[0] !== 0x30) throw new Error(`expected the handshake, got ${payload.toString()}`);
    return socket;
  }

  /** Sends frames back to back; `chunkBytes` cuts the bytes into TCP chunks of that size. */
  async send(frames: FrameSpec | readonly FrameSpec[], chunkBytes?: number): Promise<void> {
    const list = "opcode" in frames ? [frames] : frames;
    this.#closeSent ||= list.some(({ opcode }) => opcode === opcodes.close);
    await this.connection.write(Buffer.concat(list.map(encodeFrame)), chunkBytes);
  }

  /** Reads the next frame. */
  async frame(): Promise<Frame> {
    const frame = await this.connection.read(parseFrame, "a frame");
    if (this.#closeRead) throw new Error("a frame after the close frame");
    if (frame.opcode === opcodes.close) this.#closeRead = true;
    const allowed = frame.opcode === opcodes.text || frame.opcode === opcodes.binary;
    if ((frame.rsv & ~(allowed ? this.allowedRsv : 0)) !== 0) {
      throw new Error(`reserved bits ${frame.rsv} on opcode ${frame.opcode}`);
    }
    return frame;
  }

  /** Reads the next message, put together from its fragments. Anything but a message is an error. */
  async message(): Promise<Message> {
    const first = await this.frame();
    if (first.opcode !== opcodes.text && first.opcode !== opcodes.binary) {
      throw new Error(
        `opcode ${first.opcode} (${first.payload.toString("hex")}), expected a message`,
      );
    }
    const parts = [first.payload];
    for (let last = first; !last.fin; ) {
      last = await this.frame();
      if (last.opcode !== opcodes.continuation) throw new Error("a message within a message");
      parts.push(last.payload);
    }
    return { opcode: first.opcode, rsv: first.rsv, payload: Buffer.concat(parts) };
  }

  /**
   * Reads on until the server has closed the WebSocket and the TCP connection; answers a close frame that came
   * before any was sent.
   */
  async closed(): Promise<Closing> {
    const before: Frame[] = [];
    try {
      for (;;) {
        const frame = await this.frame();
        if (frame.opcode === opcodes.close) {
          if (!this.#closeSent) await this.send({ opcode: opcodes.close, payload: frame.payload });
          await this.ended();
          return { ...parseClose(frame.payload), before };
        }
        before.push(frame);
      }
    } catch (error) {
      if (this.connection.ended === undefined || this.#closeRead) throw error;
      return { code: 1006, reason: "", before };
    }
  }

  /** Waits for the server to end the TCP connection, and ends this side. Bytes after a close frame are an error. */
  async ended(): Promise<void> {
    await this.connection.finished();
    this.connection.end();
    const { unread } = this.connection;
    if (this.#closeRead && unread.length > 0) {
      throw new Error(
        `${unread.length} bytes after the close frame: ${unread.toString("hex", 0, 32)}`,
      );
    }
  }

  destroy(): void {
    this.connection.destroy();
  }
}

/** Opens a WebSocket with a request and frames in one TCP chunk. The Engine.IO handshake is the first frame to read. */
export async function openWithFrames(
  server: { readonly port: number },
  frames: readonly FrameSpec[],
  options: OpenOptions & { readonly chunkBytes?: number } = {},
): Promise<FrameSocket> {
  const connection = await RawConnection.open(server);
  const request = requestBytes({
    target: webSocketTarget(options),
    headers: handshakeHeaders(options.headers),
  });
  const bytes = Buffer.concat([request, ...frames.map(encodeFrame)]);
  await connection.write(bytes, options.chunkBytes);
  return new FrameSocket(connection, await connection.answer());
}

function parseClose(payload: Buffer): { code: number; reason: string } {
  if (payload.length === 0) return { code: 1005, reason: "" };
  if (payload.length === 1) throw new Error("a close frame with one byte");
  return { code: payload.readUInt16BE(0), reason: payload.toString("utf8", 2) };
}

const knownOpcodes: ReadonlySet<number> = new Set(Object.values(opcodes));

/** One frame of a server, strictly. */
const parseFrame: Parse<Frame> = (bytes) => {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return { needs: 2 };
  const opcode = first & 0x0f;
  const fin = (first & 0x80) !== 0;
  if (!knownOpcodes.has(opcode)) throw new Error(`unknown opcode ${opcode}`);
  if ((second & 0x80) !== 0) throw new Error("a masked frame from the server");
  if (opcode >= 8 && (!fin || second > 125)) throw new Error("a long or fragmented control frame");
  const start = second === 127 ? 10 : second === 126 ? 4 : 2;
  if (bytes.length < start) return { needs: start };
  const length =
    second === 127
      ? Number(bytes.readBigUInt64BE(2))
      : second === 126
        ? bytes.readUInt16BE(2)
        : second;
  const shortest = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  if (start !== shortest) throw new Error(`the length ${length} in a form that is too long`);
  if (bytes.length < start + length) return { needs: start + length };
  const payload = Buffer.from(bytes.subarray(start, start + length));
  return { value: { opcode, fin, rsv: (first >> 4) & 7, payload }, used: start + length };
};
