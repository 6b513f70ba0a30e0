/**
 * Whose session a client gets when it does not know one: a client that tries again before its first try has come to
 * an end finds its own session, not a new one without rooms.
 */
import type { Server } from "holdfast";
import { expect, it } from "vitest";
import {
  collect,
  inside,
  jsonOf,
  next,
  nextSocket,
  pair,
  pass,
  RawWebSocket,
  type Running,
  start,
  stock,
  until,
} from "../../support/clients.ts";
import { marked } from "../../support/durable.ts";

/** A server whose clients say who they are, and that lets sessions into their rooms when `gate` opens. */
async function startGated(): Promise<{ server: Running; gate: Gate }> {
  const gate = new Gate();
  const server = await start({
    store: "memory",
    identify: (socket) => socket.handshake.auth["device"],
    authorizeRoom: () => gate.pass(),
  });
  return { server, gate };
}

class Gate {
  opened: Promise<boolean> = Promise.resolve(true);
  open: (allowed: boolean) => void = () => undefined;
  fail: (error: Error) => void = () => undefined;

  /** How often somebody has come to it. */
  reached = 0;

  pass(): Promise<boolean> {
    this.reached++;
    return this.opened;
  }

  shut(): void {
    this.reached = 0;
    this.opened = new Promise((resolve, reject) => {
      this.open = resolve;
      this.fail = reject;
    });
  }
}

/** A session in a room, whose client has gone. @returns what its client could give back */
async function leaveSession(server: Running, auth: object): Promise<string> {
  const client = await RawWebSocket.open(server);
  const connected = nextSocket(server.io);
  const answer = jsonOf(await client.join("/", auth)) as { pid: string };
  const socket = await connected;
  await socket.join("room");
  const gone = new Promise((resolve) => socket.on("disconnect", resolve));
  client.close();
  await gone;
  return answer.pid;
}

async function ask(server: Running, auth: object): Promise<RawWebSocket> {
  const client = await RawWebSocket.open(server);
  await client.send(`40${JSON.stringify(auth)}`);
  return client;
}

async function roomsOfNext(io: Server): Promise<string[]> {
  const socket = await nextSocket(io);
  return [...socket.rooms].filter((room) => room !== socket.id);
}

const known: [who: string, auth: (pid: string) => object][] = [
  ["a client with an identity", () => ({ device: "d" })],
  ["a page that saved its pid", (pid) => ({ device: "d", hf: { pid } })],
];

it.each(known)("%s that tries again gets its session", async (_who, authOf) => {
  const { server, gate } = await startGated();
  const auth = authOf(await leaveSession(server, { device: "d" }));
  gate.shut();
  const first = await ask(server, auth);
  await until(() => gate.reached === 1, "the first try holds the session");
  first.close();
  await first.finished();
  const rooms = roomsOfNext(server.io);
  await ask(server, auth);
  gate.open(true);
  expect(await rooms).toEqual(["room"]);
});

it.each(known)("%s gets its session after a try that failed", async (_who, authOf) => {
  const { server, gate } = await startGated();
  const auth = authOf(await leaveSession(server, { device: "d" }));
  gate.shut();
  const first = await ask(server, auth);
  await until(() => gate.reached === 1, "the first try holds the session");
  gate.fail(new Error("the database is away"));
  expect(await first.until("44")).toContain("the database is away");
  gate.shut();
  gate.open(true);
  const rooms = roomsOfNext(server.io);
  await ask(server, auth);
  expect(await rooms).toEqual(["room"]);
});

it("two clients of one holder that come at the same time get a session each", async () => {
  const { server } = await startGated();
  await leaveSession(server, { device: "d" });
  const clients = await Promise.all([RawWebSocket.open(server), RawWebSocket.open(server)]);
  const answers = await Promise.all(clients.map((client) => client.join("/", { device: "d" })));
  const pids = answers.map((answer) => (jsonOf(answer) as { pid: string }).pid);
  expect(new Set(pids).size).toBe(2);
  expect(server.io.sockets.sockets.size).toBe(2);
});

