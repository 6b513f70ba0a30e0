/**
 * Servers and clients for the behaviour tests: a server of the chosen target on a free port of 127.0.0.1, the stock
 * client, and two raw clients (WebSocket and long-polling) that show the frames themselves.
 *
 * Everything opened here is closed when the test that opened it ends.
 */
import { EventEmitter } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Namespace, Server, ServerOptions, Socket } from "holdfast";
import type { ManagerOptions, SocketOptions, Socket as StockSocket } from "socket.io-client";
import { io as connectStock } from "socket.io-client";
import { expect, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { loadSocketIo, type TargetName, targetName } from "./target.ts";
import { waitMs, within } from "./within.ts";

export type ClientOptions = Partial<ManagerOptions & SocketOptions>;

// --- waiting ---

export { within };

interface Emitter {
  once(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** The arguments of the next such event. */
export function next(emitter: unknown, event: string): Promise<unknown[]> {
  const heard = new Promise<unknown[]>((resolve) => {
    (emitter as Emitter).once(event, (...args) => resolve(args));
  });
  return within(heard, `event "${event}"`);
}

/** Resolves when the condition holds; looks again on every turn of the loop, at most every 2 ms. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${waitMs} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Lets the given time pass, for tests of things that are due after a time. */
export function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Every call of one event, as it comes in. */
export function collect(emitter: unknown, event: string): unknown[][] {
  const calls: unknown[][] = [];
  (emitter as EventEmitter).on(event, (...args: unknown[]) => calls.push(args));
  return calls;
}

/** What an action throws or rejects with. Fails when it does neither. */
export async function failureOf(action: () => unknown): Promise<Error & { code?: string }> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error(`threw ${String(error)}, expected an Error`);
  }
  throw new Error("nothing was thrown");
}

/** Private members that third-party packages use have no public type: this is the way to look at them. */
export function inside<T = Record<string, unknown>>(value: unknown): T {
  return value as T;
}

// --- servers ---

export interface Running {
  readonly io: Server;
  readonly httpServer: http.Server;
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
}

/** Listens on a free port and closes with the test. */
export async function listen(httpServer: http.Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    httpServer.once("error", reject);
    httpServer.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => {
    httpServer.closeAllConnections();
    httpServer.close();
  });
  return portOf(httpServer);
}

export function portOf(httpServer: { address(): AddressInfo | string | null }): number {
  const address = httpServer.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  return address.port;
}

/** A server of the target on a plain http server. */
export async function start(
  options: Partial<ServerOptions> = {},
  target: TargetName = targetName,
): Promise<Running> {
  const { Server: ServerClass } = await loadSocketIo(target);
  const httpServer = http.createServer();
  const io = new ServerClass(httpServer, options);
  closeWithTest(io);
  const port = await listen(httpServer);
  return { io, httpServer, port, url: `http://127.0.0.1:${port}` };
}

/** Closes the server when the test ends, also when it was closed in the test already. */
export function closeWithTest(io: Server): void {
  onTestFinished(async () => {
    const server = inside<{ httpServer?: http.Server; engine?: unknown }>(io);
    if (server.engine === undefined) return;
    const closing = io.close();
    server.httpServer?.closeAllConnections?.();
    await within(closing, "the server to close");
  });
}

// --- stock clients ---

/** A stock client, not yet connected. WebSocket only and without reconnection unless told otherwise. */
export function stock(
  server: { url: string },
  nsp = "/",
  options: ClientOptions = {},
): StockSocket {
  const client = connectStock(server.url + nsp, {
    forceNew: true,
    reconnection: false,
    transports: ["websocket"],
    ...options,
  });
  onTestFinished(() => {
    client.io.reconnection(false);
    client.disconnect();
  });
  return client;
}

/** A connected stock client together with its socket on the server. */
export async function pair(
  server: Running,
  nsp = "/",
  options: ClientOptions = {},
): Promise<[Socket, StockSocket]> {
  const serverSide = nextSocket(server.io.of(nsp));
  const client = stock(server, nsp, options);
  const connected = next(client, "connect");
  const [socket] = await Promise.all([serverSide, connected]);
  return [socket, client];
}

/** The next socket that connects to a namespace. */
export async function nextSocket(nsp: Namespace | Server): Promise<Socket> {
  const [socket] = await next(nsp, "connection");
  return socket as Socket;
}

/** Several connected pairs, in order. */
export async function pairs(
  server: Running,
  count: number,
  nsp = "/",
  options: ClientOptions = {},
): Promise<[Socket, StockSocket][]> {
  const all: [Socket, StockSocket][] = [];
  for (let i = 0; i < count; i++) all.push(await pair(server, nsp, options));
  return all;
}

/**
 * Waits until the client has received everything that was sent to its socket so far: an event overtakes none before
 * it. What has not come by then was not sent.
 */
export async function settled(socket: Socket, client: StockSocket): Promise<void> {
  const fence = next(client, "test fence");
  socket.emit("test fence");
  await fence;
}

