/** An HTTP request as the engine passes it on: with its query parsed, and its response at hand. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import { sharedText, shareHeaders } from "./shared-text.ts";

export type EngineRequest = IncomingMessage & {
  /** The query parameters, on an object without a prototype. The last one of a name counts. */
  _query: Record<string, string>;
  /** The response, until the transport takes it. */
  res?: ServerResponse | null | undefined;
  /** The WebSocket that the request became. */
  websocket?: WebSocket | undefined;
};

function readParameters(text: string, query: Record<string, string>): void {
  if (/[%+]/.test(text)) {
    for (const [name, value] of new URLSearchParams(text)) query[name] = value;
    return;
  }
  // Nothing is escaped, as in nearly every handshake: cutting is a tenth of the work.
  for (let at = 0; at < text.length; ) {
    const ampersand = text.indexOf("&", at);
    const end = ampersand === -1 ? text.length : ampersand;
    const equals = text.indexOf("=", at);
    if (equals !== -1 && equals < end) query[text.slice(at, equals)] = text.slice(equals + 1, end);
    else if (at < end) query[text.slice(at, end)] = "";
    at = end + 1;
  }
}

/** Fills `_query`; leaves one that a framework has put there already. */
export function parseQuery(request: IncomingMessage): EngineRequest {
  const prepared: IncomingMessage & { _query?: Record<string, string> } = request;
  if (prepared._query === undefined) {
    const url = request.url ?? "";
    const start = url.indexOf("?");
    // Without a prototype, so that no name of a parameter means anything. Objects that are made without one
    // are kept as hash tables, four times as large.
    const query: Record<string, string> = Object.setPrototypeOf({}, null);
    if (start !== -1) {
      const hash = url.indexOf("#", start);
      const text = hash === -1 ? url.slice(start + 1) : url.slice(start + 1, hash);
      readParameters(text, query);
      if (query["transport"] !== undefined) query["transport"] = sharedText(query["transport"]);
    }
    // Only the request that a connection begins with is kept.
    if (query["sid"] === undefined) shareHeaders(request.rawHeaders);
    prepared._query = query;
  }
  return prepared as EngineRequest;
}
