/** The Engine.IO server alone, with the exports of npm engine.io. `import { Server } from "holdfast/engine"`. */
import type { Server as HttpServer } from "node:http";
import { decodePacket, decodePayload, encodePacket, encodePayload } from "@holdfast/protocol";
import { Engine } from "./engine/engine.ts";
import type { AttachOptions, EngineOptions } from "./engine/options.ts";
import { createHttpServer } from "./host/http.ts";
import { PollingTransport } from "./transports/polling.ts";
import { WebSocketTransport } from "./transports/websocket.ts";
import { WebTransportTransport } from "./transports/webtransport.ts";

export { BaseEngine as BaseServer } from "./engine/base-engine.ts";
export { Connection as Socket } from "./engine/connection.ts";
export { Engine as Server } from "./engine/engine.ts";
export type { AttachOptions, EngineOptions as ServerOptions } from "./engine/options.ts";
export { Transport } from "./transports/transport.ts";

/** The protocol revision. */
export const protocol = 4;

/** The transports by their names. */
export const transports = {
  polling: PollingTransport,
  websocket: WebSocketTransport,
  webtransport: WebTransportTransport,
};

/** Packets and payloads to bytes and back. */
export const parser = { protocol, encodePacket, encodePayload, decodePacket, decodePayload };

/** Attaches a new engine to an HTTP server. @throws ServerError HF_OPTION_INVALID */
export function attach(server: HttpServer, options?: EngineOptions & AttachOptions): Engine {
  const engine = new Engine(options);
  engine.attach(server, options);
  return engine;
}

/**
 * Makes an HTTP server for an engine alone; other requests are answered with 501.
 *
 * @param listenCallback called when the server listens
 */
export function listen(
  port: number,
  options?: (EngineOptions & AttachOptions) | (() => void),
  listenCallback?: () => void,
): Engine {
  const listening = typeof options === "function" ? options : listenCallback;
  const server = createHttpServer((_request, response) => {
    response.writeHead(501).end("Not Implemented");
  });
  const engine = attach(server, typeof options === "function" ? {} : options);
  engine.httpServer = server;
  server.listen(port, listening);
  return engine;
}
