/**
 * A link goes to the connection itself, past the client. Goal: the ledger of receipts is told of a turn exactly when the
 * connection has no quiet ones left. Method: a connection and a client that count.
 */
import { expect, it } from "vitest";
import type { Delivery } from "./delivery/delivery.ts";
import type { FlushListener } from "./delivery/outbox.ts";
import { OutgoingPacket } from "./delivery/outgoing-packet.ts";
import { Session } from "./delivery/session.ts";
import { type LinkedClient, type LinkedConnection, SocketLink } from "./socket-link.ts";

const packet = new OutgoingPacket("message", "2");

function stage(ofOurs: boolean) {
  const calls: string[] = [];
  const listeners: FlushListener[] = [];
  const connection: LinkedConnection = {
    enqueue: (_packet, shared) => void calls.push(shared ? "shared" : "alone"),
    enqueueShared: () => void calls.push("run"),
    hasRoom: (bytes, limit) => bytes <= limit,
    unsentBytes: 30,
    transport: { unsentBytes: 10 },
    server: { turn: { tell: (listener) => void listeners.push(listener) } },
    tellDrained: false,
    quietTurns: 0,
  };
  const client: LinkedClient = {
    connection: ofOurs ? connection : undefined,
    deliver: () => void calls.push("client"),
    afterTurn: (run) => void listeners.push({ beforeFlush: run }),
    suspected: undefined,
    drained: () => {},
    confirms: true,
    writable: true,
    requestReceipt: () => void calls.push("receipt"),
    requestReceiptNow: () => {},
    overflow: () => {},
  };
  const flushes = (of: Session) => void calls.push(`flushes ${of.key}`);
  const delivery = { flushes, options: { highWaterBytes: 100 } } as unknown as Delivery;
  const session = new Session("key", "pid", "id", undefined, 0);
  const link = new SocketLink(delivery, session, client, { acks: new Map() });
  return { link, connection, calls, listeners };
}

it("tells the ledger of a turn when no quiet ones are left", () => {
  const { link, connection, calls } = stage(true);
  link.requestReceipt();
  connection.quietTurns = 2;
  for (let turn = 0; turn < 3; turn++) link.requestReceipt();
  expect(connection.quietTurns).toBe(0);
  expect(calls).toEqual(["receipt", "receipt"]);
});

it("gives packets to the connection, and what waits is what it says", () => {
  const { link, calls, connection } = stage(true);
  link.deliver(packet, true);
  link.deliver(packet, false);
  expect(calls).toEqual(["shared", "alone"]);
  expect([link.unsentBytes, link.outboxBytes]).toEqual([30, 20]);
  expect([link.hasRoom(100), link.hasRoom(101)]).toEqual([true, false]);
  link.awaitDrain();
  expect(connection.tellDrained).toBe(true);
});

it.each([true, false])(
  "tells delivery before the flush, with a connection of ours: %s",
  (ofOurs) => {
    const { link, calls, listeners } = stage(ofOurs);
    link.awaitFlush();
    expect(calls).toEqual([]);
    for (const listener of listeners) listener.beforeFlush();
    expect(calls).toEqual(["flushes key"]);
  },
);

it("gives packets to the client of another engine, which has room for all", () => {
  const { link, calls } = stage(false);
  link.deliver(packet, true);
  expect(link.hasRoom(1_000_000)).toBe(true);
  expect([link.unsentBytes, link.outboxBytes]).toEqual([0, 0]);
  link.requestReceipt();
  expect(calls).toEqual(["client", "receipt"]);
});
