/**
 * The WebSocket transport (RFC 6455), one Engine.IO packet per frame.
 *
 * `ws` does the handshake, the receiving, the control frames and the compression. What the connection
 * sends is written by ourselves, as ready-made frames, straight to the upgraded socket: whole frames
 * between whole frames of `ws`, one write for all that a turn of the event loop has brought. Where
 * that is not safe (compression was negotiated: a direct write would overtake an earlier send; or
 * the WebSocket engine is not `ws`) everything goes through its `send`.
 */
import type { Duplex } from "node:stream";
import {
  decodePacket,
  type EnginePacket,
  encodePacket,
  encodePacketAsText,
  ProtocolError,
} from "@holdfast/protocol";
import { type RawData, WebSocket as WsSocket } from "ws";
import type { OutboxNode } from "../delivery/outbox.ts";
import { OutgoingPacket } from "../delivery/outgoing-packet.ts";
import { Transport, withBuffer } from "./transport.ts";

const messageDigit = 0x34;
const owner = Symbol("holdfast transport");

type OwnedWebSocket = WsSocket & { [owner]?: WebSocketTransport };

/** What `ws` makes of an upgrade: tells its transport before the close frame goes out, after which nothing may follow. */
export class TransportWebSocket extends WsSocket {
  override close(code?: number, data?: string | Buffer): void {
    if (this.readyState === WsSocket.OPEN) transportOf(this)?.socketCloses();
    super.close(code, data);
  }
}

function transportOf(socket: OwnedWebSocket): WebSocketTransport | undefined {
  return socket[owner];
}

export interface WebSocketTransportOptions {
  /** The upgraded socket, when frames may be written straight to it. */
  readonly direct: Duplex | undefined;
  /** Whether the client cannot take binary frames, and gets bytes as base64 text. */
  readonly base64: boolean;
  /** Messages smaller than this are not compressed, in bytes. */
  readonly compressionThreshold: number;
}

export class WebSocketTransport extends Transport {
  static readonly handlesUpgrades = true;
  /** The WebSocket itself, as `ws` made it. */
  readonly socket: WsSocket;
  readonly #base64: boolean;
  readonly #direct: Duplex | undefined;
  readonly #compressionThreshold: number;
  /** True while the network takes no more, until the socket has drained. */
  #blocked = false;

  constructor(socket: WsSocket, options: WebSocketTransportOptions) {
    super();
    this.socket = socket;
    this.#base64 = options.base64;
    this.#direct = options.direct;
    this.#compressionThreshold = options.compressionThreshold;
    const owned: OwnedWebSocket = socket;
    owned[owner] = this;
    // Listeners are shared functions that find their transport on the socket: no closure per connection.
    socket.on("message", socketOnMessage);
    socket.on("close", socketOnClose);
    socket.on("error", socketOnError);
  }

  get name(): "websocket" {
    return "websocket";
  }

  get supportsBinary(): boolean {
    return !this.#base64;
  }

  get handlesUpgrades(): boolean {
    return true;
  }

  get ready(): boolean {
    return !this.#blocked && this.readyState === "open";
  }

  override get writable(): boolean {
    if (!super.writable) return false;
    return this.#direct === undefined || this.#direct.writableLength === 0;
  }

  override get unsentBytes(): number {
    return this.#direct === undefined ? this.socket.bufferedAmount : this.#direct.writableLength;
  }

  sendPending(pending: OutboxNode, sent: (() => void) | undefined): void {
    if (this.#direct === undefined) this.#sendThroughEngine(pending.packets(), sent);
    else this.#write(this.#direct, pending.bytes(), sent);
  }

  send(packets: readonly EnginePacket[]): void {
    if (this.readyState !== "open") return;
    for (const packet of packets) {
      if (this.#direct === undefined) this.socket.send(encodePacket(packet));
      else this.#direct.write(new OutgoingPacket(packet.type, packet.data).frames());
    }
  }

  #write(socket: Duplex, bytes: Buffer, sent: (() => void) | undefined): void {
    // Nothing may follow the close frame (RFC 6455 §5.5.1), which `ws` sends in answer to the client's.
    if (this.socket.readyState !== WsSocket.OPEN) return;
    const took = sent === undefined ? socket.write(bytes) : socket.write(bytes, () => sent());
    if (took) return;
    this.#blocked = true;
    socket.once("drain", () => this.#unblock());
  }

  #unblock(): void {
    this.#blocked = false;
    if (this.readyState === "open") this.onReady();
  }

  #sendThroughEngine(packets: readonly OutgoingPacket[], sent: (() => void) | undefined): void {
    this.#blocked = true;
    const parts: { data: string | Uint8Array; compress: boolean }[] = [];
    for (const packet of packets) {
      for (const part of packet.enginePackets()) {
        const data = this.#base64 ? encodePacketAsText(part) : encodePacket(part);
        const compress = packet.compress && Buffer.byteLength(data) >= this.#compressionThreshold;
        parts.push({ data, compress });
      }
    }
    const last = parts.length - 1;
    parts.forEach(({ data, compress }, index) => {
      this.socket.send(data, { compress, binary: typeof data !== "string" }, (error) => {
        if (error) this.onError("write error", error.stack);
        else if (index === last) {
          sent?.();
          this.#unblock();
        }
      });
    });
  }

  protected doClose(done: () => void): void {
    this.socket.close();
    done();
  }

  /** @internal */
  socketReceived(data: RawData, isBinary: boolean): void {
    if (isBinary) {
      this.onPacket({ type: "message", data: toUint8Array(data) });
      return;
    }
    const bytes = toBuffer(data);
    if (bytes[0] === messageDigit) {
      this.onPacket({ type: "message", data: bytes.toString("utf8", 1) });
      return;
    }
    let packet: EnginePacket;
    try {
      packet = decodePacket(bytes.toString());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.onMalformed(error);
      return;
    }
    this.onPacket(withBuffer(packet));
  }

  /** @internal The close frame is about to go out: what waits goes before it. */
  socketCloses(): void {
    if (this.ready) this.onReady();
  }

  /** @internal */
  socketClosed(): void {
    this.onClose();
  }

  /** @internal */
  socketFailed(error: Error): void {
    this.onError(String(error), error);
  }
}

/** `ws` hands over a Buffer unless somebody changed its binaryType; a foreign engine may do as it likes. */
function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

function toUint8Array(data: RawData): Uint8Array {
  return toBuffer(data);
}

function socketOnMessage(this: OwnedWebSocket, data: RawData, isBinary: boolean): void {
  this[owner]?.socketReceived(data, isBinary);
}

function socketOnClose(this: OwnedWebSocket): void {
  this[owner]?.socketClosed();
}

function socketOnError(this: OwnedWebSocket, error: Error): void {
  this[owner]?.socketFailed(error);
}
