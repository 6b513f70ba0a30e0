/**
 * How much goes into one long-polling payload of a connection whose sessions are kept. Without a store it is the
 * application's own burst, as in Socket.IO; with one a client that was away gets what it missed, and one that cannot take
 * that would come back to the same payload for ever. The rest waits for the next request.
 *
 * python-socketio takes a payload of more than 16 packets for an attack and ends the connection: the limit of all who are
 * not known to take any number. And a payload arrives whole or not at all: over a slow link that breaks soon, none that
 * is large.
 */
import type { OutboxNode } from "../delivery/outbox.ts";

/** One less than the 16 of python-engineio: a close may follow in the same payload. */
export const payloadPacketsMax = 15;

const payloadBytesMax = 64 * 1024;

/** Browsers, Node, Deno, Bun, and the clients in Java and Kotlin. */
const takesAnyNumber = /^(?:Mozilla\/|node$|node-XMLHttpRequest|Deno\/|Bun\/|okhttp\/)/;

export interface SplitPayload {
  readonly now: OutboxNode;
  readonly later: OutboxNode | undefined;
}

/** What decides whether a payload is limited. */
export interface SplitFor {
  readonly transport: { readonly name: string };
  /** Its first request. */
  readonly request: { readonly headers: { readonly "user-agent"?: string | undefined } };
  /** There when the connection has sessions that are kept. */
  readonly pings: unknown;
  readonly server: { readonly turn: { readonly root: OutboxNode } };
}

/** Never parts a packet from its attachments: there are at most ten. */
export function splitPayload(pending: OutboxNode, connection: SplitFor): SplitPayload {
  if (connection.transport.name !== "polling" || connection.pings === undefined) {
    return { now: pending, later: undefined };
  }
  const known = takesAnyNumber.test(connection.request.headers["user-agent"] ?? "");
  if (known && pending.size <= payloadBytesMax) return { now: pending, later: undefined };
  const countMax = known ? Number.POSITIVE_INFINITY : payloadPacketsMax;
  const packets = pending.packets();
  let count = 0;
  let bytes = 0;
  let taken = 0;
  for (const { attachments, size } of packets) {
    count += 1 + (attachments?.length ?? 0);
    bytes += size;
    if (taken > 0 && (count > countMax || bytes > payloadBytesMax)) break;
    taken++;
  }
  if (taken === packets.length) return { now: pending, later: undefined };
  const { root } = connection.server.turn;
  return {
    now: packets.slice(0, taken).reduce((node, packet) => node.alone(packet), root),
    later: packets.slice(taken).reduce((node, packet) => node.alone(packet), root),
  };
}