/**
 * Goal: two tabs do not take one session from each other for ever. Method: while the first is away, the second is given
 * its session; then each comes back whenever the other has taken over, as stock clients do.
 */
it("two tabs that were given one session come to have one each", async () => {
  const { server } = await startGated();
  const come = async (auth: object) => {
    const client = await RawWebSocket.open(server);
    return (jsonOf(await client.join("/", { device: "d", ...auth })) as { pid: string }).pid;
  };
  const first = await leaveSession(server, { device: "d" });
  const second = await come({});
  expect(second).not.toBe(first);
  expect(await come({ pid: first })).toBe(first);
  expect(await come({ pid: second })).toBe(second);
  // The second has used its own: the first one is told that its session is not its any more.
  const third = await come({ pid: first });
  expect([first, second]).not.toContain(third);
  expect(server.io.sockets.sockets.size).toBe(2);
  expect(await come({ pid: second })).toBe(second);
  expect(await come({ pid: third })).toBe(third);
});

it("gives another who has the pid of one that is connected neither its rooms nor its data", async () => {
  const identify = ({ handshake }: { handshake: { auth: { name?: string } } }) =>
    handshake.auth.name;
  const server = await start({ store: "memory", identify });
  const [ann, client] = await pair(server, "/", { auth: { name: "ann" } });
  await ann.join("room");
  ann.data = { card: "1234" };
  const pid = inside<{ _pid: string }>(client)._pid;
  // What is stored of its data is what another would be given.
  await pass(1100);
  const seen: unknown[] = [];
  server.io.use((socket, next) => {
    seen.push(socket.id === ann.id, [...socket.rooms], { ...socket.data });
    next();
  });
  for (const auth of [{ pid }, { hf: { pid } }]) {
    const thief = stock(server, "/", { auth: { name: "eve", ...auth }, forceNew: true });
    const heard = collect(thief, "n");
    const [socket] = await Promise.all([nextSocket(server.io), next(thief, "connect")]);
    server.io.to("room").emit("n", "secret");
    await marked(socket, thief);
    expect(heard).toEqual([]);
    expect(socket.rooms).toEqual(new Set([socket.id]));
    expect(socket.data).toEqual({});
  }
  expect(seen).toEqual([false, [], {}, false, [], {}]);
  expect(ann.rooms).toEqual(new Set([ann.id, "room"]));
});

it("lets no two tabs take a session from each other for ever, though both pids are older than the newest", async () => {
  const server = await start({
    store: "memory",
    identify: (socket) => socket.handshake.auth["device"],
  });
  const auth = { device: "phone" };
  // One after the other is given the session of the one before, and told a pid of its own.
  const first = await leaveSession(server, auth);
  const second = await leaveSession(server, auth);
  const third = await leaveSession(server, auth);
  expect(new Set([first, second, third]).size).toBe(3);

  const connected = nextSocket(server.io);
  const client = await RawWebSocket.open(server);
  await client.join("/", { ...auth, pid: second });
  const socket = await connected;
  const other = nextSocket(server.io);
  const late = await RawWebSocket.open(server);
  const answer = jsonOf(await late.join("/", { ...auth, pid: first })) as { pid: string };
  // It has a session of its own now, and is told so.
  expect([first, second, third]).not.toContain(answer.pid);
  expect((await other).id).not.toBe(socket.id);
  expect(socket.connected).toBe(true);
});

/**
 * Goal: who gets a new session is told nothing of what is missing in that of somebody else: for a client that never had
 * it the range names events that are there (I10). Method: the first stays, and its saved position is older than what is
 * kept.
 */
it.each([
  ["a page that was duplicated", "d"],
  ["another who has its pid", "other"],
])("%s is not told of a gap in a session that stays with the first", async (_who, device) => {
  const server = await start({
    store: "memory",
    identify: (socket) => socket.handshake.auth["device"],
    keep: { entries: 3 },
  });
  const [, first] = await pair(server, "/", { auth: { device: "d" } });
  const { _pid: pid, _lastOffset: position } = inside<{ _pid: string; _lastOffset: string }>(first);
  for (let n = 0; n < 10; n++) await server.io.publish("n", n);

  const second = stock(server, "/", { auth: { device, hf: { pid, position } }, forceNew: true });
  const gaps = collect(second, "hf:gap");
  const [socket] = await Promise.all([nextSocket(server.io), next(second, "connect")]);
  await marked(socket, second);
  expect(gaps).toEqual([]);
  expect(socket.resume.gaps).toEqual([]);
  expect(socket.resume.kind).toBe("new");
  expect(first.connected).toBe(true);
});

