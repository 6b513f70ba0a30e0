// Goal: ways to lose or repeat events that are known from the field (F1, F2, …), where no scenario of prove/ and no other
// test has them. Method: the stock client through a bad network, and every event counted by its number.
import { collectUncaught } from "@holdfast/journal/testing";
import type { Server } from "holdfast";
import type { Socket as StockSocket } from "socket.io-client";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { collect, next, nextSocket, pair, start, stock, until } from "../../support/clients.ts";
import { away, cut, marked, numbers, reconnecting } from "../../support/durable.ts";
import { FaultProxy, healthy } from "../../support/fault-proxy.ts";
import { newFolder } from "../../support/folder.ts";

/** 1, 2, …, as they must come. */
function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** Joins the room at each connection, as applications do. */
function joinRoom(io: Server): void {
  io.on("connection", (socket) => void socket.join("room"));
}

async function proxyTo(server: { readonly port: number }): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(server.port);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** Emits numbers at every moment until it is told to stop, which gives the last one. */
function emitting(io: Server): () => number {
  let n = 0;
  const timer = setInterval(() => io.to("room").emit("n", ++n), 1);
  const stop = () => {
    clearInterval(timer);
    return n;
  };
  onTestFinished(() => void stop());
  return stop;
}

describe("F4: a long quiet connection", () => {
  it("is told where it is, so that what others were sent may go", async () => {
    const server = await start({ store: "memory", keep: { entries: 10 }, pingInterval: 40 });
    const [socket, client] = await pair(server, "/", reconnecting);
    await socket.join("room");
    const heard = collect(client, "n");
    const gaps = collect(client, "hf:gap");
    server.io.to("room").emit("n", 1);
    await marked(socket, client);
    // Nothing of this is for it, and its position would be gone with it.
    const told = new Promise<void>((resolve) => {
      client.onAny((event: string) => event === "hf:position" && resolve());
    });
    for (let n = 0; n < 100; n++) server.io.to("elsewhere").emit("n", -n);
    await told;
    const again = await away(server.io, client, () => server.io.to("room").emit("n", 2));
    await marked(again, client);
    expect(numbers(heard)).toEqual([1, 2]);
    expect(gaps).toEqual([]);
    expect(client.recovered).toBe(true);
  });
});

describe("F6: what is replayed and what is live", () => {
  it.each(["memory", "folder"])("meet without a hole and without a repeat: %s", async (where) => {
    const store = where === "memory" ? "memory" : newFolder();
    const server = await start({ store, connectionStateRecovery: {} });
    joinRoom(server.io);
    const [first, client] = await pair(server, "/", reconnecting);
    await until(() => first.rooms.has("room"), "it is in the room");
    const heard = collect(client, "n");
    const stop = emitting(server.io);
    for (let cuts = 0; cuts < 20; cuts++) {
      const enough = heard.length + 3;
      await until(() => heard.length >= enough, "some more events");
      const back = next(client, "connect");
      cut(client);
      await back;
    }
    const last = stop();
    await until(() => heard.length >= last, "the last event");
    expect(numbers(heard)).toEqual(upTo(last));
    expect(client.recovered).toBe(true);
  });
});

describe("F8: a connection that dies while it is given what it missed", () => {
  it.each(["event", "argument"] as const)(
    "has taken nothing from the next one, offsets: %s",
    async (offsets) => {
      const server = await start({ store: "memory", offsets });
      joinRoom(server.io);
      const proxy = await proxyTo(server);
      const connected = nextSocket(server.io);
      const client = stock({ url: proxy.url }, "/", { ...reconnecting, transports: ["websocket"] });
      const heard = collect(client, "n");
      const [socket] = await Promise.all([connected, next(client, "connect")]);
      await until(() => socket.rooms.has("room"), "it is in the room");
      const gone = next(socket, "disconnect");
      proxy.refusing = true;
      proxy.cut();
      await gone;
      const last = 500;
      for (let n = 1; n <= last; n++) server.io.to("room").emit("n", n, "x".repeat(100));
      // Each connection gets a little further: through the handshake, into CONNECT, into the events.
      proxy.refusing = false;
      for (let bytes = 100; bytes < 5_000; bytes += 350) {
        proxy.shape({ resetAtByte: bytes }, "toClient");
        const { accepted } = proxy;
        // The second one comes when the first one has died, and that one had this fault all its life.
        await proxy.until((now) => now.accepted >= accepted + 2, "connections that die");
      }
      proxy.shape(healthy);
      await until(() => heard.some(([n]) => n === last), "the last event");
      const got = numbers(heard) as number[];
      if (offsets === "argument") expect(got).toEqual(upTo(last));
      // What came after the last position that the client was told may come again, in order, and nothing is missing.
      else expect([...new Set(got)]).toEqual(upTo(last));
    },
  );
});

