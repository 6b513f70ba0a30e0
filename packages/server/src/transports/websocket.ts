/**
 * The WebSocket transport (RFC 6455), one Engine.IO packet per frame.
 *
 * `ws` does the control frames, the compression, and the receiving of all but whole text frames, which
 * are read before they come to it; where it has not done the handshake, it joins when it is needed. What the connection
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
import { LateWebSockets } from "./late-websocket.ts";
import {
  canReadAhead,
  type EarlyReader,
  readAhead,
  startReading,
  stopReading,
} from "./read-ahead.ts";
import { FramePosition, readTextFrames, type TextReceiver } from "./text-frames.ts";
import { Transport, withBuffer } from "./transport.ts";

const messageDigit = 0x34;

// biome-ignore lint/suspicious/noExplicitAny: the signature of EventEmitter
type Listener = (...args: any[]) => void;

/**
 * What `ws` makes of an upgrade. It tells its transport by calling it: listeners would be a table for each
 * connection, and a search in it for each message.
 */
export class TransportWebSocket extends WsSocket {
  /** @internal */ transport: WebSocketTransport | undefined = undefined;
  /** @internal Whether somebody has ever listened to its messages. */
  listenedTo = false;

  override on(event: string | symbol, listener: Listener): this {
    if (event === "message") this.listenedTo = true;
    return super.on(event, listener);
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.on(event, listener);
  }

  override prependListener(event: string | symbol, listener: Listener): this {
    if (event === "message") this.listenedTo = true;
    return super.prependListener(event, listener);
  }

  // biome-ignore lint/suspicious/noExplicitAny: the signature of EventEmitter
  override emit(event: string | symbol, ...args: any[]): boolean {
    if (this.transport?.socketEmits(event, args[0], args[1]) !== true) {
      return super.emit(event, ...args);
    }
    if (this.listenerCount(event) > 0) super.emit(event, ...args);
    return true;
  }

  /** Nothing may follow the close frame: the transport sends what waits before it goes out. */
  override close(code?: number, data?: string | Buffer): void {
    if (this.readyState === WsSocket.OPEN) this.transport?.socketCloses();
    super.close(code, data);
  }
}

export interface WebSocketTransportOptions {
  /** Who makes the WebSocket when it is needed, or the one that there is. */
  readonly socket: LateWebSockets | WsSocket;
  /** The upgraded socket, when frames may be written straight to it. Needed to make a WebSocket late. */
  readonly direct: Duplex | undefined;
  /** Whether `ws` has not been given any bytes of that socket. */
  readonly unread: boolean;
  /** The longest message that `ws` takes, in bytes; 0 is no limit. */
  readonly maxMessageBytes: number;
  /** Whether the client cannot take binary frames, and gets bytes as base64 text. */
  readonly base64: boolean;
  /** Messages smaller than this are not compressed, in bytes. */
  readonly compressionThreshold: number;
}

export class WebSocketTransport extends Transport implements EarlyReader, TextReceiver {
  static readonly handlesUpgrades = true;
  /** Undefined until `ws` is needed. */
  #socket: WsSocket | undefined;
  readonly #late: LateWebSockets | undefined;
  readonly #base64: boolean;
  readonly #direct: Duplex | undefined;
  readonly #compressionThreshold: number;
  readonly #maxMessageBytes: number;
  /** Where `ws` stands in the stream, while that is not between two messages. */
  #position: FramePosition | undefined;
  /** True while the network takes no more, until the socket has drained. */
  #blocked = false;

  constructor(options: WebSocketTransportOptions) {
    super();
    const { socket, direct } = options;
    this.#direct = direct;
    this.#base64 = options.base64;
    this.#compressionThreshold = options.compressionThreshold;
    this.#maxMessageBytes = options.maxMessageBytes;
    if (direct !== undefined && options.unread && canReadAhead(direct)) readAhead(direct, this);
    if (socket instanceof LateWebSockets) {
      this.#late = socket;
      if (direct !== undefined) startReading(direct);
      return;
    }
    this.#socket = socket;
    if (socket instanceof TransportWebSocket) socket.transport = this;
    else this.#listen(socket);
  }

  /** The WebSocket itself, as `ws` makes it. */
  get socket(): WsSocket {
    this.#socket ??= this.#joinLate();
    return this.#socket;
  }

