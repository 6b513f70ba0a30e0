/** The network and the disk, as far as the server opens them itself. */
import { createReadStream } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** Makes an HTTP server; the caller lets it listen. */
export function createHttpServer(listener: RequestListener): Server {
  return createServer(listener);
}

/** Whether it is a socket of Node's own, be it on TCP, on a local path or within TLS. */
export function isNetworkSocket(socket: Duplex): boolean {
  return socket instanceof Socket;
}

/** Opens one of the bundles of the stock client. `name` comes from a fixed list, never from a URL. */
export function openClientFile(name: string): Readable {
  // The folder lies at the root of the package: two levels up from `src/host/`, one up from `dist/`.
  const folder = import.meta.url.endsWith("/src/host/http.ts")
    ? "../../client-dist/"
    : "../client-dist/";
  return createReadStream(fileURLToPath(new URL(folder + name, import.meta.url)));
}
