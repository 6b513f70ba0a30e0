/**
 * Clients that do not end a connection which has been closed: a phone without a network, and libraries that wait for the
 * server. An HTTP server that closes waits for each of them, and `ws` does so for half a minute.
 */
import { atMost } from "../host/at-most.ts";
import type { Host } from "../host/host.ts";
import type { Transport } from "../transports/transport.ts";

/** Resolves when all of them have ended, at the latest after the time: no one is waited for then. */
export async function abandonSilent(
  host: Host,
  waitMs: number,
  closed: readonly { readonly transport: Transport }[],
): Promise<void> {
  const transports = closed.map(({ transport }) => transport);
  await atMost(host, waitMs, Promise.all(transports.map((transport) => transport.gone())));
  for (const transport of transports) transport.abandon();
}
