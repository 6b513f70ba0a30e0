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
  /** Packets that came together with the first one. */
  readonly rest: readonly EnginePacket[];
}

export class WebTransportTransport extends Transport {
  readonly session: WebTransportSession;
  readonly #writer: ByteWriter;
  #writing = false;

  constructor(parts: WebTransportParts) {
    super();
    this.session = parts.session;
    this.#writer = parts.writer;
    void this.#readAll(parts);
    const closed = () => this.onClose();
    parts.session.closed.then(closed, closed);
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
      // Headers and contents one by one, as npm engine.io does: a client may read them so.
      const parts = packets.flatMap(encodeWebTransportFrame);
      await Promise.all(parts.map((part) => this.#writer.write(part)));
    } catch {
      // The session is gone: its `closed` promise tells the connection.
      return;
    }
    this.#writing = false;
    if (this.observed) this.emit("drain");
    sent?.();
    if (this.readyState === "open") this.onReady();
  }

  async #readAll({ reader, decoder, rest }: WebTransportParts): Promise<void> {
    try {
      for (let packets = rest; ; ) {
        for (const packet of packets) this.onPacket(withBuffer(packet));
        const { done, value } = await reader.read();
        if (done) break;
        packets = value === undefined ? [] : decoder.push(value);
      }
    } catch (error) {
      if (error instanceof ProtocolError) this.onMalformed(error);
    }
    this.onClose();
  }

  protected doClose(done: () => void): void {
    const close = () => {
      try {
        this.session.close();
      } catch {
        // It was closed by the other side in the meantime.
      }
    };
    if (this.#writing) this.#writer.close().then(close, close);
    else close();
    done();
  }
}