it("a page that is told many pids, and keeps none of them, still has its session by the one that it saved", async () => {
  const server = await start({ store: "memory" });
  const pid = await leaveSession(server, {});
  for (let n = 0; n < 8; n++) {
    const connected = nextSocket(server.io);
    const page = await RawWebSocket.open(server);
    const answer = jsonOf(await page.join("/", { hf: { pid } })) as { pid: string };
    expect(answer.pid).not.toBe(pid);
    const socket = await connected;
    expect([n, [...socket.rooms]]).toEqual([n, [socket.id, "room"]]);
    const gone = next(socket, "disconnect");
    page.close();
    await gone;
  }
});

/**
 * Goal: who had a session that is no more is told, and goes on with no other one of its holder's in its place (SEMANTICS
 * 5). Method: two tabs, both away; the session of one is ended, and it comes back with the pid.
 */
it.each<[how: string, auth: (pid: string) => object]>([
  ["in its memory", (pid) => ({ pid })],
  ["saved", (pid) => ({ hf: { pid } })],
])(
  "a tab whose session was ended, its pid %s, is told so, and has one of its own",
  async (_how, authOf) => {
    const { server } = await startGated();
    const { io } = server;
    io.on("connection", async (socket) => {
      const { tab } = socket.handshake.auth;
      if (tab !== undefined) await socket.join(`room of ${tab}`);
    });
    const tabs = await Promise.all([RawWebSocket.open(server), RawWebSocket.open(server)]);
    const answers = await Promise.all(
      tabs.map((client, index) => client.join("/", { device: "d", tab: `tab ${index}` })),
    );
    const [pid = ""] = answers.map((answer) => (jsonOf(answer) as { pid: string }).pid);
    const [ended] = await io.in("room of tab 0").fetchSockets();
    for (const client of tabs) client.close();
    await until(() => io.sockets.sockets.size === 0, "both are away");
    io.in(ended?.id ?? "").disconnectSockets();

    const connected = nextSocket(io);
    const again = await ask(server, { device: "d", ...authOf(pid) });
    expect(await again.until("40")).not.toContain(pid);
    expect(await again.until('42["hf:gap"')).toContain('"reason":"session"');
    const socket = await connected;
    expect([socket.resume.kind, [...socket.rooms]]).toEqual(["gap", [socket.id]]);
    const rooms = roomsOfNext(io);
    await ask(server, { device: "d" });
    expect(await rooms).toEqual(["room of tab 1"]);
  },
);

interface Asked {
  probe(waitMs: number): Promise<boolean>;
}

it("asks 64 of many connections that one holder has, those that have been quiet the longest", async () => {
  const server = await start({ store: "memory", identify: () => "guest" });
  const { io } = server;
  const come = async () => {
    const connected = nextSocket(io);
    const client = await RawWebSocket.open(server);
    await client.join();
    return { client, socket: await connected };
  };
  const { client: deaf, socket: quiet } = await come();
  for (let more = 0; more < 70; more++) await come();
  deaf.answersPings = false;
  const said = await io.except(quiet.id).publish("n", 1);
  for (let missing = 1; missing > 0; missing = (await said.missing()).length) await pass(1);
  let asked = 0;
  for (const socket of io.sockets.sockets.values()) {
    const { _sessions } = inside<{ client: { _sessions: Asked } }>(socket).client;
    const probe = _sessions.probe.bind(_sessions);
    _sessions.probe = (waitMs) => {
      asked++;
      return probe(waitMs);
    };
  }
  const takenOver = next(quiet, "disconnect");
  await come();
  await takenOver;
  expect(asked).toBe(64);
});
