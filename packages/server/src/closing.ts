/**
 * What comes to a server while it closes. Clients come back by themselves, over the TCP connections that they have: an
 * HTTP server that closes waits for all that are kept alive, so each request is the last one on its connection.
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { BaseEngine } from "./engine/base-engine.ts";
import { endConnectionAfter } from "./engine/refusals.ts";

/** @returns what undoes it: the first connection that comes then, to a server that listens again, opens what was closed */
export function startClosing(engine: unknown, httpServer: EventEmitter | undefined): () => void {
  if (engine instanceof BaseEngine) engine.startClosing();
  const last = (_request: IncomingMessage, response: ServerResponse) =>
    endConnectionAfter(response);
  httpServer?.prependListener("request", last);
  return () => {
    httpServer?.removeListener("request", last);
    if (engine instanceof BaseEngine) engine.takeHandshakes();
  };
}