  #joinLate(): WsSocket {
    if (this.#late === undefined || this.#direct === undefined) {
      throw new TypeError("there is neither a WebSocket nor a way to make one");
    }
    const socket = this.#late.join(this.#direct);
    socket.transport = this;
    stopReading(this.#direct);
    return socket;
  }

  /** A WebSocket of another engine calls nobody. */
  #listen(socket: WsSocket): void {
    socket.on("message", (data, isBinary) => this.#received(data, isBinary));
    socket.on("close", () => this.onClose());
    socket.on("error", (error) => this.onError(String(error), error));
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

  /** Written directly, it is not ready only where the network was full. */
  override tookWhatWaited(othersWait: boolean): boolean {
    return this.#direct !== undefined || othersWait;
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
    if (!this.#mayWrite(socket)) return;
    const took = sent === undefined ? socket.write(bytes) : socket.write(bytes, () => sent());
    if (took) return;
    this.#blocked = true;
    socket.once("drain", () => this.#unblock());
  }

  #mayWrite(socket: Duplex): boolean {
    return this.#socket === undefined
      ? !socket.destroyed
      : this.#socket.readyState === WsSocket.OPEN;
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
    // A connection that is gone is no reason to begin with `ws`.
    if (this.#socket !== undefined || this.#direct?.destroyed !== true) this.socket.close();
    done();
  }

  override gone(): Promise<void> {
    const stream = this.#direct;
    const isGone = stream?.destroyed ?? this.#socket?.readyState === WsSocket.CLOSED;
    if (isGone) return super.gone();
    return new Promise((resolve) => (stream ?? this.socket).once("close", () => resolve()));
  }

  // `ws` itself waits half a minute for the answer to its close frame.
  override abandon(): void {
    // That of another engine need not have it.
    const socket: { terminate?: () => void } | undefined = this.#socket;
    if (socket === undefined) this.#direct?.destroy();
    else socket.terminate?.();
  }

  /** @internal What `ws` emits. @returns whether it was for the transport. */
  socketEmits(event: string | symbol, value: unknown, isBinary: unknown): boolean {
    switch (event) {
      case "message":
        this.#received(value as RawData, isBinary === true);
        return true;
      case "close":
        this.onClose();
        return true;
      case "error":
        this.onError(String(value), value);
        return true;
      default:
        return false;
    }
  }

  #received(data: RawData, isBinary: boolean): void {
    const bytes = toBuffer(data);
    if (isBinary) this.onPacket({ type: "message", data: bytes });
    else this.textReceived(bytes, 0, bytes.length, false);
  }

  /** @internal Takes whole text frames, while `ws` is waiting for a message. */
  socketRead(chunk: Buffer, from: number, end: number): number {
    if (this.#position !== undefined || !this.#mayTake()) return from;
    return readTextFrames(chunk, from, end, this.#maxMessageBytes, this);
  }

  /** @internal Lets `ws` have what follows, up to the next text frame that may be for us. */
  streamReads(chunk: Buffer, from: number, end: number): number {
    const toText = this.#mayTake();
    this.#socket ??= this.#joinLate();
    const position = this.#position ?? new FramePosition();
    const until = position.follow(chunk, from, end, toText);
    this.#position = position.between ? undefined : position;
    return until;
  }

  /** Whether `ws` is given its bytes at once, and nobody wants to see them but we. */
  #mayTake(): boolean {
    const socket = this.#socket;
    const stream = this.#direct;
    return (
      stream !== undefined &&
      stream.readableFlowing === true &&
      stream.readableLength === 0 &&
      stream.listenerCount("data") === 1 &&
      (socket === undefined ||
        (socket.readyState === WsSocket.OPEN &&
          socket instanceof TransportWebSocket &&
          !socket.listenedTo))
    );
  }

  /** @internal */
  socketEnds(): void {
    this.#socket ??= this.#joinLate();
  }

  /** @internal */
  socketClosed(): void {
    this.onClose();
  }

  /** @internal */
  textReceived(bytes: Buffer, start: number, end: number, ascii: boolean): void {
    if (bytes[start] === messageDigit) {
      const data = bytes.toString(ascii ? "latin1" : "utf8", start + 1, end);
      this.onPacket({ type: "message", data });
      return;
    }
    let packet: EnginePacket;
    try {
      packet = decodePacket(bytes.toString("utf8", start, end));
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
}

/** `ws` hands over a Buffer unless somebody changed its binaryType; a foreign engine may do as it likes. */
function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
