/** The small types of the Socket.IO API, with the names they have there. */
import type { IncomingHttpHeaders } from "node:http";
import { ServerError } from "./errors.ts";
import { show } from "./units.ts";

export type SocketId = string;
export type Room = string;
/** Identifies a session over its connections; a bearer secret. */
export type PrivateSessionId = string;

export type DisconnectReason =
  | "transport error"
  | "transport close"
  | "forced close"
  | "ping timeout"
  | "parse error"
  | "server shutting down"
  | "forced server close"
  | "client namespace disconnect"
  | "server namespace disconnect";

export interface SocketReservedEventsMap {
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's type, so that listeners written for it compile
  disconnect: (reason: DisconnectReason, description?: any) => void;
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's type, so that listeners written for it compile
  disconnecting: (reason: DisconnectReason, description?: any) => void;
  error: (error: Error) => void;
}

// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's type, so that middlewares written for it compile
export type Event = [eventName: string, ...args: any[]];

/** An error of a namespace middleware: `data` goes to the client with the message. */
export interface ExtendedError extends Error {
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's type, so that middlewares written for it compile
  data?: any;
}

/** How a client came to this namespace. */
export interface Handshake {
  /** The headers of the first request. */
  headers: IncomingHttpHeaders;
  /** When the namespace was joined, as text. */
  time: string;
  /** The address of the client. */
  address: string;
  /** Whether the request came from another origin. */
  xdomain: boolean;
  /** Whether the connection is encrypted. */
  secure: boolean;
  /** When the namespace was joined, in milliseconds since 1970. */
  issued: number;
  /** The URL of the first request. */
  url: string;
  /** The query parameters of the first request. */
  query: Record<string, string | string[] | undefined>;
  /** What the client gave as `auth`. */
  // biome-ignore lint/suspicious/noExplicitAny: Socket.IO's type, so that handlers written for it compile
  auth: { [key: string]: any };
}

/** How one emit is to be sent. */
export interface BroadcastFlags {
  volatile?: boolean;
  /** Not stored, but in its place; dropped only above the high-water mark. */
  transient?: boolean;
  compress?: boolean;
  local?: boolean;
  broadcast?: boolean;
  binary?: boolean;
  timeout?: number;
  expectSingleResponse?: boolean;
}

/** Names that an application must not emit: they would be taken for the library's own. */
export const RESERVED_EVENTS: ReadonlySet<string | symbol> = new Set<string | symbol>([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener",
]);

/** Events of the server's own begin like this, where there is a store. */
const ownPrefix = "hf:";

/**
 * What must not be emitted where there is a store: what the server itself emits, and what every client ends its connection
 * on, each time that it is given it again.
 *
 * @throws Error for a reserved name, ServerError HF_EVENT_NAME_INVALID for what is none
 */
export function refuseOwnEvents(event: unknown): void {
  if (typeof event === "string") {
    if (event.startsWith(ownPrefix)) throw new Error(`"${event}" is a reserved event name`);
  } else if (!Number.isFinite(event)) throw new ServerError("HF_EVENT_NAME_INVALID", show(event));
}

/** @throws Error when an application must not emit the event */
export function refuseReserved(event: string | symbol, reserved = RESERVED_EVENTS): void {
  if (reserved.has(event)) throw new Error(`"${String(event)}" is a reserved event name`);
}
