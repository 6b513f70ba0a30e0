/**
 * The stock clients' own upgrade under load. Goal: of numbered events in both directions none is lost, doubled or
 * overtaken while engine.io-client and socket.io-client move from polling to WebSocket.
 */
import { Socket as EngineClient } from "engine.io-client";
import { io as connectStock, type Socket as StockSocket } from "socket.io-client";
import { describe, expect, it, onTestFinished } from "vitest";
import { next, pass, until } from "../../support/clients.ts";
import { type EngineConnection, startEngine, startSocketIo } from "../../support/servers.ts";
import { seeded } from "./seeded.ts";
import { numbered, numberOf } from "./upgrading-client.ts";

const clientCount = 12;
const eventCount = 150;

const numbers = Array.from({ length: eventCount }, (_, i) => i);

/** Sends every number, a few at a time, with short waits of seeded length between. */
async function pour(seed: number, send: (n: number) => void): Promise<void> {
  const chance = seeded(seed);
  for (let n = 0; n < eventCount; ) {
    for (let count = 1 + chance.below(4); count > 0 && n < eventCount; count--) send(n++);
    if (chance.below(3) === 0) await pass(chance.below(6));
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Pair {
  readonly down: number[];
  readonly up: number[];
  readonly transports: () => [server: string, client: string];
}

async function expectAllArrived(pairs: readonly Pair[]): Promise<void> {
  const done = ({ down, up }: Pair) => down.length >= eventCount && up.length >= eventCount;
  await until(() => pairs.every(done), "every event arrives");
  for (const { down, up } of pairs) expect({ down, up }).toEqual({ down: numbers, up: numbers });
  const moved = pairs.filter(({ transports }) =>
    transports().every((name) => name === "websocket"),
  );
  expect(moved).toHaveLength(pairs.length);
}

describe("engine.io-client", () => {
  it.each([1, 2, 3, 4])("moves under load (seed %i)", async (seed) => {
    const server = await startEngine();
    onTestFinished(() => server.close());
    const pairs: Pair[] = [];
    const pouring: Promise<void>[] = [];
    for (let i = 0; i < clientCount; i++) {
      const coming = next(server.engine, "connection");
      const client = new EngineClient(server.url.replace("http", "ws"), {
        path: "/engine.io/",
        transports: ["polling", "websocket"],
      });
      client.binaryType = "nodebuffer";
      onTestFinished(() => void client.close());
      const down: number[] = [];
      const up: number[] = [];
      client.on("message", (data: unknown) => down.push(numberOf(data)));
      client.on("upgradeError", (error: unknown) => expect(error).toBeUndefined());
      const [connection] = (await coming) as [EngineConnection];
      connection.on("message", (data: unknown) => up.push(numberOf(data)));
      const moved = next(connection, "upgrade");
      await next(client, "open");
      pairs.push({
        down,
        up,
        transports: () => [connection.transport.name, client.transport?.name ?? ""],
      });
      pouring.push(
        pour(seed * 1000 + i, (n) => connection.send(numbered(n))),
        pour(seed * 2000 + i, (n) => client.send(numbered(n))),
        moved.then(() => undefined),
      );
    }
    await Promise.all(pouring);
    await expectAllArrived(pairs);
  });
});

describe("socket.io-client", () => {
  it.each([1, 2, 3, 4])("moves under load (seed %i)", async (seed) => {
    const server = await startSocketIo();
    onTestFinished(() => server.close());
    const pairs: Pair[] = [];
    const pouring: Promise<void>[] = [];
    const acks: number[] = [];
    for (let i = 0; i < clientCount; i++) {
      const coming = next(server.io, "connection");
      const client: StockSocket = connectStock(server.url, {
        forceNew: true,
        reconnection: false,
        transports: ["polling", "websocket"],
      });
      onTestFinished(() => void client.disconnect());
      const down: number[] = [];
      const up: number[] = [];
      client.on("down", (n: number | Buffer) => down.push(numberOf(n)));
      const [socket] = (await coming) as [StockSocket & { conn: EngineConnection }];
      socket.on("up", (n: number | Buffer, answer: (n: number) => void) => {
        up.push(numberOf(n));
        answer(numberOf(n));
      });
      if (!client.connected) await next(client, "connect");
      pairs.push({
        down,
        up,
        transports: () => [socket.conn.transport.name, client.io.engine.transport.name],
      });
      pouring.push(
        pour(seed * 3000 + i, (n) => socket.emit("down", n % 7 === 6 ? Buffer.from(`${n}`) : n)),
        pour(seed * 4000 + i, (n) => {
          client.emit("up", n % 7 === 6 ? Buffer.from(`${n}`) : n, (back: number) =>
            acks.push(back),
          );
        }),
        until(() => socket.conn.upgraded, "the session moves"),
      );
    }
    await Promise.all(pouring);
    await expectAllArrived(pairs);
    await until(() => acks.length >= clientCount * eventCount, "every ack arrives");
    expect(acks).toHaveLength(clientCount * eventCount);
  });

  it("survives twelve upgrades of one client after another, with a broadcast going on", async () => {
    const server = await startSocketIo();
    onTestFinished(() => server.close());
    let sent = 0;
    const broadcasting = setInterval(() => server.io.emit("tick", sent++), 3);
    onTestFinished(() => clearInterval(broadcasting));
    for (let round = 0; round < 12; round++) {
      const coming = next(server.io, "connection");
      const client: StockSocket = connectStock(server.url, {
        forceNew: true,
        reconnection: false,
        transports: ["polling", "websocket"],
      });
      const ticks: number[] = [];
      client.on("tick", (n: number) => ticks.push(n));
      const [socket] = (await coming) as [StockSocket & { conn: EngineConnection }];
      await until(() => socket.conn.upgraded, "the session moves");
      const soFar = ticks.length;
      await until(() => ticks.length > soFar + 5, "ticks come after the move");
      const first = ticks[0] ?? -1;
      expect(ticks).toEqual(Array.from({ length: ticks.length }, (_, i) => first + i));
      client.disconnect();
    }
  });
});
