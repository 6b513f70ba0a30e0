/** An HTTP request as the engine passes it on: with its query parsed, and its response at hand. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import { sharedText, shareHeaders } from "./shared-text.ts";

export type EngineRequest = IncomingMessage & {
  /** The query parameters; the object inherits no names. The last one of a name counts. */
  _query: Record<string, string>;
  /** The response, until the transport takes it. */
  res?: ServerResponse | null | undefined;
  /** The WebSocket that the request became. */
  websocket?: WebSocket | undefined;
};

/**
 * The parameters of a query: an object on which no name means anything but those in the query.
 *
 * Its prototype is empty and has none itself. An object made without a prototype would be kept as a hash table, four
 * times as large, and to take the prototype from one that has it is a fifth of the cost of reading a query.
 */
const Parameters = (() => {
  function Parameters() {}
  Parameters.prototype = Object.freeze(Object.create(null));
  return Parameters as unknown as new () => Record<string, string>;
})();

/** Stores one parameter that is not escaped. Names that each request has are told apart without a new string. */
function readParameter(
  text: string,
  at: number,
  equals: number,
  value: string,
  query: Record<string, string>,
): void {
  const length = equals - at;
  if (length === 3 && text.startsWith("EIO", at)) query["EIO"] = value;
  else if (length === 3 && text.startsWith("sid", at)) query["sid"] = value;
  else if (length === 9 && text.startsWith("transport", at)) query["transport"] = value;
  else query[text.slice(at, equals)] = value;
}

function readParameters(text: string, query: Record<string, string>): void {
  if (/[%+]/.test(text)) {
    for (const [name, value] of new URLSearchParams(text)) query[name] = value;
    return;
  }
  // Nothing is escaped, as in nearly every request: cutting is a tenth of the work.
  for (let at = 0; at < text.length; ) {
    const ampersand = text.indexOf("&", at);
    const end = ampersand === -1 ? text.length : ampersand;
    const equals = text.indexOf("=", at);
    if (equals !== -1 && equals < end) {
      readParameter(text, at, equals, text.slice(equals + 1, end), query);
    } else if (at < end) query[text.slice(at, end)] = "";
    at = end + 1;
  }
}

/** Fills `_query`; leaves one that a framework has put there already. */
export function parseQuery(request: IncomingMessage): EngineRequest {
  const prepared: IncomingMessage & { _query?: Record<string, string> } = request;
  if (prepared._query === undefined) {
    const url = request.url ?? "";
    const start = url.indexOf("?");
    const query = new Parameters();
    if (start !== -1) {
      const hash = url.indexOf("#", start);
      const text = hash === -1 ? url.slice(start + 1) : url.slice(start + 1, hash);
      readParameters(text, query);
    }
    // Only the request that a connection begins with is kept.
    if (query["sid"] === undefined) {
      shareHeaders(request.rawHeaders);
      if (query["transport"] !== undefined) query["transport"] = sharedText(query["transport"]);
    }
    prepared._query = query;
  }
  return prepared as EngineRequest;
}
