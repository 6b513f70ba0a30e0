/**
 * The end of a server that another takes over from: `io.drain()`. Clients are told, and go one after the other, so that
 * they do not all come to the others at once; what they publish meanwhile is taken; in the end nothing is in flight.
 */
import { PacketType } from "@holdfast/protocol";
import createDebug from "debug";
import { Client } from "./client.ts";
import { drainingEvent } from "./delivery/marker.ts";
import { BaseEngine } from "./engine/base-engine.ts";
import { Connection } from "./engine/connection.ts";
import { abandonSilent } from "./engine/silent-clients.ts";
import { ServerError } from "./errors.ts";
import { atMost } from "./host/at-most.ts";
import type { Host } from "./host/host.ts";
import type { Server } from "./server.ts";
import type { SessionKeeper } from "./session-keeper.ts";

const debug = createDebug("holdfast:drain");

export interface DrainOptions {
  /** The time in which clients are sent away: milliseconds, or a string like "30s". Default "10s". */
  over?: number | string;
}

/** What clients are told with `hf:draining`. */
interface DrainingNotice {
  /** Within so many milliseconds the connection will be closed. */
  readonly over: number;
}

/** How long a connection may take to close, its client to end it, and a handler with `once` to answer, after that time. */
const graceMs = 1000;

// biome-ignore lint/suspicious/noExplicitAny: servers of whatever event maps
type AnyServer = Server<any, any, any, any>;

/** Resolves when all clients have gone and everything is committed; bounded by `overMs` and a little more. */
export async function drain(server: AnyServer, overMs: number): Promise<void> {
  const { engine, _host: host } = server;
  debug("draining over %d ms", overMs);
  if (engine instanceof BaseEngine) engine.refuseHandshakes(Math.max(1, Math.ceil(overMs / 1000)));
  tellClients(server, { over: overMs });
  // What was emitted before comes first, and that may be on its way to the disk; and then the position after it.
  await atMost(host, graceMs, Promise.all(keepersOf(server).map(haveGot)));
  await new Promise<void>((resolve) => host.afterTurn(resolve));
  await sendAway(connectionsOf(server), overMs, host);
  const answered = keepersOf(server).map((keeper) => keeper.onceCalls.idle());
  await atMost(host, graceMs, Promise.all(answered));
  // Those that were made meanwhile, too; and those that are made from now on.
  const keepers = keepersOf(server);
  server._refusal = new ServerError("HF_DRAINING");
  for (const keeper of keepers) keeper.adapter.refusal = server._refusal;
  await Promise.all(keepers.map(finish));
  debug("drained");
}

function keepersOf(server: AnyServer): SessionKeeper[] {
  return [...server._nsps.values()].flatMap(({ _keeper }) => _keeper ?? []);
}

function connectionsOf({ engine }: AnyServer): Connection[] {
  if (!(engine instanceof BaseEngine)) return [];
  return Object.values(engine.clients).filter((conn) => conn instanceof Connection);
}

function tellClients(server: AnyServer, notice: DrainingNotice): void {
  for (const namespace of server._nsps.values()) {
    for (const socket of namespace.sockets.values()) {
      const packet = { type: PacketType.EVENT, data: [drainingEvent, notice] };
      socket.packet(packet, { transient: true });
    }
  }
}

/** Resolves when all that was sent to the clients so far has been handed to their connections. */
async function haveGot({ delivery }: SessionKeeper): Promise<void> {
  await Promise.all([...delivery.sessions.connected].map((session) => delivery.settled(session)));
}

/** Closes the connections, evenly over the time. Stock clients come back, to whoever takes them. */
async function sendAway(
  connections: readonly Connection[],
  overMs: number,
  host: Host,
): Promise<void> {
  const allGone = Promise.all(connections.map(gone));
  const startMs = host.monotonicMs();
  for (const [index, connection] of connections.entries()) {
    const waitMs = startMs + (overMs * index) / connections.length - host.monotonicMs();
    if (waitMs >= 1) await atMost(host, waitMs, allGone);
    if (connection.receiver instanceof Client) connection.receiver.close();
    else connection.close();
  }
  await atMost(host, graceMs, allGone);
  for (const connection of connections) connection.close(true);
  await abandonSilent(host, graceMs, connections);
}

function gone(connection: Connection): Promise<void> {
  if (connection.readyState === "closed") return Promise.resolve();
  return new Promise((resolve) => connection.once("close", () => resolve()));
}

/** Stores what is only in memory yet, and waits for all that is in flight. */
async function finish(keeper: SessionKeeper): Promise<void> {
  try {
    await keeper.delivery.ready;
    keeper.flush();
    // It is committed after everything before it.
    await keeper.delivery.change({ type: "receipts", receipts: [] });
  } catch (error) {
    debug("the store does not commit any more: %s", error);
  }
}
