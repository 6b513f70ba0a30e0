/** Serves the bundles of the stock client, `<path>/socket.io.js` and its brothers. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { createBrotliCompress, createDeflate, createGzip } from "node:zlib";
import Negotiator from "negotiator";
import { clientVersion } from "./client-version.ts";
import { openClientFile } from "./host/http.ts";

const bundles = [
  "socket.io.js",
  "socket.io.min.js",
  "socket.io.esm.min.js",
  "socket.io.msgpack.min.js",
];

const clientFiles: ReadonlySet<string> = new Set(bundles.flatMap((name) => [name, `${name}.map`]));

const compressors = { br: createBrotliCompress, gzip: createGzip, deflate: createDeflate };

const encodings = ["br", "gzip", "deflate", "identity"] as const;

/** @returns the name of the bundle that `url` asks for, if it is one. */
export function clientFileName(path: string, url: string): string | undefined {
  if (!url.startsWith(path)) return undefined;
  const start = path.length + 1;
  const query = url.indexOf("?", start);
  // Requests of the engine come by here too: they have no name.
  if (query === start) return undefined;
  const name = url.slice(start, query === -1 ? url.length : query);
  return clientFiles.has(name) ? name : undefined;
}

/** Answers with the bundle, or with 304 when the client has it. */
export function serveClientFile(
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const etag = `"${clientVersion}"`;
  const known = request.headers["if-none-match"];
  if (known === etag || known === `W/${etag}`) {
    response.writeHead(304).end();
    return;
  }
  const type = name.endsWith(".map") ? "application/json" : "application/javascript";
  response.setHeader("Cache-Control", "public, max-age=0");
  response.setHeader("Content-Type", `${type}; charset=utf-8`);
  response.setHeader("ETag", etag);
  const encoding = new Negotiator(request).encoding([...encodings]);
  const file = openClientFile(name);
  const done = (error: Error | null | undefined) => {
    if (error) response.end();
  };
  if (encoding === "br" || encoding === "gzip" || encoding === "deflate") {
    response.writeHead(200, { "content-encoding": encoding });
    pipeline(file, compressors[encoding](), response, done);
  } else {
    response.writeHead(200);
    pipeline(file, response, done);
  }
}
