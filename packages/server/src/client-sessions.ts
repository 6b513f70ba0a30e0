/** What a connection is to the sessions of its sockets: where their packets go, and what proves that they arrived. */
import type { Client } from "./client.ts";
import type { PacketRun } from "./delivery/outbox.ts";
import type { OutgoingPacket } from "./delivery/outgoing-packet.ts";
import { type Attached, ReceiptLedger } from "./delivery/receipts.ts";
import type { Session } from "./delivery/session.ts";
import { Connection } from "./engine/connection.ts";
import type { ServerError } from "./errors.ts";
import type { LinkedClient } from "./socket-link.ts";

/** Often enough for what an application shows of deliveries. */
const receiptIntervalMs = 100;
/** As often as receipts are stored. */
const receiptIntervalMsMax = 1000;
const receiptTurns = 64;
/** Seldom enough to cost nothing: each is a packet to read. With more clients each is asked less often. */
const receiptsPerSecond = 2000;

/** In whole tenths of a second, so that there are few different ones. */
export function receiptInterval(clients: number): number {
  const tenths = Math.ceil(((clients / receiptsPerSecond) * 1000) / receiptIntervalMs);
  return Math.min(receiptIntervalMsMax, Math.max(1, tenths) * receiptIntervalMs);
}

export class ClientSessions implements LinkedClient {
  readonly #client: Client;
  /** Undefined on the connection of another engine, whose sessions have receipts only from their clients. */
  readonly #conn: Connection | undefined;
  readonly #receipts: ReceiptLedger | undefined;
  /** Those of sockets that were sent away: what was emitted to them before is still to go out. */
  readonly leaving = new Set<Attached>();
  suspected: Session | undefined;
  /** So many bytes were found to have room, less what was put into the outbox since then. */
  #room = 0;

  constructor(client: Client) {
    this.#client = client;
    const { conn, server } = client;
    if (!(conn instanceof Connection)) return;
    this.#conn = conn;
    this.#receipts = new ReceiptLedger(
      {
        ping: () => conn.ping(),
        pingsUnanswered: conn.pingsUnanswered,
        attached: () => client.attached(),
        monotonicMs: () => server._host.monotonicMs(),
      },
      server._wheel,
      { intervalMs: () => receiptInterval(conn.server.clientsCount), turns: receiptTurns },
    );
    conn.pings = this.#receipts;
  }

  get writable(): boolean {
    return this.#client.conn.transport.writable;
  }

  get unsentBytes(): number {
    return this.#conn?.unsentBytes ?? 0;
  }

  get confirms(): boolean {
    return this.#receipts !== undefined;
  }

  get outboxBytes(): number {
    return this.unsentBytes - (this.#conn?.transport.unsentBytes ?? 0);
  }

  /**
   * Whether a packet may be sent so that no more than `limit` bytes wait. One that is larger may wait alone. This is
   * asked for each packet, so it looks only when what it saw the last time may be used up.
   */
  hasRoom(bytes: number, limit: number): boolean {
    if (bytes <= this.#room || this.#conn === undefined) return true;
    const { unsentBytes, transport } = this.#conn;
    this.#room = limit - unsentBytes;
    return bytes <= this.#room || (transport.ready && unsentBytes === transport.unsentBytes);
  }

  /** Something was put into the outbox. */
  enqueued(bytes: number): void {
    if (this.#room > 0) this.#room -= bytes;
  }

  /** As the client does it, without a look at the client: this comes for each delivery of a durable event. */
  deliver(packet: OutgoingPacket, shared: boolean): void {
    if (this.#conn === undefined) {
      this.#client.deliver(packet, shared);
      return;
    }
    this.enqueued(packet.size);
    this.#conn.enqueue(packet, shared);
  }

  deliverAll(run: PacketRun, bytes: number): void {
    if (this.#conn === undefined) {
      for (const packet of run.packets) this.#client.deliver(packet, true);
      return;
    }
    this.enqueued(bytes);
    this.#conn.enqueueShared(run);
  }

  beforeFlush(run: () => void): void {
    if (this.#conn === undefined) this.#client.server._host.afterTurn(run);
    else this.#conn.server.turn.beforeEnd(run);
  }

  awaitDrain(): void {
    if (this.#conn !== undefined) this.#conn.tellDrained = true;
  }

  drained(): void {
    for (const { delivery, session } of this.#client.attached()) delivery.catchUp.drained(session);
  }

  requestReceipt(): void {
    this.#receipts?.request();
  }

  requestReceiptNow(): void {
    this.#receipts?.requestNow();
  }

  /** Resolves with whether the client answers within the time. One that cannot be asked does. */
  probe(waitMs: number): Promise<boolean> {
    return this.#receipts?.probe(waitMs) ?? Promise.resolve(true);
  }

  /** When it answered last. One that cannot be asked is always there. */
  get answeredMs(): number {
    return this.#receipts?.answeredMs ?? Number.POSITIVE_INFINITY;
  }

  overflow(error: ServerError): void {
    this.#client._abort("transport error", error);
  }

  /** A socket was sent away: its session stays on the connection until what was emitted before is out. */
  leaves(link: Attached): void {
    this.leaving.add(link);
    link.delivery.followAct(link.session, () => this.#left(link));
  }

  #left(left: Attached): void {
    const { delivery, session, link } = left;
    this.leaving.delete(left);
    if (session.link === link) delivery.detach(session);
  }

  stop(): void {
    this.#receipts?.stop();
    for (const link of this.leaving) this.#left(link);
  }
}