/** As `settled`, for several pairs. */
export async function allSettled(all: readonly (readonly [Socket, StockSocket])[]): Promise<void> {
  await Promise.all(all.map(([socket, client]) => settled(socket, client)));
}

/** What each client hears of one event, as a table that `expect` prints well. */
export function hearing(
  all: readonly (readonly [Socket, StockSocket])[],
  event: string,
): { readonly calls: unknown[][][]; counts(): Promise<number[]> } {
  const calls = all.map(([, client]) => collect(client, event));
  return {
    calls,
    async counts() {
      await allSettled(all);
      return calls.map((list) => list.length);
    },
  };
}

/** Sends an event from the client and waits until the server has handled it. */
export async function roundTrip(
  client: StockSocket,
  event: string,
  ...args: unknown[]
): Promise<unknown> {
  return within(client.emitWithAck(event, ...args), `the ack of "${event}"`);
}

// --- plain HTTP ---

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

export interface RequestInit {
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** Whose connections it takes, instead of one of its own. */
  readonly agent?: http.Agent;
}

/** One HTTP request. */
export function fetchRaw(url: string, init: RequestInit = {}): Promise<Answer> {
  const answer = new Promise<Answer>((resolve, reject) => {
    const request = http.request(
      url,
      { method: init.method ?? "GET", headers: init.headers ?? {}, agent: init.agent ?? false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            bytes,
            text: bytes.toString("utf8"),
          });
        });
      },
    );
    request.on("error", reject);
    request.end(init.body);
  });
  return within(answer, `${init.method ?? "GET"} ${url}`);
}

// --- raw clients ---

export type Frame = string | Buffer;

export interface RawOptions {
  /** Default `/socket.io/`. May bring query parameters along. */
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly perMessageDeflate?: boolean;
}

export interface OpenPacket {
  readonly sid: string;
  readonly upgrades: string[];
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly maxPayload: number;
}

/** Frames as they arrive, and whoever waits for the next one. Pings are answered and not shown unless asked for. */
abstract class RawClient {
  /** Every Engine.IO packet received, the handshake first. */
  readonly received: Frame[] = [];
  /** Every Engine.IO packet sent. */
  readonly sent: Frame[] = [];
  answersPings = true;
  protected readonly changes = new EventEmitter();
  protected readIndex = 0;
  /** Set when the transport has ended: how. */
  ended: string | undefined;

  abstract send(...packets: Frame[]): Promise<void>;
  abstract close(): void;

  protected take(frame: Frame): void {
    if (frame === "2" && this.answersPings) {
      void this.send("3").catch(() => undefined);
      this.sent.pop();
      return;
    }
    this.received.push(frame);
    this.changes.emit("change");
  }

  protected end(how: string): void {
    this.ended ??= how;
    this.changes.emit("change");
  }

  /** The next packet that was not read yet. */
  async next(): Promise<Frame> {
    await this.changed(() => this.readIndex < this.received.length, "a packet");
    const frame = this.received[this.readIndex];
    if (frame === undefined) throw new Error("no packet");
    this.readIndex++;
    return frame;
  }

  /** Reads on until a packet begins with this text. */
  async until(prefix: string): Promise<string> {
    for (;;) {
      const frame = await this.next();
      if (typeof frame === "string" && frame.startsWith(prefix)) return frame;
    }
  }

  /** Resolves with how the transport ended. */
  async finished(): Promise<string> {
    await this.changed(() => this.ended !== undefined, "the end of the connection", true);
    return this.ended ?? "";
  }

  /** The handshake's content. */
  get open(): OpenPacket {
    const first = this.received[0];
    if (typeof first !== "string" || !first.startsWith("0")) throw new Error(`not open: ${first}`);
    return JSON.parse(first.slice(1)) as OpenPacket;
  }

  /** Joins a namespace and gives the server's answer. */
  async join(nsp = "/", auth?: unknown): Promise<string> {
    const name = nsp === "/" ? "" : `${nsp},`;
    await this.send(`40${name}${auth === undefined ? "" : JSON.stringify(auth)}`);
    for (;;) {
      const frame = await this.next();
      if (typeof frame === "string" && (frame.startsWith("40") || frame.startsWith("44")))
        return frame;
    }
  }

  protected async changed(holds: () => boolean, what: string, alsoEnded = false): Promise<void> {
    const waiting = new Promise<void>((resolve, reject) => {
      const look = () => {
        if (holds()) {
          this.changes.off("change", look);
          resolve();
        } else if (this.ended !== undefined && !alsoEnded) {
          this.changes.off("change", look);
          reject(new Error(`the connection ended (${this.ended}) while waiting for ${what}`));
        }
      };
      this.changes.on("change", look);
      look();
    });
    await within(waiting, what);
  }
}

