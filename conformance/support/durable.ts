/** What tests of servers with a store share. */
import type { Server, Socket } from "holdfast";
import type { Socket as StockSocket } from "socket.io-client";
import { type ClientOptions, inside, next, nextSocket } from "./clients.ts";
import { within } from "./within.ts";

/**
 * Waits until the client has received everything that was emitted to its socket so far, and has been told that it
 * has: from here on nothing of it may come again. What has not come by then was not sent.
 */
export async function marked(socket: Socket, client: StockSocket): Promise<void> {
  const told = new Promise<void>((resolve) => {
    let fenced = false;
    const listen = (event: string) => {
      if (event === "test fence") fenced = true;
      if (event !== "hf:position" || !fenced) return;
      client.offAny(listen);
      resolve();
    };
    client.onAny(listen);
  });
  // It ends in a string, so that a position must follow; it is not stored, so that it never comes again.
  socket.transient.emit("test fence", "text");
  await within(told, "the client to have everything");
}

/** Reconnects at once. */
export const reconnecting: ClientOptions = {
  reconnection: true,
  reconnectionDelay: 1,
  reconnectionDelayMax: 5,
};

/** Cuts the connection of a client without a word. */
export function cut(client: StockSocket): void {
  inside<{ io: { engine: { close(): void } } }>(client).io.engine.close();
}

/** Cuts, lets `meanwhile` happen while the client is away, and waits until it is back. */
export async function away(
  io: Server,
  client: StockSocket,
  meanwhile: () => unknown,
): Promise<Socket> {
  const gone = next(io.sockets.sockets.get(client.id ?? ""), "disconnect");
  client.io.reconnection(false);
  cut(client);
  await gone;
  await meanwhile();
  client.io.reconnection(true);
  const back = nextSocket(io);
  const connected = next(client, "connect");
  client.connect();
  const [socket] = await Promise.all([back, connected]);
  return socket;
}

export function numbers(calls: unknown[][]): unknown[] {
  return calls.map(([value]) => value);
}
