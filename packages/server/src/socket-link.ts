/** The connected end of a session: a socket with its connection, as delivery sees it. */

import type { Delivery } from "./delivery/delivery.ts";
import type { FlushListener, PacketRun } from "./delivery/outbox.ts";
import type { OutgoingPacket } from "./delivery/outgoing-packet.ts";
import type { Attached } from "./delivery/receipts.ts";
import type { Session } from "./delivery/session.ts";
import type { SessionLink } from "./delivery/session-link.ts";
import type { Connection } from "./engine/connection.ts";
import { ServerError } from "./errors.ts";
import { throwLater } from "./host/throw-later.ts";

/** What a link needs of the connection itself, which it goes to past the client: this comes for each delivery. */
export type LinkedConnection = Pick<
  Connection,
  "enqueue" | "enqueueShared" | "hasRoom" | "unsentBytes" | "tellDrained" | "quietTurns"
> & {
  readonly transport: { readonly unsentBytes: number };
  readonly server: { readonly turn: { tell(listener: FlushListener): void } };
};

/** What a link needs of its client. */
export interface LinkedClient {
  /** Undefined with another engine, whose sessions have receipts only from their clients. */
  readonly connection: LinkedConnection | undefined;
  /** To the connection of another engine. */
  deliver(packet: OutgoingPacket): void;
  afterTurn(run: () => void): void;
  suspected: Session | undefined;
  drained(): void;
  readonly confirms: boolean;
  readonly writable: boolean;
  requestReceipt(): void;
  requestReceiptNow(): void;
  /** The client can take no more: ends its connection. */
  overflow(error: ServerError): void;
}

export class SocketLink implements SessionLink, Attached, FlushListener {
  readonly delivery: Delivery;
  readonly session: Session;
  readonly #connection: LinkedConnection | undefined;
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
    this.#connection = client.connection;
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
    return this.#connection?.unsentBytes ?? 0;
  }

  get outboxBytes(): number {
    return this.unsentBytes - (this.#connection?.transport.unsentBytes ?? 0);
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
    const connection = this.#connection;
    return (
      connection === undefined || connection.hasRoom(bytes, this.delivery.options.highWaterBytes)
    );
  }

  deliver(packet: OutgoingPacket, shared: boolean): void {
    if (this.#connection === undefined) this.#client.deliver(packet);
    else this.#connection.enqueue(packet, shared);
  }

  deliverAll(run: PacketRun): void {
    if (this.#connection !== undefined) this.#connection.enqueueShared(run);
    else for (const packet of run.packets) this.#client.deliver(packet);
  }

  awaitFlush(): void {
    if (this.#connection !== undefined) this.#connection.server.turn.tell(this);
    else this.#client.afterTurn(() => this.beforeFlush());
  }

  beforeFlush(): void {
    this.delivery.flushes(this.session, this);
  }

  awaitDrain(): void {
    if (this.#connection !== undefined) this.#connection.tellDrained = true;
  }

  requestReceipt(): void {
    const connection = this.#connection;
    if (connection !== undefined && connection.quietTurns > 0) connection.quietTurns--;
    else this.#client.requestReceipt();
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
