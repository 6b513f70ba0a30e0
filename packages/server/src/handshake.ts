/** What a socket shows of how its client came: `socket.handshake`. Made when it is first looked at. */
import type { Client } from "./client.ts";
import type { Handshake } from "./socket-types.ts";
import type { EngineRequest } from "./transports/request.ts";

/**
 * @param auth what the client sent with CONNECT
 * @param issuedMs when that was, in milliseconds since 1970
 */
export function handshakeOf(
  client: Client,
  auth: Record<string, unknown>,
  issuedMs: number,
): Handshake {
  // WebTransport has no request.
  const request = client.request as EngineRequest | undefined;
  const connection = request?.socket;
  return {
    headers: request?.headers ?? {},
    time: timeText(issuedMs),
    // Socket.IO's type says string, and over WebTransport it is undefined there too.
    address: client.conn.remoteAddress,
    xdomain: Boolean(request?.headers.origin),
    secure: request === undefined || (connection !== undefined && "encrypted" in connection),
    issued: issuedMs,
    url: request?.url as string,
    query: request?._query ?? {},
    auth,
  };
}

let latestSecond = 0;
let latestTimeText = "";

/** The time in words. Thousands of sockets may come in one second, and share them. */
function timeText(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== latestSecond) {
    latestSecond = second;
    latestTimeText = new Date(ms).toString();
  }
  return latestTimeText;
}