export function engineUrl(
  server: { url: string },
  transport: string,
  options: RawOptions = {},
): string {
  const query = new URLSearchParams({ EIO: "4", transport, ...options.query });
  const path = options.path ?? "/socket.io/";
  return `${server.url}${path}${path.includes("?") ? "&" : "?"}${query}`;
}

/** One WebSocket: a frame is a packet. */
export class RawWebSocket extends RawClient {
  readonly socket: WebSocket;

  private constructor(socket: WebSocket) {
    super();
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      this.take(isBinary ? data : data.toString("utf8"));
    });
    socket.on("close", (code: number) => this.end(`close ${code}`));
    socket.on("error", () => undefined);
    // A refusal is an HTTP answer instead of a WebSocket.
    socket.on("unexpected-response", (_request, response: http.IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        this.end(`refused ${response.statusCode} ${Buffer.concat(chunks).toString("utf8")}`);
      });
    });
  }

  /** Opens and waits for nothing: for upgrades and refusals. */
  static dial(server: { url: string }, options: RawOptions = {}): RawWebSocket {
    const url = engineUrl(server, "websocket", options).replace(/^http/, "ws");
    const raw = new RawWebSocket(
      new WebSocket(url, {
        headers: options.headers ?? {},
        perMessageDeflate: options.perMessageDeflate ?? false,
      }),
    );
    onTestFinished(() => raw.close());
    return raw;
  }

  /** Opens and waits for the handshake. */
  static async open(server: { url: string }, options: RawOptions = {}): Promise<RawWebSocket> {
    const raw = RawWebSocket.dial(server, options);
    await raw.next();
    return raw;
  }

  async opened(): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING) await next(this.socket, "open");
  }

  async send(...packets: Frame[]): Promise<void> {
    for (const packet of packets) {
      this.sent.push(packet);
      this.socket.send(packet);
    }
  }

  close(): void {
    if (this.socket.readyState <= WebSocket.OPEN) this.socket.terminate();
  }
}

/** Long-polling: requests are made when the test asks for packets, so that it decides when a GET is pending. */
export class RawPolling extends RawClient {
  readonly #server: { url: string };
  readonly #options: RawOptions;
  #sid: string | undefined;

  private constructor(server: { url: string }, options: RawOptions) {
    super();
    this.#server = server;
    this.#options = options;
  }

  static async open(server: { url: string }, options: RawOptions = {}): Promise<RawPolling> {
    const raw = new RawPolling(server, options);
    await raw.get();
    await raw.next();
    raw.#sid = raw.open.sid;
    return raw;
  }

  get url(): string {
    const query = {
      ...this.#options.query,
      ...(this.#sid === undefined ? {} : { sid: this.#sid }),
    };
    return engineUrl(this.#server, "polling", { ...this.#options, query });
  }

  /** One GET; its packets are added to `received`. */
  async get(): Promise<Answer> {
    const answer = await fetchRaw(this.url, { headers: { ...this.#options.headers } });
    if (answer.status === 200) {
      for (const packet of decodePayload(answer.text)) this.take(packet);
    } else {
      this.end(`GET ${answer.status} ${answer.text}`);
    }
    return answer;
  }

  async post(body: string | Buffer, headers: http.OutgoingHttpHeaders = {}): Promise<Answer> {
    return fetchRaw(this.url, {
      method: "POST",
      headers: { "content-type": "text/plain;charset=UTF-8", ...this.#options.headers, ...headers },
      body,
    });
  }

  async send(...packets: Frame[]): Promise<void> {
    this.sent.push(...packets);
    const answer = await this.post(encodePayload(packets));
    if (answer.status !== 200) this.end(`POST ${answer.status} ${answer.text}`);
  }

  /** Polls until there is an unread packet. */
  override async next(): Promise<Frame> {
    while (this.readIndex >= this.received.length && this.ended === undefined) await this.get();
    return super.next();
  }

  /** Polls until the session is gone. */
  override async finished(): Promise<string> {
    while (this.ended === undefined) await this.get();
    return this.ended;
  }

  close(): void {
    this.end("closed by the test");
  }
}

const separator = "\x1e";

export function encodePayload(packets: readonly Frame[]): string {
  return packets
    .map((packet) => (typeof packet === "string" ? packet : `b${packet.toString("base64")}`))
    .join(separator);
}

export function decodePayload(payload: string): Frame[] {
  return payload
    .split(separator)
    .map((part) => (part.startsWith("b") ? Buffer.from(part.slice(1), "base64") : part));
}

/** The JSON of a Socket.IO packet that stands after its digits, as in `42["a"]`. */
export function jsonOf(frame: Frame): unknown {
  if (typeof frame !== "string") throw new Error("a binary frame has no JSON");
  const start = frame.search(/[[{]/);
  return JSON.parse(frame.slice(start));
}

/** The ids are 20 characters of the URL-safe base64 alphabet. */
export function expectId(value: unknown): void {
  expect(value).toMatch(/^[A-Za-z0-9_-]{20}$/);
}
