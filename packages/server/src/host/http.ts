/** The network and the disk, as far as the server opens them itself. */
import { createReadStream } from "node:fs";
import {
  createServer,
  type IncomingHttpHeaders,
  IncomingMessage,
  type RequestListener,
  type Server,
} from "node:http";
import { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** Makes an HTTP server; the caller lets it listen. */
export function createHttpServer(listener: RequestListener): Server {
  return createServer(listener);
}

/** Whether it is a socket of Node's own, be it on TCP, on a local path or within TLS. */
export function isNetworkSocket(socket: Duplex): socket is Socket {
  return socket instanceof Socket;
}

/** As `ws` does it: no timeout but the heartbeat's, and no waiting for more to send. */
export function prepareForWebSocket(socket: Duplex): void {
  if (!isNetworkSocket(socket)) return;
  socket.setTimeout(0);
  socket.setNoDelay();
}

/** A request that nobody sent. */
export function makeRequest(headers: IncomingHttpHeaders): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { method: "GET", url: "/", headers });
}

/** Opens one of the bundles of the stock client. `name` comes from a fixed list, never from a URL. */
export function openClientFile(name: string): Readable {
  // The folder lies at the root of the package: two levels up from `src/host/`, one up from `dist/`.
  const folder = import.meta.url.endsWith("/src/host/http.ts")
    ? "../../client-dist/"
    : "../client-dist/";
  return createReadStream(fileURLToPath(new URL(folder + name, import.meta.url)));
}
