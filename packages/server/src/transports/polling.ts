/**
 * HTTP long-polling: packets travel in the bodies of POST requests and in the responses to GET requests.
 *
 * The client keeps one GET pending; it is answered with everything that waits as soon as something
 * does. See the Engine.IO protocol, "HTTP long-polling".
 */
import type { ServerResponse } from "node:http";
import { createDeflate, createGzip, type ZlibOptions } from "node:zlib";
import { decodePayload, type EnginePacket, encodePayload } from "@holdfast/protocol";
import Negotiator from "negotiator";
import type { OutboxNode } from "../delivery/outbox.ts";
import { ServerError } from "../errors.ts";
import { Alarm, type TimerWheel } from "../host/timer-wheel.ts";
import type { EngineRequest } from "./request.ts";
import { asBuffer, Transport, withBuffer } from "./transport.ts";

export interface CompressionOptions extends ZlibOptions {
  /** Responses smaller than this are not compressed, in bytes. */
  threshold?: number;
}

export interface PollingOptions {
  readonly wheel: TimerWheel;
  /** The largest body of a POST request, in bytes. */
  readonly maxBodyBytes: number;
  /** How long the body of a POST request may take to arrive. */
  readonly bodyTimeoutMs: number;
  readonly compression: CompressionOptions | false;
}

/** How long a close waits for the GET request that will carry it. */
const closeTimeoutMs = 30_000;

const defaultThresholdBytes = 1024;

export class PollingTransport extends Transport {
  static override upgradesTo = ["websocket", "webtransport"];
  readonly supportsBinary: boolean;
  protected readonly options: PollingOptions;
  /** How long a close waits for a request that can carry it, in milliseconds. */
  closeTimeout = closeTimeoutMs;
  #poll: { request: EngineRequest; response: ServerResponse; responding: boolean } | undefined;
  #upload: Upload | undefined;
  #closing: { finish: () => void } | undefined;

  constructor(request: EngineRequest, options: PollingOptions) {
    super();
    this.options = options;
    this.supportsBinary = !request._query["b64"];
  }

  get name(): "polling" {
    return "polling";
  }

  get ready(): boolean {
    return this.#poll !== undefined && !this.#poll.responding && this.readyState !== "closed";
  }

  override onRequest(request: EngineRequest): void {
    const response = request.res;
    // The first request of a connection is kept for as long as it lives; its response is not.
    request.res = null;
    if (!response) return;
    if (request.method === "GET") this.onPollRequest(request, response);
    else if (request.method === "POST") this.onDataRequest(request, response);
    else response.writeHead(500, { Connection: "close" }).end();
  }

