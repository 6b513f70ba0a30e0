/**
 * Changes of sessions that the store does not take. Goal: `rooms` shows what holds, so that nobody is shown in a room whose
 * events it is not given; somebody is told; what else was refused is tried again. Method: a journal in memory that refuses some records, and a raw client.
 */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type Journal, JournalError, MemoryJournal, type StreamFollower } from "@holdfast/journal";
import { expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { nodeHost, simulation } from "./host/host.ts";
import { Server } from "./server.ts";
import type { Socket } from "./socket.ts";

/** @param isRefused tells by the text of a session record whether it finds no space */
function refusing(isRefused: (text: string) => boolean): Journal {
  const journal = new MemoryJournal({});
  const open = journal.stream.bind(journal);
  journal.stream = async (name) => {
    const stream = await open(name);
    const append = stream.append.bind(stream);
    const follow = stream.follow.bind(stream);
    let follower: StreamFollower | undefined;
    stream.follow = (given) => {
      follower = given;
      return follow(given);
    };
    stream.append = (records) => {
      for (const record of records) {
        const text = record.kind === "session" ? Buffer.from(record.body).toString() : "";
        if (isRefused(text)) follower?.refused(record, new JournalError("HF_STORE_FULL"));
        else append([record]);
      }
    };
    return stream;
  };
  return journal;
}

interface Connected {
  readonly io: Server;
  readonly socket: Socket;
  readonly client: WebSocket;
  readonly errors: unknown[];
  pid(): string;
  /** Whether the client answers pings. */
  answer(does: boolean): void;
  /** What the client is sent until it has the event "last". */
  heard(): Promise<string[]>;
}

/** Connects, and asks for the main namespace. */
function come(url: string, pid?: string): WebSocket {
  const client = new WebSocket(url);
  onTestFinished(() => client.terminate());
  client.on("message", (data: Buffer) => {
    if (data.toString().startsWith("0")) {
      client.send(pid === undefined ? "40" : `40${JSON.stringify({ pid })}`);
    }
  });
  return client;
}

async function connect(
  isRefused: (text: string) => boolean,
  roomsPerSocket = 5,
): Promise<Connected> {
  const httpServer = http.createServer();
  const journal = Promise.resolve(refusing(isRefused));
  const options = {
    store: "./data",
    limits: { roomsPerSocket },
    [simulation]: { host: nodeHost, journal },
  };
  const io = new Server(httpServer, options);
  onTestFinished(async () => {
    await io.close();
  });
  await new Promise<void>((resolve) => httpServer.listen(0, "127.0.0.1", resolve));
  const { port } = httpServer.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`;
  const client = come(url);
  let pid = "";
  let answers = true;
  const connected = new Promise<Socket>((resolve) => io.once("connection", resolve));
  const names: string[] = [];
  let last = () => {};
  const done = new Promise<void>((resolve) => {
    last = resolve;
  });
  client.on("message", (data: Buffer) => {
    const text = data.toString();
    if (text === "2" && answers) client.send("3");
    if (text.startsWith("40")) ({ pid } = JSON.parse(text.slice(2)) as { pid: string });
    const [, name] = /^42\["([^"]+)"/.exec(text) ?? [];
    if (name !== undefined && !name.startsWith("hf:")) names.push(name);
    if (name === "last") last();
  });
  const socket = await connected;
  const errors: unknown[] = [];
  socket.on("error", (error: Error & { code?: string }) => errors.push(error.code));
  const heard = async () => {
    await io.publish("last");
    await done;
    return names;
  };
  const answer = (does: boolean) => {
    answers = does;
  };
  return { io, socket, client, errors, pid: () => pid, answer, heard };
}

const has = (type: string, room: string) => (text: string) =>
  text.includes(`"type":"${type}"`) && text.includes(`"${room}"`);

it("takes a join back that was refused, and only what it has brought", async () => {
  const { io, socket, errors, heard } = await connect(has("join", "refused"));
  await socket.join("room");
  await expect(socket.join(["room", "refused", "too"])).rejects.toMatchObject({
    code: "HF_STORE_FULL",
  });
  expect(socket.rooms).toEqual(new Set([socket.id, "room"]));
  expect([...io.of("/").adapter.rooms.keys()]).toEqual([socket.id, "room"]);
  expect(errors).toEqual(["HF_STORE_FULL"]);
  for (const room of ["room", "refused", "too"]) io.to(room).emit(`to ${room}`);
  expect(await heard()).toEqual(["to room", "last"]);
});

it("keeps a room that was joined in another call meanwhile", async () => {
  let refuses = true;
  const isJoin = has("join", "room");
  const { io, socket, errors, heard } = await connect((text) => isJoin(text) && refuses);
  const refused = socket.join("room");
  refuses = false;
  void socket.leave("room");
  const joined = socket.join("room");
  await expect(refused).rejects.toMatchObject({ code: "HF_STORE_FULL" });
  await joined;
  expect(errors).toEqual(["HF_STORE_FULL"]);
  expect(socket.rooms).toEqual(new Set([socket.id, "room"]));
  io.to("room").emit("to room");
  expect(await heard()).toEqual(["to room", "last"]);
});

it("takes a join with older events back, too", async () => {
  const { io, socket, errors, heard } = await connect(has("join", "refused"));
  await io.to("refused").publish("before");
  const joined = socket.join(["room", "refused"], "start");
  await expect(joined).rejects.toMatchObject({ code: "HF_STORE_FULL" });
  expect(socket.rooms).toEqual(new Set([socket.id, "room"]));
  expect(errors).toEqual(["HF_STORE_FULL"]);
  io.to("refused").emit("later");
  expect(await heard()).toEqual(["last"]);
});

it("shows a room again whose leave was refused: its events still come", async () => {
  const { io, socket, errors, heard } = await connect(has("leave", "room"));
  await socket.join("room");
  await expect(socket.leave("room")).rejects.toMatchObject({ code: "HF_STORE_FULL" });
  expect(socket.rooms).toEqual(new Set([socket.id, "room"]));
  expect(errors).toEqual(["HF_STORE_FULL"]);
  io.to("room").emit("to room");
  expect(await heard()).toEqual(["to room", "last"]);
});

function consoleLines(): string[] {
  const lines: string[] = [];
  const log = vi.spyOn(console, "error").mockImplementation((...all: unknown[]) => {
    lines.push(all.map(String).join(" "));
  });
  onTestFinished(() => log.mockRestore());
  return lines;
}

it("says so on the console where nobody listens, once in a while", async () => {
  const lines = consoleLines();
  const { io, socket } = await connect(has("join", "refused"));
  socket.removeAllListeners("error");
  for (let n = 0; n < 100; n++) void socket.join(["refused", `${n}`]);
  await io.publish("fence");
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain("a change of rooms was not kept");
});

it("says so on the console for those who are away, and writes down nothing for whom it changes nothing", async () => {
  const lines = consoleLines();
  const { io } = await connect(has("join", "refused"));
  const delivery = io.of("/")._keeper?.delivery;
  if (delivery === undefined) throw new Error("no store");
  for (const key of ["a", "b"]) {
    const start = { session: key, pid: `p${key}`, socketId: `i${key}`, rooms: ["away"] };
    await delivery.begin({ type: "start", ...start }).started;
  }
  io.in("away").socketsJoin("refused");
  await io.publish("fence");
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain("not done to sessions that are away");
  const change = vi.spyOn(delivery, "change");
  io.in("away").socketsJoin("away");
  io.in("away").socketsLeave(["refused", "other", "x".repeat(100_000)]);
  expect(change).not.toHaveBeenCalled();
  io.in("away").socketsLeave(["other", "away"]);
  expect(change.mock.calls.map(([{ type }]) => type)).toEqual(["leave", "leave"]);
});

it("takes back what was not awaited, and ends nothing: several leaves, a join with older events", async () => {
  const { socket, errors, heard } = await connect((text) => /"(leave|join)".*"refused"/.test(text));
  await socket.join(["one", "two"]);
  void socket.join("refused", "start");
  await heard();
  expect(errors).toEqual(["HF_STORE_FULL"]);
  expect(socket.rooms).toEqual(new Set([socket.id, "one", "two"]));
});

it("leaves several at once, and tells when one is refused", async () => {
  const { io, socket, errors } = await connect(has("leave", "one"));
  await socket.join(["one", "two", "three"]);
  void socket.leave(["one", "two"]);
  await io.publish("fence");
  await expect(socket.leave(["three", "one"])).rejects.toMatchObject({ code: "HF_STORE_FULL" });
  await io.publish("fence");
  expect(errors).toEqual(["HF_STORE_FULL", "HF_STORE_FULL"]);
  expect(socket.rooms).toEqual(new Set([socket.id, "one"]));
});

it("keeps a socket in its own room", async () => {
  const { io, socket } = await connect((text) => text.includes('"type":"join"'));
  await expect(socket.join([socket.id, "other"], "start")).rejects.toMatchObject({
    code: "HF_STORE_FULL",
  });
  expect(socket.rooms).toEqual(new Set([socket.id]));
  expect((await io.in(socket.id).fetchSockets()).map(({ id }) => id)).toEqual([socket.id]);
});

it("takes back what a middleware has joined for a session that comes back, and keeps it to the limit", async () => {
  const { io, socket, client, pid, heard } = await connect(has("join", "late"));
  await socket.join("room");
  await heard();
  let joins = ["late"];
  io.use((coming, next) => {
    void coming.join(joins);
    next();
  });
  const errors: unknown[] = [];
  io.use((coming, next) => {
    coming.on("error", (error: Error & { code?: string }) => errors.push(error.code));
    next();
  });
  let last = { socket, client };
  const rooms = async () => {
    const gone = new Promise((resolve) => last.socket.once("disconnect", resolve));
    last.client.terminate();
    await gone;
    const again = new Promise<Socket>((resolve) => io.once("connection", resolve));
    last = { client: come(client.url, pid()), socket: await again };
    await io.publish("fence");
    const { id, rooms: shown } = last.socket;
    expect(id).toBe(socket.id);
    return [...shown].filter((room) => room !== id).sort();
  };
  expect(await rooms()).toEqual(["room"]);
  expect(errors).toEqual(["HF_STORE_FULL"]);
  joins = ["room", "1", "2", "3"];
  expect(await rooms()).toEqual(["1", "2", "3", "room"]);
  joins = ["room", "1", "4"];
  expect(await rooms()).toEqual(["1", "2", "3", "room"]);
  expect(errors).toEqual(["HF_STORE_FULL", "HF_ROOMS_TOO_MANY"]);
});

it("ends a session later whose end was refused", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => log.mockRestore());
  let refuses = true;
  const { io } = await connect((text) => text.includes('"type":"end"') && refuses);
  const delivery = io.of("/")._keeper?.delivery;
  const start = { session: "a", pid: "p", socketId: "i", rooms: ["away"] };
  await delivery?.begin({ type: "start", ...start }).started;
  const left = () => delivery?.sessions.byKey.get("a");
  const sweep = async () => {
    await delivery?.expiry.sweep(() => false);
    await io.publish("fence");
  };
  io.in("away").disconnectSockets();
  await sweep();
  // Nobody takes it up in the meantime.
  expect(left()?.ending).toBe(true);
  expect(log).toHaveBeenCalledTimes(1);
  refuses = false;
  await sweep();
  expect(left()).toBeUndefined();
});

it("stores data again that was refused, though it has not changed", async () => {
  let refuses = true;
  const { io, socket } = await connect((text) => text.includes('"type":"data"') && refuses);
  const delivery = io.of("/")._keeper?.delivery;
  const session = socket._session;
  if (delivery === undefined || session === undefined) throw new Error("no session");
  const change = vi.spyOn(delivery, "change");
  socket.data.name = "ann";
  const data = io.of("/")._keeper?.data;
  data?.store(socket, session);
  await expect(change.mock.results[0]?.value).rejects.toMatchObject({ code: "HF_STORE_FULL" });
  refuses = false;
  data?.store(socket, session);
  await change.mock.results[1]?.value;
  data?.store(socket, session);
  expect(change).toHaveBeenCalledTimes(2);
});

it("V29: who is away joins no more rooms than a socket may", async () => {
  const lines = consoleLines();
  const { io } = await connect(() => false);
  const delivery = io.of("/")._keeper?.delivery;
  const start = { session: "a", pid: "p", socketId: "i", rooms: ["1", "2", "3"] };
  await delivery?.begin({ type: "start", ...start }).started;
  const rooms = () => delivery?.sessions.byKey.get("a")?.shownRooms();
  io.in("1").socketsJoin(["4", "5"]);
  expect(rooms()).toEqual(["1", "2", "3"]);
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain("too many rooms");
  // Those that it is in do not count twice, and those that it has left not at all. Its own is one of the five.
  io.in("1").socketsJoin(["4", "1"]);
  io.in("1").socketsLeave("4");
  io.in("1").socketsJoin("5");
  await io.publish("fence");
  expect(rooms()).toEqual(["1", "2", "3", "5"]);
  io.in("1").socketsJoin("6");
  await io.publish("fence");
  expect(rooms()).toEqual(["1", "2", "3", "5"]);
});

it("V29: the names of a session's rooms have a limit together, with those that it has left unconfirmed", async () => {
  const { io, socket, client, errors, answer } = await connect(() => false, 10_000);
  const names = (count: number, of: string) =>
    Array.from({ length: count }, (_, n) => `${of}${n}`.padEnd(16_000, "x"));
  const most = Math.floor((8 * 1024 * 1024) / 16_000);
  await socket.join(names(most, "a"));
  // One that is short still fits.
  await socket.join("short");
  await socket.join(names(1, "b"));
  expect(errors).toEqual(["HF_ROOMS_TOO_MANY"]);
  expect(socket.rooms.size).toBe(most + 2);
  // It has been sent events of its rooms, and may come back for them: so they are remembered.
  answer(false);
  io.emit("event");
  await socket.leave(names(most, "a"));
  await socket.join(names(most, "b"));
  expect(errors.length).toBe(2);
  expect(socket.rooms.size).toBe(2);
  // Short ones are left and joined again as often as anybody likes.
  for (let n = 0; n < 100; n++) {
    await socket.leave("short");
    await socket.join("short");
  }
  expect(errors.length).toBe(2);
  expect(client.readyState).toBe(client.OPEN);
});

it("V29: rooms that were left count no more once their events are confirmed", async () => {
  const { io, socket, errors } = await connect(() => false, 10_000);
  const names = (of: string) =>
    Array.from({ length: 500 }, (_, n) => `${of}${n}`.padEnd(16_000, "x"));
  const session = socket._session;
  for (const of of ["a", "b", "c"]) {
    await socket.join(names(of));
    await socket.leave(names(of));
    const leftAt = session?.memberships.get(names(of)[499] ?? "")?.at(-1) ?? 0;
    io.emit("event");
    await vi.waitFor(() => expect(session?.receipt).toBeGreaterThan(leftAt), 20_000);
  }
  await socket.join("room");
  expect(errors).toEqual([]);
  expect(socket.rooms).toEqual(new Set([socket.id, "room"]));
  expect(session?.roomCharacters).toBeLessThan(9 * 1024 * 1024);
});
