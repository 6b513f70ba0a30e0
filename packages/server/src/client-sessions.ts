/** What a connection is to the sessions of its sockets, together: what proves that their packets arrived, and its end. */
import type { Client } from "./client.ts";
import type { OutgoingPacket } from "./delivery/outgoing-packet.ts";
import { type Attached, ReceiptLedger } from "./delivery/receipts.ts";
import type { Session } from "./delivery/session.ts";
import { Connection } from "./engine/connection.ts";
import type { ServerError } from "./errors.ts";
import type { LinkedClient } from "./socket-link.ts";
import { parseDuration, refuse } from "./units.ts";

/** As often as receipts are stored. Nobody is asked more seldom because of others. */
const receiptIntervalMsMax = 1000;
const receiptTurns = 64;
/** Seldom enough to cost nothing: each is a packet to read. With more clients each is asked less often. */
const receiptsPerSecond = 2000;

/**
 * In multiples of what it is for few clients, so that there are few different ones.
 *
 * @param fewMs what it is for few
 */
export function receiptInterval(clients: number, fewMs: number): number {
  const neededMs = (clients / receiptsPerSecond) * 1000;
  const times = Math.max(1, Math.ceil(neededMs / fewMs));
  return Math.max(fewMs, Math.min(receiptIntervalMsMax, times * fewMs));
}

/** The option `receiptInterval`, in milliseconds. @throws ServerError HF_OPTION_INVALID */
export function parseReceiptInterval(value: number | string): number {
  const ms = parseDuration("receiptInterval", value);
  // Less is each turn, more is as if there were none, and more than timers can wait.
  if (ms < 10 || ms > 60_000) refuse("receiptInterval", value, "10 milliseconds to a minute");
  return ms;
}

export class ClientSessions implements LinkedClient {
  readonly #client: Client;
  readonly connection: Connection | undefined;
  readonly #receipts: ReceiptLedger | undefined;
  /** Those of sockets that were sent away: what was emitted to them before is still to go out. */
  readonly leaving = new Set<Attached>();
  suspected: Session | undefined;

  constructor(client: Client) {
    this.#client = client;
    const { conn, server } = client;
    if (!(conn instanceof Connection)) return;
    this.connection = conn;
    const { _receiptIntervalMs: fewMs } = server;
    this.#receipts = new ReceiptLedger(
      {
        ping: () => conn.ping(),
        pingsUnanswered: conn.pingsUnanswered,
        attached: () => client.attached(),
        monotonicMs: () => server._host.monotonicMs(),
        counted: conn,
      },
      server._wheel,
      { intervalMs: () => receiptInterval(conn.server.clientsCount, fewMs), turns: receiptTurns },
    );
    conn.pings = this.#receipts;
  }

  get writable(): boolean {
    return this.#client.conn.transport.writable;
  }

  get confirms(): boolean {
    return this.#receipts !== undefined;
  }

  /** To the connection of another engine. */
  deliver(packet: OutgoingPacket): void {
    this.#client.deliver(packet, false);
  }

  afterTurn(run: () => void): void {
    this.#client.server._host.afterTurn(run);
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
