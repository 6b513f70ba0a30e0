/**
 * The response object that engine middlewares see in an upgrade request.
 *
 * An upgrade has no HTTP response of its own, yet middlewares made for Express want one: what they
 * set as headers goes out with the 101, and ending the response ends the request.
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

type HeaderValue = number | string | readonly string[];

/** Each under its name in lower case, with its name as it was given: it goes out so. */
export type UpgradeHeaders = Map<string, readonly [name: string, value: HeaderValue]>;

export class UpgradeResponse extends EventEmitter {
  readonly headers: UpgradeHeaders = new Map();
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  headersSent = false;

  constructor(request: IncomingMessage, socket: Duplex) {
    super();
    this.req = request;
    this.socket = socket;
    // Loggers of requests wait for "finish" or "close".
    socket.once("close", () => this.emit("close"));
  }

  setHeader(name: string, value: HeaderValue): this {
    this.headers.set(name.toLowerCase(), [name, value]);
    return this;
  }

  getHeader(name: string): HeaderValue | undefined {
    return this.headers.get(name.toLowerCase())?.[1];
  }

  hasHeader(name: string): boolean {
    return this.headers.has(name.toLowerCase());
  }

  removeHeader(name: string): void {
    this.headers.delete(name.toLowerCase());
  }

  write(): boolean {
    return true;
  }

  /** Some middlewares wait for this call to set their headers. */
  writeHead(): this {
    return this;
  }

  end(): this {
    this.emit("finish");
    this.socket.destroy();
    return this;
  }

  /** The same object for those who want the type; only the members above are there. */
  asServerResponse(): ServerResponse {
    return this as unknown as ServerResponse;
  }
}
