/** The connected end of a session: a socket with its connection, as delivery sees it. */

import type { Delivery } from "./delivery/delivery.ts";
import type { PacketRun } from "./delivery/outbox.ts";
import type { OutgoingPacket } from "./delivery/outgoing-packet.ts";
import type { Attached } from "./delivery/receipts.ts";
import type { Session } from "./delivery/session.ts";
import type { SessionLink } from "./delivery/session-link.ts";
import { ServerError } from "./errors.ts";
import { throwLater } from "./host/throw-later.ts";

/** What a link needs of its client. */
export interface LinkedClient {
  deliver(packet: OutgoingPacket, shared: boolean): void;
  deliverAll(run: PacketRun, bytes: number): void;
  readonly unsentBytes: number;
  readonly outboxBytes: number;
  suspected: Session | undefined;
  drained(): void;
  readonly confirms: boolean;
  hasRoom(bytes: number, limit: number): boolean;
  readonly writable: boolean;
  beforeFlush(run: () => void): void;
  awaitDrain(): void;
  requestReceipt(): void;
  requestReceiptNow(): void;
  /** The client can take no more: ends its connection. */
  overflow(error: ServerError): void;
}

export class SocketLink implements SessionLink, Attached {
  readonly delivery: Delivery;
  readonly session: Session;
  readonly #client: LinkedClient;
  readonly #socket: { readonly acks: Map<number, (...args: unknown[]) => void> };

  constructor(
    delivery: Delivery,
    session: Session,
    client: LinkedClient,
    socket: { readonly acks: Map<number, (...args: unknown[]) => void> },
  ) {
    this.delivery = delivery;
    this.session = session;
    this.#client = client;
    this.#socket = socket;
  }

  /** Itself: a receipt counts only while the session is on this connection. */
  get link(): SessionLink {
    return this;
  }

  get writable(): boolean {
    return this.#client.writable;
  }

  get unsentBytes(): number {
    return this.#client.unsentBytes;
  }

  get outboxBytes(): number {
    return this.#client.outboxBytes;
  }

  get confirms(): boolean {
    return this.#client.confirms;
  }

  get suspected(): Session | undefined {
    return this.#client.suspected;
  }

  set suspected(session: Session | undefined) {
    this.#client.suspected = session;
  }

  drained(): void {
    this.#client.drained();
  }

  hasRoom(bytes: number): boolean {
    return this.#client.hasRoom(bytes, this.delivery.options.highWaterBytes);
  }

  deliver(packet: OutgoingPacket, shared: boolean): void {
    this.#client.deliver(packet, shared);
  }

  deliverAll(run: PacketRun, bytes: number): void {
    this.#client.deliverAll(run, bytes);
  }

  beforeFlush(run: () => void): void {
    this.#client.beforeFlush(run);
  }

  awaitDrain(): void {
    this.#client.awaitDrain();
  }

  requestReceipt(): void {
    this.#client.requestReceipt();
  }

  requestReceiptNow(): void {
    this.#client.requestReceiptNow();
  }

  awaitAck(id: number, ack: (...args: unknown[]) => void): void {
    this.#socket.acks.set(id, ack);
  }

  /** Called while events are handed over: what the application does at the end of a connection must not end that, too. */
  overflow(detail: string): void {
    throwLater(() => this.#client.overflow(new ServerError("HF_OUTBOX_FULL", detail)));
  }
}
