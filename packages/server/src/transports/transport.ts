/**
 * The transport seam: how packets of one connection reach the network, and how they come back.
 *
 * A transport knows packets and bytes. It knows nothing of namespaces, of sessions, or of what else
 * the connection does. It reports to one receiver, given at any time by assigning `receiver`; it is
 * an EventEmitter besides only because Socket.IO's API shows it (`socket.conn.transport`).
 */
import type { EnginePacket, ProtocolError } from "@holdfast/protocol";
import type { OutboxNode } from "../delivery/outbox.ts";
import type { ServerError } from "../errors.ts";
import { ObservedEmitter } from "../observed-emitter.ts";
import type { EngineRequest } from "./request.ts";

export type TransportName = "polling" | "websocket" | "webtransport";

/** `closing` while bytes are still on their way out after `close()`. */
export type TransportState = "open" | "closing" | "closed";

/** What a transport tells its connection. */
export interface TransportReceiver {
  received(packet: EnginePacket): void;
  /** The transport can take packets (again). */
  ready(): void;
  failed(error: Error): void;
  /** Something of the client was refused, and is to be counted. The connection goes on. */
  refused(error: ServerError): void;
  /** The client sent what is no packet. */
  malformed(error: ProtocolError): void;
  /** The other side is gone. Follows at most once; not after the connection itself closed the transport. */
  closed(): void;
  /** Whether packets of this connection wait to be handed to the transport. */
  readonly hasPending: boolean;
  /** Lets listeners of the engine add headers to an HTTP response. */
  addHeaders(headers: Record<string, string | string[]>, request: EngineRequest): void;
}

export abstract class Transport extends ObservedEmitter {
  /** The transports that a connection on this one may move to. */
  static upgradesTo: string[] = [];

  abstract get name(): TransportName;
  /** The id of the connection, once it is known. */
  sid: string | undefined;
  readyState: TransportState = "open";
  /** @internal */ receiver: TransportReceiver | undefined;
  protected discarded = false;
  /** Nobody receives any more: what is still on its way is owed to no one. */
  protected detached = false;

  /** The Engine.IO protocol revision; only 4 is spoken. */
  get protocol(): number {
    return 4;
  }

  /** Whether packets can be handed over now. */
  abstract get ready(): boolean;
  /** Hands over what waits. Only call it while `ready`. `sent` runs when the network has it all. */
  abstract sendPending(pending: OutboxNode, sent: (() => void) | undefined): void;
  /**
   * Whether it is ready again because the network has taken what had to wait for it: then something at the other end lives.
   *
   * @param othersWait whether more has come meanwhile. What is told of when it is done, be it at once, has waited only then.
   */
  tookWhatWaited(othersWait: boolean): boolean {
    return othersWait && this.name !== "polling";
  }

  /** Sends single packets past the outbox, for the upgrade dance. Only call it while `ready`. */
  abstract send(packets: readonly EnginePacket[]): void;
  /** Ends the transport; `done` runs when nothing more can be sent. */
  protected abstract doClose(done: () => void): void;

  /** Whether a packet enqueued now would leave at once: volatile packets are dropped when it is false. */
  get writable(): boolean {
    return this.ready && this.receiver?.hasPending !== true;
  }

  /** Bytes that were handed over and that the network has not taken yet. */
  get unsentBytes(): number {
    return 0;
  }

  /** Handles an HTTP request of this connection. Only long-polling has any. */
  onRequest(_request: EngineRequest): void {}

  /** Ends the transport once. */
  close(done?: () => void): void {
    if (this.readyState !== "open") return;
    this.readyState = "closing";
    this.doClose(done ?? ignore);
  }

  /** @internal Resolves when the network connection is gone that was its own. The client ends it, too, and may be silent. */
  gone(): Promise<void> {
    return Promise.resolve();
  }

  /** @internal Waits no longer for the client, after `close()`. */
  abandon(): void {}

  /** @internal Tells the receiver nothing more; the headers of the last response are still asked for. */
  detach(): void {
    this.detached = true;
  }

  /** Says that the transport has been replaced and owes its client nothing more. */
  discard(): void {
    this.discarded = true;
  }

  protected onPacket(packet: EnginePacket): void {
    if (this.observed) this.emit("packet", packet);
    if (!this.detached) this.receiver?.received(packet);
  }

  protected onMalformed(error: ProtocolError): void {
    if (!this.detached) this.receiver?.malformed(error);
  }

  protected onReady(): void {
    if (this.observed) this.emit("ready");
    if (!this.detached) this.receiver?.ready();
  }

  protected onError(message: string, description?: unknown): void {
    const error = Object.assign(new Error(message), { type: "TransportError", description });
    if (this.listenerCount("error") > 0) this.emit("error", error);
    if (!this.detached) this.receiver?.failed(error);
  }

  protected onClose(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    if (this.observed) this.emit("close");
    if (!this.detached) this.receiver?.closed();
  }
}

/** The same bytes as a Buffer, which is what applications on Node expect of binary data. */
export function asBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The packet with its bytes, if it has any, as a Buffer. */
export function withBuffer(packet: EnginePacket): EnginePacket {
  if (typeof packet.data === "string" || packet.data === undefined) return packet;
  return { type: "message", data: asBuffer(packet.data) };
}

function ignore(): void {}
