/**
 * The WebTransport transport: packets on one bidirectional stream of an HTTP/3 session, each behind a
 * short header with its length (Engine.IO protocol, "WebTransport").
 *
 * Node has no WebTransport server. Any object in the shape of the W3C interface will do, so the
 * session comes from outside: see `Engine#onWebTransportSession`.
 */
import {
  type EnginePacket,
  encodeWebTransportFrame,
  ProtocolError,
  type WebTransportFrameDecoder,
} from "@holdfast/protocol";
import type { OutboxNode } from "../delivery/outbox.ts";
import { Alarm, type TimerWheel } from "../host/timer-wheel.ts";
import { Transport, withBuffer } from "./transport.ts";

/** What the server needs of a W3C `WebTransport` session. */
export interface WebTransportSession {
  readonly incomingBidirectionalStreams: ByteStreamSource<WebTransportStream>;
  readonly closed: Promise<unknown>;
  close(): void;
}

/** What the server needs of a W3C `WebTransportBidirectionalStream`. */
export interface WebTransportStream {
  readonly readable: ByteStreamSource<Uint8Array>;
  readonly writable: { getWriter(): ByteWriter };
}

export interface ByteStreamSource<Chunk> {
  getReader(): ByteReader<Chunk>;
}

export interface ByteReader<Chunk> {
  read(): Promise<{ done: boolean; value?: Chunk | undefined }>;
  cancel(reason?: unknown): Promise<void>;
  releaseLock(): void;
}

export interface ByteWriter {
  write(chunk: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface WebTransportParts {
  readonly session: WebTransportSession;
  readonly reader: ByteReader<Uint8Array>;
  readonly writer: ByteWriter;
  readonly decoder: WebTransportFrameDecoder;
  readonly wheel: TimerWheel;
}

/** A client that does not read gets this long to take what is on its way when the connection is closed. */
const closeTimeoutMs = 30_000;

export class WebTransportTransport extends Transport {
  readonly session: WebTransportSession;
  closeTimeout = closeTimeoutMs;
  readonly #parts: WebTransportParts;
  #writing = false;

  constructor(parts: WebTransportParts) {
    super();
    this.session = parts.session;
    this.#parts = parts;
    const closed = () => this.onClose();
    parts.session.closed.then(closed, closed);
  }

  /**
   * Begins to hand over what the client sends. Call it once, when somebody receives it.
   *
   * @param first packets that have been read already
   */
  start(first: readonly EnginePacket[]): void {
    void this.#readAll(first);
  }

  get name(): "webtransport" {
    return "webtransport";
  }

  get supportsBinary(): boolean {
    return true;
  }

  get ready(): boolean {
    return !this.#writing && this.readyState === "open";
  }

  sendPending(pending: OutboxNode, sent: (() => void) | undefined): void {
    void this.#write(
      pending.packets().flatMap((packet) => packet.enginePackets()),
      sent,
    );
  }

  send(packets: readonly EnginePacket[]): void {
    void this.#write(packets, undefined);
  }

  async #write(packets: readonly EnginePacket[], sent: (() => void) | undefined): Promise<void> {
    this.#writing = true;
    try {
      const { writer } = this.#parts;
      // Headers and contents one by one, as npm engine.io does: a client may read them so.
      const parts = packets.flatMap(encodeWebTransportFrame);
      await Promise.all(parts.map((part) => writer.write(part)));
    } catch {
      this.#writing = false;
      this.#end();
      return;
    }
    this.#writing = false;
    if (this.observed) this.emit("drain");
    sent?.();
    if (this.readyState === "open") this.onReady();
  }

  async #readAll(first: readonly EnginePacket[]): Promise<void> {
    for (let packets: readonly EnginePacket[] | undefined = first; packets !== undefined; ) {
      for (const packet of packets) this.onPacket(withBuffer(packet));
      packets = await this.#read();
    }
    this.#end();
  }

  /** The packets of the next chunk, or undefined after the last one. */
  async #read(): Promise<readonly EnginePacket[] | undefined> {
    const { reader, decoder } = this.#parts;
    try {
      const { done, value } = await reader.read();
      if (done) return undefined;
      return value === undefined ? [] : decoder.push(value);
    } catch (error) {
      if (error instanceof ProtocolError) this.onMalformed(error);
      return undefined;
    }
  }

  /** The stream has ended one way or the other: a session whose stream is gone is of no use to anybody. */
  #end(): void {
    closeSession(this.session);
    this.onClose();
  }

  protected doClose(done: () => void): void {
    if (this.#writing && !this.discarded && !this.detached) this.#closeWhenWritten();
    else closeSession(this.session);
    done();
  }

  /** What is on its way goes out first, unless the client takes too long to read it. */
  #closeWhenWritten(): void {
    const { session, writer, wheel } = this.#parts;
    const deadline = new Alarm(session, closeSession);
    wheel.arm(deadline, this.closeTimeout);
    const close = () => {
      wheel.disarm(deadline);
      closeSession(session);
    };
    writer.close().then(close, close);
  }
}

/** Closes a session, which the other side may have done already. */
export function closeSession(session: WebTransportSession): void {
  try {
    session.close();
  } catch {
    // Then it is closed.
  }
}