describe("F10: a client that was away for very much", () => {
  it("is given it in pages: what waits for it in memory stays small", async () => {
    const server = await start({ store: "memory", connectionStateRecovery: {}, highWater: 65_536 });
    joinRoom(server.io);
    const proxy = await proxyTo(server);
    const connected = nextSocket(server.io);
    const client = stock({ url: proxy.url }, "/", { ...reconnecting, transports: ["websocket"] });
    const heard = collect(client, "n");
    const [socket] = await Promise.all([connected, next(client, "connect")]);
    await until(() => socket.rooms.has("room"), "it is in the room");
    const gone = next(socket, "disconnect");
    proxy.refusing = true;
    proxy.cut();
    await gone;
    const text = "x".repeat(4_000);
    const last = 3_000;
    for (let n = 1; n <= last; n++) server.io.to("room").emit("n", n, text);
    // The client reads slowly, so that the server has to wait for it.
    proxy.shape({ bytesPerSecond: 200_000 }, "toClient");
    proxy.refusing = false;
    const again = await nextSocket(server.io);
    await until(() => heard.length > 50, "some events");
    // The kernels between them hold some megabytes; the rest of the twelve is in the journal.
    const { toClient } = proxy.links[0] ?? {};
    expect(toClient?.received ?? Number.POSITIVE_INFINITY).toBeLessThan(9_000_000);
    expect(again.recovered).toBe(true);
    proxy.shape(healthy);
    await until(() => heard.length >= last, "the last event");
    expect(numbers(heard)).toEqual(upTo(last));
  });
});

describe("F13: an event that is not kept", () => {
  it("is given to nobody, and the next one is not held up", async () => {
    const server = await start({ store: newFolder() });
    const [socket, client] = await pair(server);
    await socket.join("room");
    const heard = collect(client, "n");
    const refused = collect(server.io, "emit_refused");
    const room = () => server.io.to("room");
    const outcomes = Promise.allSettled([
      room().publish("n", 1, { id: "same" }),
      room().publish("n", -1, { id: "same" }),
      room().publish("n", 1, { id: "same" }),
      room().publish("n", 2, {}),
    ]);
    // Larger than a store takes: it is refused when it comes to the store, not here.
    room().emit("n", -2, Buffer.alloc(65 * 1024 * 1024));
    room().emit("n", 3);
    const told = (await outcomes).map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value.duplicate : outcome.reason.code,
    );
    expect(told).toEqual([false, "HF_MESSAGE_ID_CONFLICT", true, false]);
    await marked(socket, client);
    expect(numbers(heard)).toEqual([1, 2, 3]);
    expect(refused).toMatchObject([[{ code: "HF_ENTRY_TOO_LARGE", rooms: ["room"] }]]);
    expect(server.io.counters.emitsRefused).toBe(1);
    // Nor later, to whoever comes back.
    const again = await away(server.io, client, () => undefined);
    await marked(again, client);
    expect(numbers(heard)).toEqual([1, 2, 3]);
  });
});

describe("F16: a client that does not read", () => {
  it.each(["event", "argument", "none"] as const)(
    "is handed no more than the high-water mark in one turn, and the rest later (%s)",
    async (offsets) => {
      const highWater = 100_000;
      const server = await start({ store: "memory", highWater, offsets });
      const [socket, client] = await pair(server, "/", { transports: ["websocket"] });
      await socket.join("room");
      const heard = collect(client, "n");
      const text = "x".repeat(1_000);
      const last = 10_000;
      let most = 0;
      for (let n = 1; n <= last; n++) {
        server.io.to("room").emit("n", n, text);
        most = Math.max(most, socket.conn.unsentBytes);
      }
      // The position that it is told, and the ping, are packets outside the journal.
      expect(most).toBeGreaterThan(highWater / 2);
      expect(most).toBeLessThan(highWater + 1_000);
      await until(() => heard.length >= last, "the last event");
      expect(numbers(heard)).toEqual(upTo(last));
    },
  );
});

