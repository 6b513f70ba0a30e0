/**
 * npm @socket.io/cluster-adapter with @socket.io/sticky: two worker processes of node:cluster behind one port. Goal: a
 * session stays with its worker over polling and the upgrade, and the workers act as one server.
 *
 * The hand-over of sticky 1.0.4 loses a connection now and then on a busy machine: it reached neither worker in 4 of 8
 * runs of this file against npm socket.io, in 1 of 8 against ours. A client that waits longer than a second connects
 * again, as in production, and a test whose poll was lost is run again.
 */
import { join } from "node:path";
import type { Socket as StockSocket } from "socket.io-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { collect, next, stock, until } from "../support/clients.ts";
import { targetName } from "../support/target.ts";
import { type ChildServer, startChild } from "./child.ts";

let server: ChildServer;
beforeAll(async () => {
  const folder = join(import.meta.dirname, "cluster");
  server = await startChild(join(folder, "primary.mjs"), folder);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const handOverMayFail = { retry: 3 };

interface Identity {
  readonly pid: number;
  readonly module: string;
  readonly ours: boolean;
}

async function connected(transports: string[]): Promise<StockSocket> {
  const client = stock(server, "/", {
    transports,
    reconnection: true,
    reconnectionDelay: 50,
    timeout: 1000,
  });
  await next(client, "connect");
  return client;
}

function ask<T>(client: StockSocket, event: string, ...args: unknown[]): Promise<T> {
  return client.timeout(5000).emitWithAck(event, ...args) as Promise<T>;
}

/** Clients of both workers: connections are dealt out in turn. */
async function onBoth(transports: string[]): Promise<[StockSocket, StockSocket]> {
  const first = await connected(transports);
  const { pid } = await ask<Identity>(first, "who are you?");
  for (let tries = 0; tries < 6; tries++) {
    const second = await connected(transports);
    if ((await ask<Identity>(second, "who are you?")).pid !== pid) {
      await eachKnowsTheOther(first, second);
      return [first, second];
    }
    second.disconnect();
  }
  throw new Error("all connections went to one worker");
}

/** The adapters learn of each other by a heartbeat. */
async function eachKnowsTheOther(...clients: StockSocket[]): Promise<void> {
  for (const client of clients) {
    let count = 0;
    await until(() => {
      void client.emitWithAck("count servers").then((n: number) => {
        count = n;
      });
      return count === 2;
    }, "the workers found each other");
  }
}

it("runs on ours in every worker", handOverMayFail, async () => {
  for (const client of await onBoth(["websocket"])) {
    const identity = await ask<Identity>(client, "who are you?");
    const built = targetName === "holdfast" ? /packages\/server\/dist\/index\.js$/ : /socket\.io/;
    expect(identity.module).toMatch(built);
    expect(identity.ours).toBe(true);
  }
});

it.each([["polling"], ["polling,websocket"]])(
  "keeps sessions together over %s",
  handOverMayFail,
  async (list) => {
    const transports = list.split(",");
    const clients = await onBoth(transports);
    for (const client of clients) {
      const { pid } = await ask<Identity>(client, "who are you?");
      for (let i = 0; i < 5; i++) {
        expect((await ask<Identity>(client, "who are you?")).pid).toBe(pid);
      }
      const last = transports.at(-1);
      await until(() => client.io.engine.transport.name === last, "the transport is there");
      expect((await ask<Identity>(client, "who are you?")).pid).toBe(pid);
    }
  },
);

it("broadcasts across workers, with bytes and rooms", handOverMayFail, async () => {
  const [a, b] = await onBoth(["websocket"]);
  await ask(b, "join", "room");
  const heardA = collect(a, "said");
  const heardB = collect(b, "said");
  a.emit("say", "room", "hello", Buffer.from([1]));
  await until(() => heardB.length === 1, "B hears A");
  expect(heardB).toEqual([["hello", Buffer.from([1])]]);
  expect(heardA).toEqual([]);
});

it(
  "collects acknowledgements, finds and cuts sockets of the other worker",
  handOverMayFail,
  async () => {
    const [a, b] = await onBoth(["websocket"]);
    a.on("ask", (reply: (answer: string) => void) => reply("A"));
    b.on("ask", (reply: (answer: string) => void) => reply("B"));
    const ids = await ask<string[]>(a, "find");
    expect(ids).toEqual(expect.arrayContaining([a.id, b.id]));
    await ask(a, "join", "asked");
    await ask(b, "join", "asked");
    const answers = await ask<string[]>(a, "ask room", "asked");
    expect(answers.sort()).toEqual(["A", "B"]);
    const gone = next(b, "disconnect");
    a.emit("cut", b.id);
    await gone;
  },
);

it("lets workers talk to each other", handOverMayFail, async () => {
  const [a, b] = await onBoth(["websocket"]);
  const other = await ask<Identity>(b, "who are you?");
  expect(await ask<number[]>(a, "ask servers")).toEqual([other.pid]);
});
