/** Why the engine refuses a request, and how it says so: the codes and texts that clients and applications see. */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

export const engineErrors = {
  UNKNOWN_TRANSPORT: 0,
  UNKNOWN_SID: 1,
  BAD_HANDSHAKE_METHOD: 2,
  BAD_REQUEST: 3,
  FORBIDDEN: 4,
  UNSUPPORTED_PROTOCOL_VERSION: 5,
} as const;

export type EngineErrorCode = (typeof engineErrors)[keyof typeof engineErrors];

export const engineErrorMessages: Readonly<Record<EngineErrorCode, string>> = {
  0: "Transport unknown",
  1: "Session ID unknown",
  2: "Bad handshake method",
  3: "Bad request",
  4: "Forbidden",
  5: "Unsupported protocol version",
};

/** A refused request: `context` says more to the application than the client is told. */
export interface Refusal {
  readonly code: EngineErrorCode;
  readonly context?: Readonly<Record<string, unknown>>;
  /** The server is going: another, or a later try, may be taken. */
  readonly retryAfterS?: number;
}

function refusalMessage({ code, context }: Refusal): string {
  const message = context?.["message"];
  return typeof message === "string" && message !== "" ? message : engineErrorMessages[code];
}

/** Answers a refused HTTP request. */
export function abortRequest(response: ServerResponse, refusal: Refusal): void {
  // A middleware may have begun the response before it failed.
  if (response.headersSent) {
    if (!response.writableEnded) response.end();
    return;
  }
  const { retryAfterS } = refusal;
  const refused = refusal.code === engineErrors.FORBIDDEN ? 403 : 400;
  const status = retryAfterS === undefined ? refused : 503;
  if (retryAfterS !== undefined) {
    response.setHeader("Retry-After", retryAfterS);
    // Another attempt over the same TCP connection would come to the same server.
    endConnectionAfter(response);
  }
  // Nobody reads the body of a refused request, so nobody may keep the connection open by sending it slowly.
  if (!response.req.complete && response.req.method !== "GET") endConnectionAfter(response);
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ code: refusal.code, message: refusalMessage(refusal) }));
}

/** Has a response be the last on its TCP connection. In HTTP/2 a response has no say in that. */
export function endConnectionAfter(response: ServerResponse): void {
  if (response.req.httpVersionMajor < 2) response.setHeader("Connection", "close");
}

/** Answers a refused upgrade, and ends its socket. */
export function abortUpgrade(socket: Duplex, refusal: Refusal): void {
  socket.on("error", ignore);
  if (socket.writable) {
    const message = refusalMessage(refusal);
    const { retryAfterS } = refusal;
    const head = [
      ...(retryAfterS === undefined
        ? ["HTTP/1.1 400 Bad Request"]
        : ["HTTP/1.1 503 Service Unavailable", `Retry-After: ${retryAfterS}`]),
      "Connection: close",
      "Content-type: text/html",
      `Content-Length: ${Buffer.byteLength(message)}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${message}`);
  }
  socket.destroy();
}

function ignore(): void {}
