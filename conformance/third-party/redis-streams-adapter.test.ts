/**
 * npm @socket.io/redis-streams-adapter: two servers that share a stream of a real Redis. Goal: every operation of the
 * adapter contract crosses servers, and a session that was cut on one server is recovered on the other.
 */
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  collect,
  inside,
  next,
  nextSocket,
  pair,
  type Running,
  start,
  until,
} from "../support/clients.ts";
import { leftOut } from "../support/needs.ts";
import { expectTarget } from "./ours.ts";
import { type RedisClient, type RedisServer, startRedis } from "./redis-server.ts";

let redis: RedisServer;
const withoutRedis = leftOut("redis");
beforeAll(async () => {
  if (!withoutRedis) redis = await startRedis();
});
afterAll(() => (withoutRedis ? undefined : redis.stop()));

let streams = 0;

async function startOn(streamName: string, client: RedisClient): Promise<Running> {
  const server = await start({
    adapter: createAdapter(client, { streamName, blockTimeInMs: 100, heartbeatInterval: 500 }),
    connectionStateRecovery: { maxDisconnectionDuration: 20_000, skipMiddlewares: true },
  });
  expectTarget(server.io);
  return server;
}

async function two(): Promise<[Running, Running]> {
  const name = `test-${streams++}`;
  const both: [Running, Running] = [
    await startOn(name, await redis.client()),
    await startOn(name, await redis.client()),
  ];
  for (const { io } of both) {
    let count = 0;
    await until(() => {
      void io.sockets.adapter.serverCount().then((n: number) => {
        count = n;
      });
      return count === 2;
    }, "the servers found each other");
  }
  return both;
}

describe.skipIf(leftOut("redis"))("the Redis streams adapter", () => {
  it("broadcasts across servers, with bytes and rooms", async () => {
    const [a, b] = await two();
    const [socketA, clientA] = await pair(a);
    const [socketB, clientB] = await pair(b);
    await socketB.join("room");
    const heardA = collect(clientA, "news");
    const first = next(clientB, "news");
    a.io.emit("news", "all", Buffer.from([1, 2]));
    expect((await first).slice(0, 2)).toEqual(["all", Buffer.from([1, 2])]);
    const second = next(clientB, "news");
    socketA.to("room").emit("news", "room");
    expect((await second)[0]).toBe("room");
    const third = next(clientA, "news");
    b.io.except("room").emit("news", "not to the room");
    expect((await third)[0]).toBe("not to the room");
    expect(heardA.map(([what]) => what)).toEqual(["all", "not to the room"]);
  });

  it("collects acknowledgements, finds and moves sockets, and lets servers talk", async () => {
    const [a, b] = await two();
    const [, clientA] = await pair(a);
    const [socketB, clientB] = await pair(b);
    clientA.on("ask", (reply: (answer: string) => void) => reply("A"));
    clientB.on("ask", (reply: (answer: string) => void) => reply("B"));
    const answers = (await a.io.timeout(3000).emitWithAck("ask")) as string[];
    expect(answers.sort()).toEqual(["A", "B"]);

    socketB.data = { name: "bee" };
    a.io.in(socketB.id).socketsJoin("moved");
    await until(() => socketB.rooms.has("moved"), "B joined");
    const found = await a.io.in("moved").fetchSockets();
    expect(found).toMatchObject([{ id: socketB.id, data: { name: "bee" } }]);

    b.io.on("sum", (x: number, y: number, reply: (sum: number) => void) => reply(x + y));
    expect(await a.io.serverSideEmitWithAck("sum", 1, 2)).toEqual([3]);

    const gone = next(clientB, "disconnect");
    a.io.in("moved").disconnectSockets(true);
    await gone;
  });

  it("recovers on one server what was cut on the other", async () => {
    const [a, b] = await two();
    const [socket, client] = await pair(a);
    await socket.join("room");
    const [witnessSocket, witnessOfA] = await pair(b);
    await witnessSocket.join("room");
    const [, witnessOfB] = await pair(a);
    socket.data = { name: "bee" };
    const first = next(client, "news");
    a.io.to("room").emit("news", 1);
    await first;
    const { id } = socket;
    const { pid } = inside<{ pid: string }>(socket);

    const gone = next(client, "disconnect");
    socket.conn.close();
    await gone;
    const look = await redis.client();
    let saved = 0;
    await until(() => {
      void look.exists(`sio:session:${pid}`).then((count) => {
        saved = Number(count);
      });
      return saved === 1;
    }, "the session is saved");
    const witnessed = [next(witnessOfA, "news"), next(witnessOfB, "last")];
    a.io.to("room").emit("news", 2, Buffer.from([2]));
    a.io.to("elsewhere").emit("news", "not for the room");
    b.io.emit("last", 3);
    // What was missed is read from the stream: both have to be in it.
    await Promise.all(witnessed);

    const heard: unknown[][] = [];
    client.onAny((...args: unknown[]) => heard.push(args));
    inside<{ uri: string }>(client.io).uri = b.url;
    const coming = nextSocket(b.io);
    const connected = next(client, "connect");
    client.connect();
    await connected;
    const back = await coming;
    expect(client.recovered).toBe(true);
    expect(back.recovered).toBe(true);
    expect(back.id).toBe(id);
    expect(client.id).toBe(id);
    expect(back.data).toEqual({ name: "bee" });
    expect([...back.rooms].sort()).toEqual([id, "room"].sort());
    await until(() => heard.length === 2, "what was missed came");
    expect(heard.map((args) => args.slice(0, 2))).toEqual([
      ["news", 2],
      ["last", 3],
    ]);
    expect(heard[0]?.[2]).toEqual(Buffer.from([2]));
    const after = next(client, "news");
    a.io.to("room").emit("news", 4);
    expect((await after)[0]).toBe(4);
  });

  it("starts afresh when the session is unknown", async () => {
    const [a, b] = await two();
    const [, client] = await pair(a);
    const gone = next(client, "disconnect");
    client.io.engine.close();
    await gone;
    inside<{ _pid: string }>(client)._pid = "of-somebody-else";
    inside<{ uri: string }>(client.io).uri = b.url;
    const connected = next(client, "connect");
    client.connect();
    await connected;
    expect(client.recovered).toBe(false);
  });
});
