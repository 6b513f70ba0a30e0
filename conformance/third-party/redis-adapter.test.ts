/**
 * npm @socket.io/redis-adapter, classic and sharded, and @socket.io/redis-emitter: two servers that share a real
 * Redis. Goal: every operation of the adapter contract crosses servers, and a broadcast that comes from there is
 * one packet for all who get it.
 */
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import type { Socket } from "holdfast";
import type { Socket as StockSocket } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  collect,
  hearing,
  inside,
  next,
  pair,
  pairs,
  type Running,
  start,
  until,
} from "../support/clients.ts";
import { leftOut } from "../support/needs.ts";
import { targetName } from "../support/target.ts";
import { expectTarget } from "./ours.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

const kinds = ["classic", "sharded", "sharded, dynamic"] as const;
type Kind = (typeof kinds)[number];

let redis: RedisServer;
const withoutRedis = leftOut("redis");
beforeAll(async () => {
  if (!withoutRedis) redis = await startRedis();
});
afterAll(() => (withoutRedis ? undefined : redis.stop()));

let prefixes = 0;
function newPrefix(): string {
  return `test-${prefixes++}`;
}

async function startOn(kind: Kind, prefix: string): Promise<Running> {
  const publisher = await redis.client();
  const subscriber = await redis.client();
  const adapter =
    kind === "classic"
      ? createAdapter(publisher, subscriber, { key: prefix, requestsTimeout: 3000 })
      : createShardedAdapter(publisher, subscriber, {
          channelPrefix: prefix,
          subscriptionMode: kind === "sharded" ? "static" : "dynamic",
        });
  const server = await start({ adapter });
  expectTarget(server.io);
  return server;
}

async function two(kind: Kind, prefix = newPrefix()): Promise<[Running, Running]> {
  const both: [Running, Running] = [await startOn(kind, prefix), await startOn(kind, prefix)];
  await until2(async () => (await both[0].io.sockets.adapter.serverCount()) === 2);
  await until2(async () => (await both[1].io.sockets.adapter.serverCount()) === 2);
  return both;
}

/** As `until`, for a condition that takes a while itself. */
async function until2(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) if (await condition()) return;
  throw new Error("the servers did not find each other");
}

type Pair = [Socket, StockSocket];

/** One client on each server. */
async function twoWithClients(kind: Kind): Promise<[Running, Running, Pair, Pair]> {
  const [a, b] = await two(kind);
  return [a, b, await pair(a), await pair(b)];
}

