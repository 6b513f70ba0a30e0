/** What a client is told when something cannot be had any more, or its session has gone (SEMANTICS 5). */
import { expect, it } from "vitest";
import {
  collect,
  inside,
  jsonOf,
  next,
  nextSocket,
  pair,
  RawWebSocket,
  start,
  stock,
  until,
} from "../../support/clients.ts";
import { away, marked, numbers, reconnecting } from "../../support/durable.ts";

it("tells of a session that is not known any more, and gives a new pid (I10)", async () => {
  const server = await start({ store: "memory" });
  const [socket, client] = await pair(server, "/", reconnecting);
  const pid = inside<{ _pid: string }>(client)._pid;
  const gaps = collect(client, "hf:gap");
  socket.disconnect();
  await next(client, "disconnect");
  const back = nextSocket(server.io);
  const connected = next(client, "connect");
  client.connect();
  const [again] = await Promise.all([back, connected]);
  await marked(again, client);
  expect(gaps).toHaveLength(1);
  expect(gaps[0]?.[0]).toMatchObject({ reason: "session" });
  expect(client.recovered).toBe(false);
  expect(inside<{ _pid: string }>(client)._pid).not.toBe(pid);
  expect(again.resume.kind).toBe("gap");
  expect(again.resume.gaps).toMatchObject([{ reason: "session" }]);
});

it("tells of a session that ends while its client is let in", async () => {
  const server = await start({ store: "memory" });
  const [socket, client] = await pair(server, "/", reconnecting);
  const pid = inside<{ _pid: string }>(client)._pid;
  await socket.join("room");
  const gaps = collect(client, "hf:gap");
  server.io.use((_socket, proceed) => {
    server.io.in("room").disconnectSockets();
    proceed();
  });
  const again = await away(server.io, client, () => {});
  await marked(again, client);
  expect(gaps).toMatchObject([[{ reason: "session" }]]);
  expect(inside<{ _pid: string }>(client)._pid).not.toBe(pid);
});

it("tells it again to a client that reports no position and was cut off before", async () => {
  const server = await start({ store: "memory", offsets: "none" });
  const come = async (pid?: string) => {
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    raw.answersPings = false;
    const { pid: given } = jsonOf(await raw.join("/", pid === undefined ? {} : { pid })) as {
      pid: string;
    };
    return { raw, socket: await serverSide, pid: given };
  };
  const leave = async ({ raw, socket }: Awaited<ReturnType<typeof come>>) => {
    const gone = next(socket, "disconnect");
    raw.close();
    await gone;
  };
  const first = await come();
  first.socket.disconnect();
  const second = await come(first.pid);
  expect(second.socket.resume.gaps).toMatchObject([{ from: null, reason: "session" }]);
  // All that it has read is CONNECT.
  await leave(second);
  const third = await come(second.pid);
  expect(await third.raw.next()).toMatch(/^42\["hf:gap",\{"from":null,.*"reason":"session"\}\]$/);
  expect(third.socket.resume.kind).toBe("gap");
  expect(third.pid).not.toBe(second.pid);
  await third.raw.until("2");
  const heard = next(third.socket, "heard");
  await third.raw.send("3", '42["heard"]');
  await heard;
  await leave(third);
  const fourth = await come(third.pid);
  expect(fourth.socket.resume.kind).toBe("full");
  expect(fourth.pid).toBe(third.pid);
});

/** Each answer carries one more pid, and none arrives: the client has but the one that it was told first. */
it("finds the session by its pid, however often the answer with a new one was lost", async () => {
  const server = await start({ store: "memory", keep: { entries: 3 } });
  const come = async (auth: object) => {
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server);
    const { pid } = jsonOf(await raw.join("/", auth)) as { pid: string };
    return { raw, pid, socket: await serverSide };
  };
  const leave = async ({ raw, socket }: Awaited<ReturnType<typeof come>>) => {
    const gone = next(socket, "disconnect");
    raw.close();
    await gone;
  };
  const first = await come({});
  const { pid } = first;
  const primer = String(first.raw.received.find((frame) => String(frame).includes("hf:position")));
  const offset = /"(hf\.[^"]+)"/.exec(primer)?.[1];
  await first.socket.join("room");
  await leave(first);
  for (let n = 0; n < 10; n++) await server.io.publish("n", n);
  const pids = new Set([pid]);
  for (let times = 0; times < 10; times++) {
    const again = await come({ pid, offset });
    expect(again.socket.resume.gaps).toMatchObject([{ reason: "retention" }]);
    expect(again.socket.rooms).toContain("room");
    pids.add(again.pid);
    await leave(again);
  }
  expect(pids.size).toBe(11);
});

