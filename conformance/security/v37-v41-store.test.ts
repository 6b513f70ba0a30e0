/** V37 to V41: what a client can make of keys, positions, private ids and message ids on a server with a store. */
import { MemoryJournal, type Page, type ReadRequest, type Stream } from "@holdfast/journal";
import type { Socket } from "holdfast";
import { expect, it, onTestFinished } from "vitest";
import {
  jsonOf,
  next,
  nextSocket,
  RawWebSocket,
  type Running,
  start,
  until,
} from "../support/clients.ts";
import { newFolder } from "../support/folder.ts";

interface Ids {
  readonly sid: string;
  readonly pid: string;
}

/** The newest position that a client was told. */
function positionOf(raw: RawWebSocket): string {
  const frames = raw.received.map(String).filter((frame) => frame.startsWith('42["hf:position"'));
  return /"(hf\.[^"]+)"/.exec(frames.at(-1) ?? "")?.[1] ?? "";
}

function eventsOf(raw: RawWebSocket, event: string): string[] {
  return raw.received.map(String).filter((frame) => frame.startsWith(`42["${event}"`));
}

async function historyOf({ io }: Running) {
  const found: { args: readonly unknown[] }[] = [];
  for await (const event of io.room("room").history()) found.push(event);
  return found;
}

/** A client that has joined a room and gone. */
async function leaveSession(
  server: Running,
  room: string,
  auth: object = {},
): Promise<{ ids: Ids; position: string }> {
  const serverSide = nextSocket(server.io);
  const raw = await RawWebSocket.open(server);
  const ids = jsonOf(await raw.join("/", auth)) as Ids;
  const socket = await serverSide;
  await socket.join(room);
  const gone = next(socket, "disconnect");
  raw.close();
  await gone;
  return { ids, position: positionOf(raw) };
}

/** Comes with what is given, and waits until everything up to now has been sent. */
async function come(server: Running, auth: object): Promise<[RawWebSocket, Socket]> {
  const serverSide = nextSocket(server.io);
  const raw = await RawWebSocket.open(server);
  await raw.join("/", auth);
  const socket = await serverSide;
  await socket.resume.done;
  socket.transient.emit("fence");
  await until(() => eventsOf(raw, "fence").length === 1, "the fence");
  return [raw, socket];
}

/** Counts how many pages of journals in memory are read at once. No read ends before the gate is open. */
class CountedReads {
  readonly #gate: Promise<void>;
  open: () => void = () => undefined;
  #reads = 0;
  readsMax = 0;
  bytesMax = 0;

  constructor() {
    this.#gate = new Promise((resolve) => {
      this.open = resolve;
    });
    const count = (stream: Stream) => this.#counted(stream);
    const { stream } = MemoryJournal.prototype;
    MemoryJournal.prototype.stream = async function (this: MemoryJournal, name: string) {
      return count(await stream.call(this, name));
    };
    onTestFinished(() => {
      MemoryJournal.prototype.stream = stream;
    });
  }

  #counted(opened: Stream): Stream {
    return new Proxy(opened, {
      get: (stream, member) => {
        if (member === "read") return (request: ReadRequest) => this.#read(stream, request);
        const value: unknown = Reflect.get(stream, member, stream);
        return typeof value === "function" ? value.bind(stream) : value;
      },
    });
  }

  async #read(stream: Stream, request: ReadRequest): Promise<Page> {
    this.#reads++;
    this.readsMax = Math.max(this.readsMax, this.#reads);
    await this.#gate;
    const page = await stream.read(request);
    const bytes = page.entries.reduce((sum, { body }) => sum + body.length, 0);
    this.bytesMax = Math.max(this.bytesMax, bytes);
    this.#reads--;
    return page;
  }
}

it("V38: however many clients ask for everything at once, few pages are read at a time, and each gets all", async () => {
  const counted = new CountedReads();
  const server = await start({
    store: "memory",
    identify: (socket) => socket.handshake.auth["name"],
    limits: { concurrentReads: 4 },
  });
  const { io } = server;
  const clients = 60;
  for (let n = 0; n < clients; n++) await leaveSession(server, "room", { name: `n${n}` });
  const entries = 3000;
  const text = "x".repeat(500);
  for (let n = 0; n < entries; n++) io.to("room").emit("entry", n, text);
  const back = await Promise.all(
    Array.from({ length: clients }, async (_, n) => {
      const raw = await RawWebSocket.open(server);
      await raw.join("/", { name: `n${n}` });
      return raw;
    }),
  );
  counted.open();
  for (const raw of back) {
    await until(() => eventsOf(raw, "entry").length >= entries, "all entries");
    expect(eventsOf(raw, "entry").map((frame) => Number(frame.split(",")[1]))).toEqual(
      Array.from({ length: entries }, (_, n) => n),
    );
  }
  expect(counted.readsMax).toBe(4);
  expect(counted.bytesMax).toBeLessThanOrEqual(256 * 1024 + 1024);
});