  /** Takes the GET request that is answered when there is something to send. */
  onPollRequest(request: EngineRequest, response: ServerResponse): void {
    if (this.#poll !== undefined) {
      this.onError("overlap from client");
      response.writeHead(400).end();
      return;
    }
    this.#poll = { request, response, responding: false };
    response.on("close", () => {
      if (this.#poll?.response !== response) return;
      const answered = response.writableFinished;
      this.#poll = undefined;
      if (!answered) this.onError("poll connection closed prematurely");
    });
    this.onReady();
    if (this.ready && this.#closing !== undefined) this.send([{ type: "noop" }]);
  }

  /** The POST request that is being taken, until its packets have been handed on. */
  get dataReq(): EngineRequest | undefined {
    return this.#upload?.request;
  }

  /** Takes a POST request with packets of the client. */
  onDataRequest(request: EngineRequest, response: ServerResponse): void {
    if (this.#upload !== undefined) {
      this.onError("data request overlap from client");
      response.writeHead(400, { Connection: "close" }).end();
      return;
    }
    if (request.headers["content-type"] === "application/octet-stream") {
      this.onError("invalid content");
      response.writeHead(400, { Connection: "close" }).end();
      return;
    }
    this.#upload = new Upload(request, this.options, {
      complete: (body) => {
        try {
          this.onBody(body);
        } finally {
          this.#upload = undefined;
        }
        const headers = this.#headers(request, {
          // Not text/plain: some browsers offered to save such a response.
          "Content-Type": "text/html",
          "Content-Length": "2",
        });
        respondWith(response.writeHead(200, headers), "ok");
      },
      tooLarge: () => {
        this.#upload = undefined;
        const limit = `${this.options.maxBodyBytes} bytes`;
        this.receiver?.refused(new ServerError("HF_BODY_TOO_LARGE", limit));
        response.writeHead(413).end();
        // What follows is thrown away, but not for ever.
        this.options.wheel.arm(new Alarm(request, endUnfinished), this.options.bodyTimeoutMs);
      },
      late: () => {
        this.#upload = undefined;
        // The connection is of no more use: what follows on it would be read as the rest of the body.
        response.writeHead(408, { Connection: "close" }).end();
        const error = new ServerError("HF_BODY_TIMEOUT", `${this.options.bodyTimeoutMs} ms`);
        this.receiver?.refused(error);
        this.onError(error.message, error);
      },
      aborted: () => {
        this.#upload = undefined;
        this.onError("data request connection closed prematurely");
      },
    });
  }

  /** Takes the text of a POST body. */
  protected onBody(body: string): void {
    const { packets, error } = decodePayload(body);
    for (const packet of packets) {
      if (packet.type === "close") {
        this.onClose();
        return;
      }
      this.onPacket(withBuffer(packet));
    }
    if (error !== undefined) this.onMalformed(error);
  }

  protected override onClose(): void {
    // A pending GET is released before the close is told.
    if (this.ready) this.send([{ type: "noop" }]);
    super.onClose();
  }

  sendPending(pending: OutboxNode, sent: (() => void) | undefined): void {
    const packets: EnginePacket[] = [];
    let compress = false;
    for (const packet of pending.packets()) {
      compress ||= packet.compress;
      packets.push(...packet.enginePackets());
    }
    this.#respond(packets, compress, sent);
  }

  send(packets: readonly EnginePacket[]): void {
    this.#respond([...packets], false, undefined);
  }

  #respond(packets: EnginePacket[], compress: boolean, sent: (() => void) | undefined): void {
    const poll = this.#poll;
    if (poll === undefined) return;
    poll.responding = true;
    const closing = this.#closing;
    if (closing !== undefined) {
      packets.push({ type: "close" });
      this.#closing = undefined;
    }
    const body = this.formatPayload(encodePayload(packets, toBase64));
    this.#writeResponse(poll.request, poll.response, body, compress, () => {
      if (this.#poll === poll) this.#poll = undefined;
      if (this.observed) this.emit("drain");
      sent?.();
    });
    closing?.finish();
  }

  /** What is sent for a payload. */
  protected formatPayload(payload: string): string {
    return payload;
  }

  #writeResponse(
    request: EngineRequest,
    response: ServerResponse,
    body: string,
    compress: boolean,
    done: () => void,
  ): void {
    const bodyBytes = Buffer.byteLength(body);
    const headers = this.#headers(request, { "Content-Type": "text/plain; charset=UTF-8" });
    const { compression } = this.options;
    const threshold = (compression || undefined)?.threshold ?? defaultThresholdBytes;
    const encoding =
      compression && compress && bodyBytes >= threshold
        ? new Negotiator(request).encoding(["gzip", "deflate", "identity"])
        : undefined;
    if (compression && (encoding === "gzip" || encoding === "deflate")) {
      headers["Content-Encoding"] = encoding;
      response.writeHead(200, headers);
      const compressor = encoding === "gzip" ? createGzip(compression) : createDeflate(compression);
      // "close" follows "finish", and comes alone when the client goes away: either way, once.
      response.once("close", done);
      compressor.on("error", () => response.end());
      compressor.pipe(response);
      compressor.end(body);
      return;
    }
    headers["Content-Length"] = String(bodyBytes);
    respondWith(response.writeHead(200, headers), body);
    done();
  }

  protected doClose(done: () => void): void {
    this.#upload?.abort();
    const finish = () => {
      this.options.wheel.disarm(alarm);
      done();
      this.onClose();
    };
    const alarm = new Alarm<unknown>(undefined, () => {
      this.#closing = undefined;
      finish();
    });
    if (this.ready) {
      this.send([{ type: "close" }]);
      finish();
    } else if (this.discarded) {
      finish();
    } else {
      // The close goes out with the next GET, if one comes.
      this.#closing = { finish };
      this.options.wheel.arm(alarm, this.closeTimeout);
    }
  }

  #headers(
    request: EngineRequest,
    headers: Record<string, string | string[]>,
  ): Record<string, string | string[]> {
    // Old versions of Internet Explorer took some payloads for an attack on themselves.
    const agent = request.headers["user-agent"] ?? "";
    if (agent.includes(";MSIE") || agent.includes("Trident/")) headers["X-XSS-Protection"] = "0";
    headers["cache-control"] = "no-store";
    if (this.observed) this.emit("headers", headers, request);
    this.receiver?.addHeaders(headers, request);
    return headers;
  }
}

/**
 * Sends a body whose length the headers tell. Head and body are one string to the network this way, and `end` has nothing
 * to add; given to `end`, they are two pieces, which costs a quarter more.
 */
function respondWith(response: ServerResponse, body: string): void {
  response.cork();
  response.write(body);
  response.uncork();
  response.end();
}

function toBase64(bytes: Uint8Array): string {
  return asBuffer(bytes).toString("base64");
}

interface UploadEnds {
  complete(body: string): void;
  tooLarge(): void;
  late(): void;
  aborted(): void;
}

/** The body of one POST request, on its way in. Ends in exactly one of the ways of `UploadEnds`. */
class Upload {
  readonly request: EngineRequest;
  readonly #options: PollingOptions;
  readonly #ends: UploadEnds;
  readonly #chunks: Buffer[] = [];
  readonly #deadline: Alarm<Upload>;
  #bytes = 0;
  #ended = false;

  constructor(request: EngineRequest, options: PollingOptions, ends: UploadEnds) {
    this.request = request;
    this.#options = options;
    this.#ends = ends;
    this.#deadline = new Alarm<Upload>(this, uploadIsLate);
    options.wheel.arm(this.#deadline, options.bodyTimeoutMs);
    request.on("data", this.#onData);
    request.on("end", this.#onEnd);
    request.on("close", this.#onClose);
  }

  /** Gives the body up without telling anybody. */
  abort(): void {
    if (!this.#end()) return;
    this.request.destroy();
  }

  late(): void {
    if (this.#end()) this.#ends.late();
  }

  readonly #onData = (chunk: Buffer) => {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#options.maxBodyBytes) this.#chunks.push(chunk);
    else if (this.#end()) this.#ends.tooLarge();
  };

  readonly #onEnd = () => {
    if (!this.#end()) return;
    const [first] = this.#chunks;
    const body = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks);
    this.#ends.complete(body.toString());
  };

  readonly #onClose = () => {
    if (this.#end()) this.#ends.aborted();
  };

  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#options.wheel.disarm(this.#deadline);
    this.request.removeListener("data", this.#onData);
    this.request.removeListener("end", this.#onEnd);
    this.request.removeListener("close", this.#onClose);
    return true;
  }
}

function endUnfinished(request: EngineRequest): void {
  if (!request.complete) request.destroy();
}

function uploadIsLate(upload: Upload): void {
  upload.late();
}
