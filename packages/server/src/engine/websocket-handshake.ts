/**
 * The answer to a WebSocket handshake that leaves nothing to decide (RFC 6455 §4.2): no subprotocol, no extension,
 * nothing missing. All others, and everything that is to be refused, are for `ws`.
 */
import * as crypto from "node:crypto";
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
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`;
}

/** Without an object around it, which the collector would have to finalize: not every runtime has it. */
const oneShotHash: typeof crypto.hash | undefined = crypto.hash;

function acceptOf(key: string): string {
  const text = key + acceptGuid;
  if (oneShotHash !== undefined) return oneShotHash("sha1", text, "base64");
  return crypto.createHash("sha1").update(text).digest("base64");
}
