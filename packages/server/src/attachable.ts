/** What a server is attached to: the first argument of the constructor and of `attach()`. */
import type { Server as HttpServer } from "node:http";
import type { Http2SecureServer, Http2Server } from "node:http2";
import type { Server as HttpsServer } from "node:https";
import { ServerError } from "./errors.ts";
import { createHttpServer } from "./host/http.ts";
import type { ServerOptions } from "./options.ts";
import { show } from "./units.ts";

/** An HTTP server that the server can be attached to. */
export type AttachableServer = HttpServer | HttpsServer | Http2SecureServer | Http2Server;

/** The first argument of the constructor is the options when it is an object that cannot listen. */
export function isOptions(
  srv: Partial<ServerOptions> | AttachableServer | number | undefined,
): srv is Partial<ServerOptions> {
  return typeof srv === "object" && srv !== null && !("listen" in srv && srv.listen);
}

/** @throws ServerError HF_ATTACH_INVALID */
export function listenOn(given: unknown): HttpServer {
  const port = Number(given);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ServerError("HF_ATTACH_INVALID", `got ${show(given)}`);
  }
  const server = createHttpServer((_request, response) => {
    response.writeHead(404).end();
  });
  server.listen(port);
  return server;
}
