/** The server of the chat: an HTTP server with three files, and Holdfast on it. */
import { readFile } from "node:fs/promises";
import { createServer, type Server as HttpServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "holdfast";
import {
  type AdminEvents,
  type ClientEvents,
  type Message,
  nameLengthMax,
  rooms,
  type ServerEvents,
  type SocketData,
  textLengthMax,
} from "./events.ts";

type Nothing = Record<string, never>;
type ChatServer = Server<ClientEvents, ServerEvents, Nothing, SocketData>;
type ChatSocket = Socket<ClientEvents, ServerEvents, Nothing, SocketData>;

/** How many messages a room remembers. */
const historyLength = 100;

const files: Readonly<Record<string, { path: string; type: string }>> = {
  "/": { path: "../public/index.html", type: "text/html; charset=utf-8" },
  "/style.css": { path: "../public/style.css", type: "text/css; charset=utf-8" },
  "/page.js": { path: "./page.js", type: "text/javascript; charset=utf-8" },
};

async function serveFile(url: string, response: ServerResponse): Promise<void> {
  const file = files[new URL(url, "http://chat").pathname];
  if (file === undefined) {
    response.writeHead(404, { "content-type": "text/plain" }).end("not found");
    return;
  }
  const body = await readFile(new URL(file.path, import.meta.url));
  response
    .writeHead(200, {
      "content-type": file.type,
      "content-security-policy": "default-src 'self'",
      "x-content-type-options": "nosniff",
    })
    .end(body);
}

export interface Chat {
  readonly io: ChatServer;
  readonly http: HttpServer;
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the chat on a port; 0 takes any that is free. */
export async function startChat({
  port = 0,
  host,
}: {
  port?: number;
  host?: string;
} = {}): Promise<Chat> {
  const http = createServer((request, response) => {
    serveFile(request.url ?? "/", response).catch(() => response.destroy());
  });
  const io: ChatServer = new Server(http);
  chat(io);
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, host, resolve);
  });
  const url = `http://localhost:${(http.address() as AddressInfo).port}`;
  return { io, http, url, close: () => io.close() };
}

/** The chat itself: a name to come in, then rooms. */
function chat(io: ChatServer): void {
  const histories = new Map<string, Message[]>(rooms.map((room) => [room, []]));
  let nextId = 1;

  const admin = io.of("/admin") as unknown as { emit(event: "online", people: Person[]): boolean };
  type Person = Parameters<AdminEvents["online"]>[0][number];
  const people = (): Person[] =>
    [...io.sockets.sockets.values()].map((socket) => ({
      name: socket.data.name,
      room: socket.data.room ?? null,
      transport: socket.conn.transport.name,
    }));
  const tellAdmin = () => admin.emit("online", people());
  io.of("/admin").on("connection", tellAdmin);

  const namesIn = (room: string): string[] => {
    const ids = io.sockets.adapter.rooms.get(room) ?? new Set<string>();
    const names = [...ids].map((id) => io.sockets.sockets.get(id)?.data.name ?? "");
    return [...new Set(names)].filter(Boolean).sort((a, b) => a.localeCompare(b));
  };
  const tellRoom = (room: string) => io.to(room).emit("here", room, namesIn(room));

  io.use((socket, next) => {
    const name = cleanText(socket.handshake.auth["name"], nameLengthMax);
    if (name === undefined) {
      next(new Error(`a name has 1 to ${nameLengthMax} characters`));
      return;
    }
    socket.data.name = name;
    next();
  });

  const leave = (socket: ChatSocket): void => {
    const { room } = socket.data;
    if (room === undefined) return;
    delete socket.data.room;
    void socket.leave(room);
    tellRoom(room);
  };

  io.on("connection", (socket) => {
    socket.on("enter", (room, reply) => {
      if (typeof reply !== "function") return;
      const messages = histories.get(room);
      if (messages === undefined) {
        reply({ ok: false, why: "there is no such room" });
        return;
      }
      if (socket.data.room !== room) leave(socket);
      void socket.join(room);
      socket.data.room = room;
      reply({ ok: true, value: { messages, names: namesIn(room) } });
      tellRoom(room);
      tellAdmin();
    });

    socket.on("say", (given, reply) => {
      const { room, name } = socket.data;
      const text = cleanText(given, textLengthMax);
      const history = room === undefined ? undefined : histories.get(room);
      const answer = typeof reply === "function" ? reply : () => undefined;
      if (room === undefined || history === undefined) {
        answer({ ok: false, why: "enter a room first" });
      } else if (text === undefined) {
        answer({ ok: false, why: `a message has 1 to ${textLengthMax} characters` });
      } else {
        const message = { id: `${nextId++}`, name, text, at: Date.now() };
        history.push(message);
        if (history.length > historyLength) history.shift();
        socket.to(room).emit("said", room, message);
        answer({ ok: true, value: message });
      }
    });

    socket.on("typing", () => {
      const { room, name } = socket.data;
      if (room !== undefined) socket.to(room).volatile.emit("typing", room, name);
    });

    socket.on("disconnect", () => {
      leave(socket);
      tellAdmin();
    });
    tellAdmin();
  });
}

/** What a client gave as text, trimmed; undefined when it is none, or too long. */
function cleanText(given: unknown, lengthMax: number): string | undefined {
  if (typeof given !== "string") return undefined;
  const text = given.trim();
  return text.length > 0 && text.length <= lengthMax ? text : undefined;
}
