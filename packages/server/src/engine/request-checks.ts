/**
 * What the protocol demands of a request, in the order in which npm engine.io checks it: clients and
 * applications see which check failed first.
 */
import type { EngineRequest } from "../transports/request.ts";
import { engineErrors, type Refusal } from "./refusals.ts";

/** What is known of the connection that a request names. */
interface KnownConnections {
  readonly _connections: ReadonlyMap<string, { readonly transport: { readonly name: string } }>;
  readonly opts: { readonly transports: readonly string[] };
}

/** @returns why the request is refused, or undefined. */
export function protocolObjection(
  request: EngineRequest,
  upgrade: boolean,
  { _connections: connections, opts }: KnownConnections,
): Refusal | undefined {
  const { transport, sid } = request._query;
  const enabled = transport !== undefined && opts.transports.includes(transport);
  // WebTransport does not come by way of requests.
  if (!enabled || transport === "webtransport") {
    return { code: engineErrors.UNKNOWN_TRANSPORT, context: { transport } };
  }
  const { origin } = request.headers;
  if (origin !== undefined && !isHeaderText(origin)) {
    // Nobody after this is to repeat it in a header.
    delete request.headers.origin;
    return { code: engineErrors.BAD_REQUEST, context: { name: "INVALID_ORIGIN", origin } };
  }
  return sid
    ? continuationObjection(request, transport, upgrade, connections.get(sid))
    : handshakeObjection(request, transport, upgrade);
}

function continuationObjection(
  request: EngineRequest,
  transport: string,
  upgrade: boolean,
  connection: { readonly transport: { readonly name: string } } | undefined,
): Refusal | undefined {
  const { sid, EIO } = request._query;
  if (connection === undefined) return { code: engineErrors.UNKNOWN_SID, context: { sid } };
  const previousTransport = connection.transport.name;
  if (!upgrade && previousTransport !== transport) {
    const context = { name: "TRANSPORT_MISMATCH", transport, previousTransport };
    return { code: engineErrors.BAD_REQUEST, context };
  }
  if (EIO !== "4") {
    const context = { name: "PROTOCOL_MISMATCH", protocol: 3, previousProtocol: 4 };
    return { code: engineErrors.BAD_REQUEST, context };
  }
  return undefined;
}

function handshakeObjection(
  request: EngineRequest,
  transport: string,
  upgrade: boolean,
): Refusal | undefined {
  if (request.method !== "GET") {
    return { code: engineErrors.BAD_HANDSHAKE_METHOD, context: { method: request.method } };
  }
  if (transport === "websocket" && !upgrade) {
    return { code: engineErrors.BAD_REQUEST, context: { name: "TRANSPORT_HANDSHAKE_ERROR" } };
  }
  return undefined;
}

/** Whether a header value has only characters that a header may have (RFC 9110 §5.5). */
function isHeaderText(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are what it looks for
  return !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value);
}
