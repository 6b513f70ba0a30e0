/** What a connection tells its client first: Engine.IO protocol 4, "Handshake". */
import { encodeHandshake } from "@holdfast/protocol";
import type { ConnectionServer } from "./connection-ports.ts";

/** What of a connection its handshake depends on. */
interface Opening {
  readonly id: string;
  readonly server: Pick<ConnectionServer, "opts" | "upgrades">;
  readonly transport: { readonly name: string };
}

export function handshakeOf({ id, server, transport }: Opening): string {
  const { opts } = server;
  const enabled: readonly string[] = opts.transports;
  return encodeHandshake({
    sid: id,
    upgrades: server.upgrades(transport.name).filter((name) => enabled.includes(name)),
    pingInterval: opts.pingInterval,
    pingTimeout: opts.pingTimeout,
    maxPayload: opts.maxHttpBufferSize,
  });
}
