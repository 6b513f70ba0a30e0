/**
 * HTTP by hand over TCP, for tests that need exact or hostile bytes: what is written is what goes out, in the chunks
 * that were asked for; what comes in stays bytes until somebody looks for an answer in it.
 *
 * Every wait is bounded. Nothing closes by itself: call `destroy()`, in the test or through `onTestFinished`.
 */
import { EventEmitter } from "node:events";
import { connect, type Socket } from "node:net";
import { within } from "./clients.ts";

/** One HTTP answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly reason: string;
  /** By lower-case name; several of one name in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly bytes: Buffer;
  readonly text: string;
}

export interface RawRequest {
  /** Default GET. */
  readonly method?: string;
  /** The path and query, as they stand in the request line. */
  readonly target: string;
  /** Name and value, in order; a `Host` is added when there is none. */
  readonly headers?: readonly (readonly [string, string])[];
  /** Gets a `Content-Length` unless the headers say how long it is. */
  readonly body?: string | Uint8Array;
}

/** The bytes of a request. Header values are written as Latin-1, so that any byte can be in them. */
export function requestBytes({ method = "GET", target, headers = [], body }: RawRequest): Buffer {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  const lines = [`${method} ${target} HTTP/1.1`];
  if (!names.has("host")) lines.push("Host: 127.0.0.1");
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  const content = Buffer.from(body ?? "");
  if (body !== undefined && !names.has("content-length") && !names.has("transfer-encoding")) {
    lines.push(`Content-Length: ${content.length}`);
  }
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), content]);
}

/**
 * Looks for one thing at the beginning of the bytes: the thing and how many bytes it takes, or the number of bytes
 * that are needed before it makes sense to look again.
 */
export type Parse<T> = (
  bytes: Buffer,
) => { readonly value: T; readonly used: number } | { readonly needs: number };

/** How the other side ended a connection: orderly (FIN), or not. */
export type RawEnd = "end" | "reset";

