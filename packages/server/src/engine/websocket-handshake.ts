/**
 * The answer to a WebSocket handshake that leaves nothing to decide (RFC 6455 §4.2): no subprotocol, no extension,
 * nothing missing. All others, and everything that is to be refused, are for `ws`.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** 16 bytes in base64. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;
/** RFC 6455 §1.3 gives it. */
const acceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * @param extensions whether an offered extension would be negotiated
 * @returns the whole answer, or undefined
 */
export function plainHandshakeAnswer(
  { method, headers }: IncomingMessage,
  extensions: boolean,
): string | undefined {
  const key = headers["sec-websocket-key"];
  const plain =
    method === "GET" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["sec-websocket-version"] === "13" &&
    headers["sec-websocket-protocol"] === undefined &&
    !(extensions && headers["sec-websocket-extensions"] !== undefined);
  if (!plain || key === undefined || !keyPattern.test(key)) return undefined;
  const accept = createHash("sha1")
    .update(key + acceptGuid)
    .digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}