it("F10: tells of what retention has taken", async () => {
  const server = await start({ store: "memory", keep: { entries: 3 } });
  const [socket, client] = await pair(server, "/", reconnecting);
  const heard = collect(client, "n");
  const gaps = collect(client, "hf:gap");
  server.io.emit("n", 0);
  await marked(socket, client);
  const again = await away(server.io, client, () => {
    for (let n = 1; n <= 10; n++) server.io.emit("n", n);
  });
  await marked(again, client);
  expect(gaps.map(([gap]) => (gap as { reason: string }).reason)).toEqual(["retention"]);
  const got = numbers(heard) as number[];
  expect(got[0]).toBe(0);
  expect(got.at(-1)).toBe(10);
  // What is left is without a hole.
  expect(got.slice(1)).toEqual(got.slice(1).map((_, index) => 10 - (got.length - 2) + index));
  expect(again.recovered).toBe(false);
});

it("tells who comes with a position from before the rooms that are remembered, and is silent to all others (4)", async () => {
  const server = await start({ store: "memory" });
  const [socket, client] = await pair(server, "/", reconnecting);
  const gaps = collect(client, "hf:gap");
  const page = inside<{ _lastOffset: string }>(client);
  interface Inner {
    readonly receipt: number;
    readonly delivered: number;
  }
  const { session } = inside<{ _link: { session: Inner } }>(socket)._link;
  await marked(socket, client);
  const old = page._lastOffset;
  const visit = async (n: number) => {
    await socket.join("room");
    await server.io.to("room").publish("n", n);
    await socket.leave("room");
  };
  for (let n = 0; n < 20; n++) await visit(n);
  await until(() => session.receipt >= session.delivered, "a receipt of all that was said");
  await visit(20);
  const again = await away(server.io, client, () => {});
  await marked(again, client);
  expect(gaps).toEqual([]);
  await away(server.io, client, () => {
    page._lastOffset = old;
  });
  expect(gaps).toMatchObject([[{ reason: "retention" }]]);
});

it.each([
  ["garbage", "garbage"],
  ["of another stream", undefined],
  ["with another offset", "tampered"],
  ["a number", 5],
])("V40: takes a position that is %s for none", async (_what, given) => {
  const server = await start({ store: "memory" });
  const serverSide = nextSocket(server.io);
  const raw = await RawWebSocket.open(server);
  const { pid } = jsonOf(await raw.join()) as { pid: string };
  const socket = await serverSide;
  await socket.join("room");
  const primer = String(raw.received.find((frame) => String(frame).includes("hf:position")));
  const position = /"(hf\.[^"]+)"/.exec(primer)?.[1] ?? "";
  const gone = next(socket, "disconnect");
  raw.close();
  await gone;
  server.io.to("room").emit("n", 1);
  let offset: unknown = given;
  if (given === undefined) {
    const other = await RawWebSocket.open(server);
    server.io.of("/other");
    await other.join("/other");
    const frame = String(other.received.find((f) => String(f).includes("hf:position")));
    offset = /"(hf\.[^"]+)"/.exec(frame)?.[1];
  } else if (given === "tampered") {
    offset = position.replace(/\.[0-9a-z]+\.([\w-]{8})$/, ".zzz.$1");
  }
  const client = stock(server, "/", { auth: { pid, offset } });
  const heard = collect(client, "n");
  const gaps = collect(client, "hf:gap");
  const [again] = await Promise.all([nextSocket(server.io), next(client, "connect")]);
  await marked(again, client);
  expect(numbers(heard)).toEqual([1]);
  expect(gaps).toEqual([]);
});