/** One TCP connection to a server on 127.0.0.1. */
export class RawConnection {
  readonly socket: Socket;
  readonly #changes = new EventEmitter();
  #chunks: Buffer[] = [];
  #length = 0;
  #ended: RawEnd | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#changes.setMaxListeners(0);
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#changes.emit("change");
    });
    socket.on("end", () => this.#end("end"));
    socket.on("error", () => this.#end("reset"));
    socket.on("close", () => this.#end("reset"));
  }

  static async open(server: { readonly port: number }): Promise<RawConnection> {
    // Half-open, so that the test decides when this side ends.
    const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
    const connection = new RawConnection(socket);
    await within(
      new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      }),
      "the TCP connection",
    );
    return connection;
  }

  #end(how: RawEnd): void {
    this.#ended ??= how;
    this.#changes.emit("change");
  }

  /** How the other side ended the connection; undefined while it has not. */
  get ended(): RawEnd | undefined {
    return this.#ended;
  }

  /** The bytes that have come and were not read. */
  get unread(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /**
   * Writes.
   *
   * @param chunkBytes cuts into chunks of that size, each of which leaves before the next is written.
   */
  async write(data: string | Uint8Array, chunkBytes = Number.POSITIVE_INFINITY): Promise<void> {
    const bytes = Buffer.from(data);
    for (let start = 0; start === 0 || start < bytes.length; start += chunkBytes) {
      const chunk = bytes.subarray(start, start + chunkBytes);
      await new Promise<void>((resolve) => {
        // What fails here shows as `ended`.
        this.socket.write(chunk, () => resolve());
      });
      // The server, in this process or not, gets a turn to read it alone.
      if (chunkBytes !== Number.POSITIVE_INFINITY) await new Promise((go) => setImmediate(go));
    }
  }

  /** Reads one thing, as soon as it is there. */
  async read<T>(parse: Parse<T>, what: string, ms?: number): Promise<T> {
    let needs = 0;
    return this.#wait(
      () => {
        if (this.#length < needs || this.#length === 0) return undefined;
        const found = parse(this.unread);
        if ("needs" in found) {
          needs = Math.max(found.needs, this.#length + 1);
          return undefined;
        }
        this.#chunks = [this.unread.subarray(found.used)];
        this.#length -= found.used;
        return found;
      },
      what,
      ms,
    ).then(({ value }) => value);
  }

  async #wait<T extends object>(look: () => T | undefined, what: string, ms?: number): Promise<T> {
    let stop = () => {};
    const found = new Promise<T>((resolve, reject) => {
      const onChange = () => {
        const value = look();
        if (value !== undefined) resolve(value);
        else if (this.#ended !== undefined) {
          reject(new Error(`the connection ended (${this.#ended}) while waiting for ${what}`));
        }
      };
      stop = () => void this.#changes.off("change", onChange);
      this.#changes.on("change", onChange);
      onChange();
    });
    return within(found, what, ms).finally(stop);
  }

  /** Sends a request and reads its answer. */
  async request(request: RawRequest): Promise<RawAnswer> {
    await this.write(requestBytes(request));
    return this.answer(request.method);
  }

  /** Reads one HTTP answer. `method` is that of the request: an answer to HEAD has no body. */
  async answer(method?: string): Promise<RawAnswer> {
    const head = await this.read(parseHead, "the head of an HTTP answer");
    const bytes =
      method === "HEAD" || head.status === 101 ? Buffer.alloc(0) : await this.#body(head);
    return { ...head, bytes, text: bytes.toString("utf8") };
  }

  async #body({ status, headers }: Omit<RawAnswer, "bytes" | "text">): Promise<Buffer> {
    if (status === 204 || status === 304 || status < 200) return Buffer.alloc(0);
    if (headers.get("transfer-encoding")?.[0] === "chunked") return this.#chunkedBody();
    const length = headers.get("content-length")?.[0];
    if (length !== undefined) return this.read(parseBytes(Number(length)), "the body of an answer");
    await this.finished();
    const rest = this.unread;
    this.#chunks = [];
    this.#length = 0;
    return rest;
  }

  async #chunkedBody(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (;;) {
      const size = Number.parseInt(await this.read(parseLine, "the size of a chunk"), 16);
      parts.push(await this.read(parseBytes(size), "a chunk"));
      await this.read(parseLine, "the end of a chunk");
      if (size === 0) return Buffer.concat(parts);
    }
  }

  /** Resolves when the other side has ended the connection: how. */
  async finished(ms?: number): Promise<RawEnd> {
    const look = () => (this.#ended === undefined ? undefined : { how: this.#ended });
    return (await this.#wait(look, "the end of the connection", ms)).how;
  }

  /** Ends this side orderly (FIN); the other side may still send. */
  end(): void {
    this.socket.end();
  }

  /** Ends both sides with what was written before. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Ends with a reset (RST): what is under way is lost. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** One request on a connection of its own. */
export async function rawRequest(
  server: { readonly port: number },
  request: RawRequest,
): Promise<RawAnswer> {
  const connection = await RawConnection.open(server);
  try {
    return await connection.request(request);
  } finally {
    connection.destroy();
  }
}

const parseHead: Parse<Omit<RawAnswer, "bytes" | "text">> = (bytes) => {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return { needs: bytes.length + 1 };
  const [statusLine = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const match = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(statusLine);
  if (match === null) throw new Error(`not an HTTP answer: ${JSON.stringify(statusLine)}`);
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return {
    value: { status: Number(match[1]), reason: match[2] ?? "", headers },
    used: end + 4,
  };
};

const parseLine: Parse<string> = (bytes) => {
  const end = bytes.indexOf("\r\n");
  if (end === -1) return { needs: bytes.length + 1 };
  return { value: bytes.subarray(0, end).toString("latin1"), used: end + 2 };
};

function parseBytes(count: number): Parse<Buffer> {
  return (bytes) =>
    bytes.length < count
      ? { needs: count }
      : { value: Buffer.from(bytes.subarray(0, count)), used: count };
}
