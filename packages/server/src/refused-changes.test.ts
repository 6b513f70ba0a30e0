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
  /** What the client is sent until it has the event "last". */
  heard(): Promise<string[]>;
}

async function connect(isRefused: (text: string) => boolean): Promise<Connected> {
  const httpServer = http.createServer();
  const journal = Promise.resolve(refusing(isRefused));
  const options = {
    store: "./data",
    limits: { roomsPerSocket: 5 },
    [simulation]: { host: nodeHost, journal },
  };
  const io = new Server(httpServer, options);
  onTestFinished(async () => {
    await io.close();
  });
  await new Promise<void>((resolve) => httpServer.listen(0, "127.0.0.1", resolve));
  const { port } = httpServer.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`;
  const client = new WebSocket(url);
  onTestFinished(() => client.terminate());
  const connected = new Promise<Socket>((resolve) => io.once("connection", resolve));
  const names: string[] = [];
  let last = () => {};
  const done = new Promise<void>((resolve) => {
    last = resolve;
  });
  client.on("message", (data: Buffer) => {
    const text = data.toString();
    if (text.startsWith("0")) client.send("40");
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
  return { io, socket, client, errors, heard };
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

it("says so on the console where nobody listens, and once for all who are away", async () => {
  const lines: string[] = [];
  const log = vi.spyOn(console, "error").mockImplementation((line: unknown) => {
    lines.push(String(line));
  });
  onTestFinished(() => log.mockRestore());
  const { io, socket } = await connect(has("join", "refused"));
  socket.removeAllListeners("error");
  void socket.join("refused");
  await vi.waitFor(() => expect(lines.length).toBe(1));
  expect(lines[0]).toContain("a change of rooms was not kept");
  const delivery = io.of("/")._keeper?.delivery;
  for (const key of ["a", "b"]) {
    const start = { session: key, pid: `p${key}`, socketId: `i${key}`, rooms: ["away"] };
    await delivery?.begin({ type: "start", ...start }).started;
  }
  io.in("away").socketsJoin("refused");
  await vi.waitFor(() => expect(lines.length).toBeGreaterThan(1));
  await io.publish("fence");
  expect(lines.length).toBe(2);
  expect(lines[1]).toContain("not done to sessions that are away");
});

it("ends a session later whose end was refused", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => log.mockRestore());
  let refuses = true;
  const { io } = await connect((text) => text.includes('"type":"end"') && refuses);
  const delivery = io.of("/")._keeper?.delivery;
  const start = { session: "a", pid: "p", socketId: "i", rooms: ["away"] };
  await delivery?.begin({ type: "start", ...start }).started;
  const end = async () => {
    io.in("away").disconnectSockets();
    await io.publish("fence");
    return delivery?.sessions.byKey.get("a");
  };
  expect((await end())?.ending).toBe(false);
  expect(log).toHaveBeenCalledTimes(1);
  refuses = false;
  expect(await end()).toBeUndefined();
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
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => log.mockRestore());
  const { io } = await connect(() => false);
  const delivery = io.of("/")._keeper?.delivery;
  const start = { session: "a", pid: "p", socketId: "i", rooms: ["1", "2", "3"] };
  await delivery?.begin({ type: "start", ...start }).started;
  const rooms = () => delivery?.sessions.byKey.get("a")?.shownRooms();
  io.in("1").socketsJoin(["4", "5", "6"]);
  expect(rooms()).toEqual(["1", "2", "3"]);
  expect(log).toHaveBeenCalledTimes(1);
  // Those that it is in do not count twice, and those that it has left not at all.
  io.in("1").socketsJoin(["4", "5", "4", "1"]);
  io.in("1").socketsLeave("5");
  io.in("1").socketsJoin("6");
  await io.publish("fence");
  expect(rooms()).toEqual(["1", "2", "3", "4", "6"]);
  io.in("1").socketsJoin("7");
  await io.publish("fence");
  expect(rooms()).toEqual(["1", "2", "3", "4", "6"]);
  expect(log).toHaveBeenCalledTimes(2);
});
