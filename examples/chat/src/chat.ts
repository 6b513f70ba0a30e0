/** The chat itself: a name to come in, then rooms that remember. */
import type { Server, Socket } from "holdfast";
import {
  type AdminEvents,
  type ClientEvents,
  type Draft,
  nameLengthMax,
  type OldMessage,
  type Person,
  rooms,
  type ServerEvents,
  type SocketData,
  textLengthMax,
} from "./events.ts";
import { Ticks } from "./ticks.ts";

type Nothing = Record<string, never>;
export type ChatServer = Server<ClientEvents, ServerEvents, Nothing, SocketData>;
type ChatSocket = Socket<ClientEvents, ServerEvents, Nothing, SocketData>;

/** How many messages of a room are shown to who enters it. */
const historyLength = 100;

/**
 * A client's session is found again by these names, after a reload or a restart. Here everybody is who they say, on
 * a browser that only they know the key of. An app with logins gives what it has verified.
 */
export function identify({ data, handshake }: ChatSocket) {
  const device: unknown = handshake.auth["device"];
  const named = typeof device === "string" && device !== "" && device.length <= 64;
  return { user: data.name, device: named ? device : undefined };
}

/** @returns what stops it */
export function serveChat(io: ChatServer): () => void {
  const ticks = new Ticks(io);
  const tellAdmin = serveAdmin(io);

  io.use((socket, next) => {
    const name = cleanText(socket.handshake.auth["name"], nameLengthMax);
    if (name === undefined) {
      next(new Error(`a name has 1 to ${nameLengthMax} characters`));
      return;
    }
    socket.data.name = name;
    next();
  });

  /** Who is in the room, connected or not: each once, whatever tabs and devices they have. */
  const peopleIn = async (room: string): Promise<Person[]> => {
    const online = new Map<string, boolean>();
    for (const { userId: name = "", online: here } of await io.room(room).members()) {
      online.set(name, here || online.get(name) === true);
    }
    return [...online]
      .map(([name, here]) => ({ name, online: here }))
      .sort((a, b) => a.name.localeCompare(b.name));
  };

  /** Not stored: who comes back asks who is there then. */
  const tellRoom = async (room: string): Promise<void> => {
    io.to(room).transient.emit("here", room, await peopleIn(room));
  };

  const historyOf = async (room: string): Promise<OldMessage[]> => {
    const messages: OldMessage[] = [];
    for await (const entry of io.room(room).history({ last: historyLength })) {
      if (entry.event !== "said") continue;
      const [message] = entry.args;
      const delivered = await ticks.hasEverybody(room, entry);
      // It may have been said before the server was started.
      if (!delivered) ticks.watch(message, entry);
      messages.push({ ...message, delivered });
    }
    return messages;
  };

  const enter = async (socket: ChatSocket, room: string): Promise<OldMessage[]> => {
    const before = socket.data.room;
    socket.data.room = room;
    if (before !== undefined && before !== room) {
      await socket.leave(before);
      await tellRoom(before);
    }
    // In first, then the history: what is said meanwhile may come twice, but not never. The page knows it by its id.
    await socket.join(room);
    return historyOf(room);
  };

  io.on("connection", (socket) => {
    tellAdmin();

    socket.on(
      "enter",
      unlessItFails(async (room, reply) => {
        if (typeof reply !== "function") return;
        if (!isRoom(room)) {
          reply({ ok: false, why: "there is no such room" });
          return;
        }
        const messages = await enter(socket, room);
        reply({ ok: true, value: { messages, people: await peopleIn(room) } });
        await tellRoom(room);
        tellAdmin();
      }),
    );

    // The page sends it until it has an answer, and here it runs once: a repeat is given the answer of the first.
    socket.on("say", { once: ({ id }) => id }, async (draft) => {
      const checked = checkDraft(draft);
      if (typeof checked === "string") return { ok: false, why: checked };
      const message = { ...checked, name: socket.data.name };
      // The id again: for a server that is killed when it has stored the message, and not yet the answer.
      const options = { id: message.id, by: socket };
      ticks.watch(message, await io.to(message.room).publish("said", message, options));
      return { ok: true, value: null };
    });

    socket.on("typing", () => {
      const { room, name } = socket.data;
      if (room !== undefined) socket.to(room).volatile.emit("typing", room, name);
    });

    socket.on(
      "disconnect",
      unlessItFails(async () => {
        tellAdmin();
        const { room } = socket.data;
        if (room !== undefined) await tellRoom(room);
      }),
    );
  });
  return () => ticks.stop();
}

/** The namespace /admin tells who is on. */
function serveAdmin(io: ChatServer): () => void {
  type People = Parameters<AdminEvents["online"]>[0];
  const admin = io.of("/admin") as unknown as Server<Nothing, AdminEvents>;
  const tell = () => {
    const people: People = [...io.sockets.sockets.values()].map((socket) => ({
      name: socket.data.name,
      room: socket.data.room ?? null,
      transport: socket.conn.transport.name,
    }));
    admin.transient.emit("online", people);
  };
  admin.on("connection", tell);
  return tell;
}

/** A handler that fails (the store is full, the server ends) gives no answer: the client asks again. */
function unlessItFails<Args extends unknown[]>(
  run: (...args: Args) => Promise<void>,
): (...args: Args) => void {
  return (...args) => {
    run(...args).catch((error: unknown) => console.error("chat:", error));
  };
}

const isRoom = (room: unknown): room is string => rooms.some((known) => known === room);

/** What a client sent, if it is a message; otherwise, why not. */
function checkDraft({ id, room, text: given, at }: Draft): Draft | string {
  const text = cleanText(given, textLengthMax);
  if (text === undefined) return `a message has 1 to ${textLengthMax} characters`;
  if (!isRoom(room)) return "there is no such room";
  if (typeof id !== "string" || id.length > 64) return "a message has an id";
  if (!Number.isFinite(at) || Math.abs(at) > 8.64e15) return "a message has a time";
  return { id, room, text, at };
}

/** What a client gave as text, trimmed; undefined when it is none, or too long. */
function cleanText(given: unknown, lengthMax: number): string | undefined {
  if (typeof given !== "string") return undefined;
  const text = given.trim();
  return text.length > 0 && text.length <= lengthMax ? text : undefined;
}