it("V37: a key __proto__ is data in what is stored, too", async () => {
  const json = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
  const store = newFolder();
  const startOn = async () => {
    const server = await start({ store });
    server.io.on("connection", (socket) => {
      socket.data.auth = socket.handshake.auth;
      socket.on("say", (value: unknown) => {
        socket.data.said = value;
        server.io.to("room").emit("said", value);
      });
    });
    return server;
  };
  const first = await startOn();
  const listener = await leaveSession(first, "room");
  const serverSide = nextSocket(first.io);
  const raw = await RawWebSocket.open(first);
  const speaker = jsonOf(await raw.join("/", JSON.parse(json) as object)) as Ids;
  const socket = await serverSide;
  const handled = next(socket, "say");
  await raw.send(`42["say",${json}]`);
  await handled;
  const gone = next(socket, "disconnect");
  raw.close();
  await gone;
  await first.io.close();

  const second = await startOn();
  expect((await historyOf(second)).map(({ args }) => JSON.stringify(args))).toEqual([`[${json}]`]);
  const [back] = await come(second, listener.ids);
  expect(eventsOf(back, "said")).toEqual([`42["said",${json}]`]);
  const [, again] = await come(second, { ...speaker, ...(JSON.parse(json) as object) });
  expect(again.recovered).toBe(true);
  const { said } = again.data as { said: unknown };
  expect(JSON.stringify(said)).toBe(json);
  expect(Object.getPrototypeOf(said)).toBe(Object.prototype);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

it("V39: a message id suppresses only what the same client has published", async () => {
  const server = await start({
    store: "memory",
    identify: (socket) => socket.handshake.auth["name"],
  });
  server.io.on("connection", (socket) => {
    void socket.join("room");
    socket.on("say", (id: string, text: string, answer: (duplicate: boolean) => void) => {
      void server.io
        .to("room")
        .publish("said", text, { id, by: socket })
        .then(({ duplicate }) => answer(duplicate));
    });
  });
  const [eve] = await come(server, { name: "eve" });
  const [ann] = await come(server, { name: "ann" });
  await eve.send('421["say","id-of-ann","nothing to see"]');
  expect(await eve.until("431")).toBe("431[false]");
  await ann.send('421["say","id-of-ann","help"]');
  expect(await ann.until("431")).toBe("431[false]");
  await ann.send('422["say","id-of-ann","help"]');
  expect(await ann.until("432")).toBe("432[true]");
  await until(() => eventsOf(eve, "said").length === 2, "both");
  expect(eventsOf(eve, "said")).toEqual(['42["said","nothing to see"]', '42["said","help"]']);
});

it("V40: a position that was not given to the client, or is none, is as good as none, and the server stays up", async () => {
  const server = await start({ store: "memory" });
  const { ids, position } = await leaveSession(server, "room");
  server.io.to("room").emit("n", 1);
  const api = (await server.io.to("room").publish("n", 2)).position;
  const [, epoch = "", offset = "", check = ""] = position.split(".");
  const forged = [
    api,
    api.replace(/^hp/, "hf"),
    `hf.${epoch}.${(Number.parseInt(offset, 36) + 5).toString(36)}.${check}`,
    `hf.${epoch}.-1.${check}`,
    `hf.${epoch}.zzzzzzzzzzz.${check}`,
    `hf.${"e".repeat(64)}.${offset}.${check}`,
    `${position}.`,
    "hf...",
    "x".repeat(100_000),
    "",
    2 ** 64,
    -1,
    null,
    {},
    ["hf"],
    true,
  ];
  for (const given of forged) {
    const [raw, socket] = await come(server, { pid: ids.pid, offset: given });
    // Nobody has confirmed anything on these connections before: both are still owed, or were repeated.
    expect(eventsOf(raw, "hf:gap")).toEqual([]);
    expect(socket.recovered).toBe(true);
    raw.close();
    await next(socket, "disconnect");
  }
  const wellFormed = `${"A".repeat(20)}.${"A".repeat(8)}`;
  for (const pid of [5, {}, "", "x".repeat(100_000), `${ids.pid}x`, wellFormed, ids.sid, null]) {
    const [raw, socket] = await come(server, { pid, offset: position });
    expect(socket.recovered).toBe(false);
    expect(socket.rooms).toEqual(new Set([socket.id]));
    expect(eventsOf(raw, "n")).toEqual([]);
    expect(eventsOf(raw, "hf:gap")).toEqual([]);
  }
});

it("V41: with genuine positions of others a client learns nothing of rooms that it is not in", async () => {
  const server = await start({ store: "memory" });
  const ann = await leaveSession(server, "secret");
  const eve = await leaveSession(server, "public");
  server.io.to("secret").emit("n", "secret");
  server.io.to("public").emit("n", "public");
  const [raw, socket] = await come(server, { pid: eve.ids.pid, offset: ann.position });
  expect(eventsOf(raw, "n")).toEqual(['42["n","public"]']);
  expect(socket.rooms).toEqual(new Set([socket.id, "public"]));
  server.io.emit("n", "to all, before the next one came");
  // A position before its session began is as good as its beginning.
  const [late] = await come(server, {});
  const { pid } = jsonOf(late.received.map(String).find((f) => f.startsWith("40")) ?? "") as Ids;
  await until(() => positionOf(late) !== "", "a position");
  late.close();
  const [again] = await come(server, { pid, offset: ann.position });
  expect(eventsOf(again, "n")).toEqual([]);
});
