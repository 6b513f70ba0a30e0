/** The server of the chat: an HTTP server with three files, and Holdfast on it. */
import { readFile } from "node:fs/promises";
import { createServer, type Server as HttpServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type ServerOptions } from "holdfast";
import { type ChatServer, identify, serveChat } from "./chat.ts";

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

export interface ChatOptions extends Partial<ServerOptions> {
  /** 0, the default, takes any that is free. */
  port?: number;
  host?: string;
}

export async function startChat({ port = 0, host, ...options }: ChatOptions = {}): Promise<Chat> {
  const http = createServer((request, response) => {
    serveFile(request.url ?? "/", response).catch(() => response.destroy());
  });
  const io: ChatServer = new Server(http, { store: "memory", identify, ...options });
  const stop = serveChat(io);
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, host, resolve);
  });
  const url = `http://localhost:${(http.address() as AddressInfo).port}`;
  const close = () => {
    stop();
    return io.close();
  };
  return { io, http, url, close };
}
