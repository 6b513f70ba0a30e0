/**
 * A WebTransport session in this process, in the shape of the W3C interface: the side that the engine gets, and the
 * client at the other end of its stream, who writes and reads bytes as the test says.
 */
import { ReadableStream, TransformStream } from "node:stream/web";
import { until, within } from "../../support/clients.ts";
import type { Engine } from "../../support/servers.ts";

type Bytes = TransformStream<Uint8Array, Uint8Array>;

/** A packet on a WebTransport stream: a header with the length, then text or bytes. */
export function frame(content: string | Uint8Array): Buffer {
  const body = Buffer.from(content);
  const kind = typeof content === "string" ? 0 : 0x80;
  if (body.length < 126) return Buffer.concat([Buffer.of(kind | body.length), body]);
  const header = Buffer.alloc(body.length < 0x1_0000 ? 3 : 9);
  header[0] = kind | (header.length === 3 ? 126 : 127);
  if (header.length === 3) header.writeUInt16BE(body.length, 1);
  else header.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([header, body]);
}

/** The first packet in `bytes` and what it takes, or undefined when it is not there yet. */
function firstFrame(bytes: Buffer): { packet: string | Buffer; size: number } | undefined {
  const short = (bytes[0] ?? 0) & 0x7f;
  const start = short < 126 ? 1 : short === 126 ? 3 : 9;
  if (bytes.length < start) return undefined;
  const long = short === 126 ? bytes.readUInt16BE(1) : 0;
  const length = short < 126 ? short : long || Number(bytes.readBigUInt64BE(1));
  const size = start + length;
  if (bytes.length < size) return undefined;
  const body = bytes.subarray(start, size);
  return { packet: ((bytes[0] ?? 0) & 0x80) === 0 ? body.toString() : Buffer.from(body), size };
}

export class MemoryClient {
  /** What the engine is given. */
  readonly session;
  /** How often the server closed the session. */
  closings = 0;
  /** Resolves when either side has closed the session. */
  readonly closed: Promise<unknown>;
  readonly #toServer: Bytes = new TransformStream();
  readonly #toClient: Bytes = new TransformStream();
  readonly #writer = this.#toServer.writable.getWriter();
  readonly #reader = this.#toClient.readable.getReader();
  #unread = Buffer.alloc(0);
  #endStreams: () => void = () => undefined;
  #settle: (info: object) => void = () => undefined;

  /** @param opensStream false for a client that opens no stream. */
  constructor({ opensStream = true }: { opensStream?: boolean } = {}) {
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const stream = { readable: this.#toServer.readable, writable: this.#toClient.writable };
    this.session = {
      ready: Promise.resolve(),
      closed: this.closed,
      close: () => {
        this.closings++;
        this.close();
      },
      incomingBidirectionalStreams: new ReadableStream<typeof stream>({
        start: (controller) => {
          if (opensStream) controller.enqueue(stream);
          this.#endStreams = () => controller.close();
        },
      }),
    };
  }

  /** A client that has sent `open`, and has read the handshake. */
  static async connect(engine: Engine): Promise<MemoryClient> {
    const client = new MemoryClient();
    client.handTo(engine);
    await client.send("0");
    client.handshake = JSON.parse(String(await client.receive()).slice(1));
    return client;
  }

  handshake: { readonly sid: string } & Record<string, unknown> = { sid: "" };
  /** Resolves when the engine is done with the opening of the session. */
  opening: Promise<void> = Promise.resolve();

  handTo(engine: Engine): void {
    this.opening = engine.onWebTransportSession(this.session);
  }

  /** Sends packets, each in a chunk of its own. */
  async send(...packets: (string | Uint8Array)[]): Promise<void> {
    for (const packet of packets) await this.write(frame(packet));
  }

  async write(...chunks: Uint8Array[]): Promise<void> {
    for (const chunk of chunks) await within(this.#writer.write(chunk), "the server to read");
  }

  /** The next packet of the server. */
  async receive(): Promise<string | Buffer> {
    for (;;) {
      const found = firstFrame(this.#unread);
      if (found !== undefined) {
        this.#unread = this.#unread.subarray(found.size);
        return found.packet;
      }
      const { value, done } = await within(this.#reader.read(), "bytes of the server");
      if (done) throw new Error("the stream of the server has ended");
      this.#unread = Buffer.concat([this.#unread, value]);
    }
  }

  /** Ends the client's half of the stream; the session stays open. */
  endStream(): Promise<void> {
    return this.#writer.close();
  }

  /** Resets the client's half of the stream; the session stays open. */
  resetStream(): Promise<void> {
    return this.#writer.abort(new Error("the stream was reset"));
  }

  /** Tells the server to write no more; the session stays open. */
  stopReading(): Promise<void> {
    return this.#reader.cancel(new Error("the client stopped reading"));
  }

  /** Ends the streams that the client opens; there is none if it has opened none. */
  opensNoMore(): void {
    this.#endStreams();
  }

  /** Ends the session, as either side may at any time: its streams fail. */
  close(): void {
    this.#settle({});
    const over = new Error("the session was closed");
    this.#writer.abort(over).catch(() => undefined);
    this.#reader.cancel(over).catch(() => undefined);
  }

  /** Waits until the server has closed the session. */
  closedByServer(): Promise<void> {
    return until(() => this.closings > 0, "the server closes the session");
  }
}