describe("F19: a wall clock that jumps", () => {
  afterEach(() => void vi.restoreAllMocks());

  it.each([
    ["back", -3_600_000],
    ["half a second back", -500],
    ["forward by a year", 365 * 24 * 3_600_000],
  ])("%s changes neither order nor what is kept", async (_where, byMs) => {
    const server = await start({ store: newFolder(), connectionStateRecovery: {} });
    joinRoom(server.io);
    const [first, client] = await pair(server, "/", reconnecting);
    await until(() => first.rooms.has("room"), "it is in the room");
    const heard = collect(client, "n");
    server.io.to("room").emit("n", 1);
    await until(() => heard.length === 1, "the first event");
    const again = await away(server.io, client, async () => {
      await server.io.to("room").publish("n", 2, { id: "a" });
      const now = Date.now.bind(Date);
      vi.spyOn(Date, "now").mockImplementation(() => now() + byMs);
      await server.io.to("room").publish("n", 3);
      // A repeat is known, whatever the clock says.
      const repeat = await server.io.to("room").publish("n", 2, { id: "a" });
      expect(repeat.duplicate).toBe(true);
    });
    server.io.to("room").emit("n", 4);
    await until(() => heard.length >= 4, "the last event");
    expect(numbers(heard)).toEqual([1, 2, 3, 4]);
    expect(again.recovered).toBe(true);
    const offsets = heard.map((call) => call.at(-1));
    expect(new Set(offsets).size).toBe(4);
  });
});

describe("F22: a client that believes it is connected", () => {
  it("sends into the void, sends again, and has one effect each", async () => {
    const server = await start({ store: "memory" });
    const effects: number[] = [];
    server.io.on("connection", (socket) => {
      socket.on("order", { once: (order: { id: string }) => order.id }, ({ n }: { n: number }) => {
        effects.push(n);
        return n;
      });
    });
    const proxy = await proxyTo(server);
    const options = { ...reconnecting, transports: ["websocket"], retries: 10, ackTimeout: 100 };
    const client: StockSocket = stock({ url: proxy.url }, "/", options);
    await next(client, "connect");
    proxy.shape({ blackhole: true }, "toServer");
    const answers = upTo(10).map(
      (n) =>
        new Promise<unknown>((resolve, reject) => {
          client.emit("order", { id: `order ${n}`, n }, (error: unknown, answer: unknown) =>
            error === null ? resolve(answer) : reject(error),
          );
        }),
    );
    const [link] = proxy.links;
    const begin = link?.toServer.received ?? 0;
    // It has tried at least twice.
    await proxy.until(() => (link?.toServer.received ?? 0) > begin + 100, "tries in the void");
    expect(effects).toEqual([]);
    proxy.cut();
    proxy.shape(healthy);
    expect(await Promise.all(answers)).toEqual(upTo(10));
    expect(effects).toEqual(upTo(10));
  });
});

describe("F25: a handler that throws at the client", () => {
  it.each([
    // It has received the event: its position is told by another.
    ["event", [1, 2, 3, 4]],
    // The stock client takes the position of an event when its handlers have come to their end.
    ["argument", [1, 2, 2, 3, 4]],
  ] as const)("loses nothing else, with offsets: %s", async (offsets, expected) => {
    const uncaught = collectUncaught();
    const server = await start({ store: "memory", offsets });
    const [socket, client] = await pair(server, "/", reconnecting);
    await socket.join("room");
    const heard = collect(client, "n");
    let throws = true;
    client.on("n", (n: number) => {
      if (n === 2 && throws) throw new Error("on 2");
    });
    server.io.to("room").emit("n", 1);
    server.io.to("room").emit("n", 2);
    await until(() => uncaught.length > 0, "the handler has thrown");
    if (offsets === "event") await marked(socket, client);
    throws = false;
    const again = await away(server.io, client, () => server.io.to("room").emit("n", 3));
    server.io.to("room").emit("n", 4);
    await until(() => heard.some(([n]) => n === 4), "the last event");
    expect(numbers(heard)).toEqual(expected);
    expect(again.recovered).toBe(true);
    expect(uncaught.map(String)).toEqual(["Error: on 2"]);
  });
});