describe.skipIf(leftOut("redis")).each(kinds)("the Redis adapter, %s", (kind) => {
  it("broadcasts across servers, with bytes, rooms and exceptions", async () => {
    const [a, b, [socketA, clientA], [socketB, clientB]] = await twoWithClients(kind);
    await socketB.join("room");
    await socketA.join("other");
    const heardA = collect(clientA, "news");
    const heardB = collect(clientB, "news");

    const first = next(clientB, "news");
    a.io.emit("news", "all", Buffer.from([1, 2]), { deep: ["é"] });
    expect(await first).toEqual(["all", Buffer.from([1, 2]), { deep: ["é"] }]);
    const second = next(clientB, "news");
    a.io.to("room").emit("news", "room");
    expect(await second).toEqual(["room"]);
    const third = next(clientB, "news");
    socketA.broadcast.emit("news", "not to A");
    expect(await third).toEqual(["not to A"]);
    b.io.local.emit("news", "local");
    const fourth = next(clientA, "news");
    b.io.except("room").emit("news", "not to the room");
    expect(await fourth).toEqual(["not to the room"]);

    expect(heardA.map(([what]) => what)).toEqual(["all", "not to the room"]);
    await until(() => heardB.length === 4, "B has heard all");
    expect(heardB.map(([what]) => what).sort()).toEqual(["all", "local", "not to A", "room"]);
  });

  it("collects the acknowledgements of all servers", async () => {
    const [a, , [, clientA], [, clientB]] = await twoWithClients(kind);
    clientA.on("ask", (_n: number, reply: (answer: string) => void) => reply("A"));
    clientB.on("ask", (_n: number, reply: (answer: Buffer) => void) => reply(Buffer.from("B")));
    const answers = (await a.io.timeout(3000).emitWithAck("ask", 1)) as unknown[];
    expect(answers).toHaveLength(2);
    expect(answers).toEqual(expect.arrayContaining(["A", Buffer.from("B")]));

    clientB.off("ask");
    const error = await a.io
      .timeout(200)
      .emitWithAck("ask", 1)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: "operation has timed out", responses: ["A"] });
  });

  it("finds, moves and disconnects sockets of the other server", async () => {
    const [a, b, , [socketB, clientB]] = await twoWithClients(kind);
    socketB.data = { name: "bee" };
    a.io.in(socketB.id).socketsJoin("moved");
    await until(() => socketB.rooms.has("moved"), "B joined");
    const [found] = await a.io.in("moved").fetchSockets();
    expect(found).toMatchObject({ id: socketB.id, data: { name: "bee" } });
    expect([...(found?.rooms ?? [])]).toContain("moved");
    expect(found?.handshake.issued).toBe(socketB.handshake.issued);
    expect((await a.io.fetchSockets()).length).toBe(2);

    clientB.on("only you?", (reply: (answer: string) => void) => reply("yes"));
    expect(await found?.timeout(3000).emitWithAck("only you?")).toBe("yes");

    a.io.in("moved").socketsLeave("moved");
    await until(() => !socketB.rooms.has("moved"), "B left");
    const gone = next(clientB, "disconnect");
    a.io.in(socketB.id).disconnectSockets(true);
    expect((await gone)[0]).toMatch(/^(io server disconnect|transport close)$/);
    await until(() => b.io.sockets.sockets.size === 0, "the socket is gone");
  });

  it("lets servers talk to each other", async () => {
    const [a, b] = await two(kind);
    const heard = next(b.io, "hello");
    a.io.serverSideEmit("hello", "from A", 1);
    expect(await heard).toEqual(["from A", 1]);
    b.io.on("sum", (x: number, y: number, reply: (sum: number) => void) => reply(x + y));
    expect(await a.io.serverSideEmitWithAck("sum", 1, 2)).toEqual([3]);
  });

  it("works in other namespaces, those that come later among them", async () => {
    const [a, b] = await two(kind);
    a.io.of(/^\/dynamic-\d$/);
    b.io.of(/^\/dynamic-\d$/);
    const onA = await pair(a, "/dynamic-1");
    const onB = await pair(b, "/dynamic-1");
    await until2(async () => (await a.io.of("/dynamic-1").adapter.serverCount()) === 2);
    const heard = next(onB[1], "news");
    onA[0].broadcast.emit("news", 1);
    expect(await heard).toEqual([1]);
  });

  it.runIf(targetName === "holdfast")("shares one packet among all who get it", async () => {
    const [a, b] = await two(kind);
    const all = await pairs(b, 8);
    const [ownSocket, ownClient] = await pair(a);
    const packets = new Map<string, unknown[]>();
    for (const [socket] of [...all, [ownSocket, ownClient] as const]) {
      const list: unknown[] = [];
      packets.set(socket.id, list);
      const conn = inside<{ enqueue(packet: unknown, shared: boolean): void }>(socket.conn);
      const enqueue = conn.enqueue.bind(conn);
      conn.enqueue = (packet, shared) => {
        list.push({ packet, shared });
        enqueue(packet, shared);
      };
    }
    const encode = vi.spyOn(inside<{ encode(): unknown[] }>(inside(b.io)["encoder"]), "encode");
    const heard = Promise.all(all.map(([, client]) => next(client, "news")));
    a.io.emit("news", "for all", Buffer.from([7]));
    expect(await heard).toEqual(all.map(() => ["for all", Buffer.from([7])]));
    const encodings = encode.mock.calls.length;
    encode.mockRestore();

    expect(encodings).toBe(1);
    const sent = all.map(([socket]) => packets.get(socket.id)?.[0] as Record<string, unknown>);
    expect(new Set(sent.map(({ packet }) => packet)).size).toBe(1);
    expect(sent.every(({ shared }) => shared)).toBe(true);
  });
});

describe.skipIf(leftOut("redis"))("the Redis emitter", () => {
  it("reaches the clients of both servers from a process that has none", async () => {
    const prefix = newPrefix();
    const [a, b] = await two("classic", prefix);
    const onA = await pair(a);
    const onB = await pair(b);
    const emitter = new Emitter(await redis.client(), { key: prefix });
    const heard = Promise.all([next(onA[1], "news"), next(onB[1], "news")]);
    emitter.emit("news", Buffer.from([1]));
    expect(await heard).toEqual([[Buffer.from([1])], [Buffer.from([1])]]);

    emitter.in(onB[0].id).socketsJoin("room");
    await until(() => onB[0].rooms.has("room"), "B joined");
    const counts = hearing([onA, onB], "room news");
    const inRoom = next(onB[1], "room news");
    emitter.to("room").emit("room news");
    await inRoom;
    expect(await counts.counts()).toEqual([0, 1]);

    const between = next(b.io, "hello");
    emitter.serverSideEmit("hello", 1);
    expect(await between).toEqual([1]);
    const gone = next(onB[1], "disconnect");
    emitter.in("room").disconnectSockets(true);
    await gone;
  });
});
