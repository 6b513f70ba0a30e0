/** What is kept of a room: its history, its position, its members. */
import type { HistoryOptions } from "holdfast";
import { describe, expect, it } from "vitest";
import {
  collect,
  failureOf,
  inside,
  jsonOf,
  next,
  nextSocket,
  pair,
  RawWebSocket,
  type Running,
  settled,
  start,
  stock,
  until,
} from "../../support/clients.ts";

const durable = { store: "memory" };

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** The first arguments of what a room's history gives. */
async function told(server: Running, options: HistoryOptions = {}): Promise<unknown[]> {
  return (await all(server.io.room("hall").history(options))).map(({ args }) => args[0]);
}

/** Publishes 1, 2, … @returns resolves with their positions */
async function publishAll(server: Running, count: number): Promise<string[]> {
  const positions: string[] = [];
  for (let n = 1; n <= count; n++) {
    positions.push((await server.io.to("hall").publish("said", n)).position);
  }
  return positions;
}

describe("history", () => {
  it("gives what was emitted to the room, oldest first, with everything about it", async () => {
    const server = await start(durable, "holdfast");
    const { position } = await server.io.to("hall").publish("said", "a", { b: [1] }, { id: "x" });
    server.io.to(["hall", "yard"]).emit("file", Buffer.from("bytes"));
    server.io.to("yard").emit("said", "elsewhere");
    server.io.emit("said", "to everybody");
    server.io.to("hall").volatile.emit("said", "volatile");
    server.io.to("hall").transient.emit("said", "transient");
    const [said, file, ...more] = await all(server.io.room("hall").history());
    expect(said).toEqual({
      event: "said",
      args: ["a", { b: [1] }],
      position,
      time: expect.any(Number),
      id: "x",
    });
    expect(Math.abs((said?.time ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(file).toMatchObject({ event: "file", args: [Buffer.from("bytes")], id: undefined });
    expect(more).toEqual([]);
  });

  it("reads what is nested deeper than what clients may send, and all that is beside it", async () => {
    const server = await start(durable, "holdfast");
    let deep: unknown = "bottom";
    for (let level = 0; level < 2_500; level++) deep = [deep];
    server.io.to("hall").emit("said", deep);
    server.io.to("hall").emit("said", "after");
    const [first, second] = await told(server);
    expect(JSON.stringify(first)).toBe(JSON.stringify(deep));
    expect(second).toBe("after");
  });

  it("knows of each event who has not confirmed it", async () => {
    const server = await start(durable, "holdfast");
    const [there] = await pair(server);
    const [away, awayClient] = await pair(server);
    await Promise.all([there.join("hall"), away.join("hall")]);
    const first = await server.io.to("hall").publish("said", 1);
    await expect.poll(() => first.missing()).toEqual([]);
    const gone = next(away, "disconnect");
    awayClient.io.engine.close();
    await gone;
    const second = await server.io.to("hall").publish("said", 2);
    await expect.poll(() => second.missing()).toHaveLength(1);
    const events = await all(server.io.room("hall").history());
    const missing = await Promise.all(events.map((event) => event.missing()));
    expect(missing).toMatchObject([[], [{ socketId: away.id, online: false }]]);
  });

  it("is cut by after, before, last and limit", async () => {
    const server = await start(durable, "holdfast");
    const [, after = "", , , before = ""] = await publishAll(server, 6);
    expect(await told(server)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await told(server, { after })).toEqual([3, 4, 5, 6]);
    expect(await told(server, { before })).toEqual([1, 2, 3, 4]);
    expect(await told(server, { after, before })).toEqual([3, 4]);
    expect(await told(server, { last: 2 })).toEqual([5, 6]);
    expect(await told(server, { last: 2, before })).toEqual([3, 4]);
    expect(await told(server, { last: 9, after })).toEqual([3, 4, 5, 6]);
    expect(await told(server, { last: 0 })).toEqual([]);
    expect(await told(server, { limit: 2 })).toEqual([1, 2]);
    expect(await told(server, { last: 3, limit: 2 })).toEqual([4, 5]);
    expect(await told(server, { limit: 0 })).toEqual([]);
    expect(await all(server.io.room("yard").history())).toEqual([]);
  });

  it.each([
    [null, "null"],
    ["hall", '"hall"'],
    [{ amount: 3 }, '"amount"'],
    [{ last: Number.NaN }, '"last" is NaN'],
    [{ limit: Number.POSITIVE_INFINITY }, '"limit" is Infinity'],
    [{ last: -1 }, '"last" is -1'],
  ])("refuses what is no question: %j", async (options, shown) => {
    const server = await start(durable, "holdfast");
    await publishAll(server, 1);
    const error = await failureOf(() => told(server, inside<{ last: number }>(options)));
    expect(error.code).toBe("HF_OPTION_INVALID");
    expect(error.message).toContain(shown);
    expect(error.message).toContain("accepted: ");
  });

  it("reads on over many pages, and ends at what was there when it began", async () => {
    const server = await start(durable, "holdfast");
    for (let n = 1; n <= 1500; n++) server.io.to("hall").emit("said", n);
    const found: unknown[] = [];
    for await (const { args } of server.io.room("hall").history()) {
      found.push(args[0]);
      if (found.length === 1) server.io.to("hall").emit("said", "later");
    }
    expect(found).toEqual(Array.from({ length: 1500 }, (_, index) => index + 1));
    expect(await told(server, { last: 1200 })).toHaveLength(1200);
  });

  it("leaves out what has passed its time to live", async () => {
    const server = await start(durable, "holdfast");
    await server.io.to("hall").publish("said", "long", { ttl: "1h" });
    await server.io.to("hall").publish("said", "short", { ttl: 0 });
    expect(await told(server)).toEqual(["long"]);
    expect(await told(server, { last: 1 })).toEqual(["long"]);
  });

  it("has the same arguments where clients get their position as one", async () => {
    const server = await start({ ...durable, offsets: "argument" }, "holdfast");
    server.io.to("hall").emit("said", "a");
    const [said] = await all(server.io.room("hall").history());
    expect(said?.args).toEqual(["a"]);
  });
});

describe("what cannot be had any more", () => {
  const short = { ...durable, keep: { entries: 3 } };

  it("is nothing to who asks for all that is kept", async () => {
    const server = await start(short, "holdfast");
    await publishAll(server, 6);
    expect(await told(server)).toEqual([4, 5, 6]);
    expect(await told(server, { last: 5 })).toEqual([4, 5, 6]);
  });

  it("is an error to who asks for what came after a position", async () => {
    const server = await start(short, "holdfast");
    const [first = "", , third = ""] = await publishAll(server, 6);
    const error = await failureOf(() => told(server, { after: first }));
    expect(error).toMatchObject({ code: "HF_HISTORY_GAP", gap: { reason: "retention" } });
    const { gap } = inside<{ gap: { to: string } }>(error);
    expect(await told(server, { after: gap.to })).toEqual([4, 5, 6]);
    // Of what follows the third nothing is missing.
    expect(await told(server, { after: third })).toEqual([4, 5, 6]);
    const lastAfter = await failureOf(() => told(server, { after: first, last: 5 }));
    expect(lastAfter.code).toBe("HF_HISTORY_GAP");
    expect(await told(server, { after: first, last: 3 })).toEqual([4, 5, 6]);
  });

  it("is nothing to who has all that he asked for before it", async () => {
    const server = await start({ ...durable, keep: { entries: 1000 } }, "holdfast");
    await publishAll(server, 1000);
    let count = 0;
    for await (const { args } of server.io.room("hall").history({ limit: 500 })) {
      expect(args).toEqual([++count]);
      // What would come next is gone by the time that it would be read.
      if (count === 500) for (let n = 0; n < 1000; n++) server.io.emit("said", n);
    }
    expect(count).toBe(500);
  });

  it("is told instead where somebody is there to be told", async () => {
    const server = await start(short, "holdfast");
    const [after = ""] = await publishAll(server, 6);
    const gaps: unknown[] = [];
    expect(await told(server, { after, onGap: (gap) => gaps.push(gap) })).toEqual([4, 5, 6]);
    expect(gaps).toEqual([{ from: after, to: expect.any(String), reason: "retention" }]);
  });
});

describe("positions", () => {
  it("are where a client can follow from, and nothing is missing or comes twice", async () => {
    const server = await start(durable, "holdfast");
    await publishAll(server, 2);
    const position = await server.io.room("hall").position();
    const [socket, client] = await pair(server);
    server.io.to("hall").emit("said", "meanwhile");
    const said = collect(client, "said");
    await socket.join("hall", { since: position });
    server.io.to("hall").emit("said", "after");
    await settled(socket, client);
    expect(said).toEqual([["meanwhile"], ["after"]]);
  });

  /**
   * Goal: older events that were on their way when the connection broke come again. Method: a client that answers no
   * ping is sent them, which proves nothing, and comes back.
   */
  it("are followed again on the next connection, as far as nothing has confirmed", async () => {
    const server = await start(durable, "holdfast");
    await publishAll(server, 2);
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    raw.answersPings = false;
    const { pid } = jsonOf(await raw.join()) as { pid: string };
    const socket = await serverSide;
    const isSent = () => raw.received.some((frame) => String(frame) === '42["said",2]');
    await socket.join("hall", "start");
    await until(isSent, "the older events were sent");
    const gone = next(socket, "disconnect");
    raw.close();
    await gone;
    server.io.to("hall").emit("said", 3);
    const back = nextSocket(server.io);
    const client = stock(server, "/", { auth: { pid } });
    const said = collect(client, "said");
    await settled(await back, client);
    expect(said).toEqual([[1], [2], [3]]);
  });

  it("of the history are where to go on", async () => {
    const server = await start(durable, "holdfast");
    await publishAll(server, 4);
    const [, second] = await all(server.io.room("hall").history());
    expect(await told(server, { after: second?.position ?? "" })).toEqual([3, 4]);
    expect(await told(server, { before: second?.position ?? "" })).toEqual([1]);
  });

  it("are refused when they are none of this namespace's own", async () => {
    const server = await start(durable, "holdfast");
    const foreign = await server.io.of("/other").to("hall").publish("said", 1);
    const [socket, client] = await pair(server);
    await settled(socket, client);
    const resume = inside<{ _lastOffset: string }>(client)._lastOffset;
    expect(resume).toMatch(/^hf\./);
    await publishAll(server, 1);
    for (const text of ["", "hp.x.y.z", foreign.position, resume, inside<string>(7)]) {
      for (const options of [{ after: text }, { before: text }]) {
        const error = await failureOf(() => told(server, options));
        expect(error.code).toBe("HF_POSITION_INVALID");
      }
    }
  });
});

describe("members", () => {
  it("are the sessions in the room, also those that are away", async () => {
    const server = await start({ ...durable, identify: () => ({ user: "ada" }) }, "holdfast");
    const [here] = await pair(server);
    const [away, awayClient] = await pair(server);
    const [other] = await pair(server);
    await here.join("hall");
    await away.join("hall");
    await other.join("yard");
    const gone = next(away, "disconnect");
    awayClient.disconnect();
    await gone;
    const members = await server.io.room("hall").members();
    expect(members).toHaveLength(2);
    expect(members).toContainEqual({
      session: expect.any(String),
      userId: "ada",
      online: true,
      socketId: here.id,
      position: expect.stringMatching(/^hp\./),
    });
    const states = members.map(({ socketId, online }) => [socketId, online]);
    expect(states).toContainEqual([away.id, false]);
  });
});

describe("a room", () => {
  it("belongs to its namespace", async () => {
    const server = await start(durable, "holdfast");
    await server.io.of("/other").to("hall").publish("said", "there");
    expect(await told(server)).toEqual([]);
    const [there] = await all(server.io.of("/other").room("hall").history());
    expect(there?.args).toEqual(["there"]);
  });

  it("needs a store, and a name of the application's", async () => {
    const plain = await start({}, "holdfast");
    expect((await failureOf(() => plain.io.room("hall"))).code).toBe("HF_STORE_MISSING");
    const server = await start(durable, "holdfast");
    expect((await failureOf(() => server.io.room("\u0000uada"))).code).toBe("HF_ROOM_RESERVED");
  });

  it.each([
    ["last", -1],
    ["last", 1.5],
    ["limit", "all"],
  ])("refuses %s: %s", async (name, value) => {
    const server = await start(durable, "holdfast");
    const error = await failureOf(() => told(server, { [name]: value }));
    expect(error.code).toBe("HF_OPTION_INVALID");
  });
});
