/**
 * HTTP of the simulation: one flow per request, with as much of Node's request and response as the server's
 * long-polling uses, and the requests of the stock client's own polling transport.
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { NodeXHR } from "engine.io-client";
import { DuplexFlow } from "./duplex-flow.ts";
import type { Network } from "./network.ts";
import type { Path } from "./path.ts";
import { simulatedOptions } from "./web-socket.ts";

export interface HttpCall {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly body: string;
}

export interface HttpReply {
  readonly status: number;
  readonly body: string;
}

interface Answer {
  ok(body: string): void;
  failed(status: number | undefined): void;
}

function request(network: Network, path: Path, call: HttpCall, answer: Answer): void {
  const flow: DuplexFlow<HttpCall, HttpReply> = new DuplexFlow<HttpCall, HttpReply>(path, {
    received: ({ status, body }) => {
      flow.closeByClient();
      if (status === 200) answer.ok(body);
      else answer.failed(status);
    },
    ended: () => answer.failed(undefined),
  });
  path.scheduler.after(path.delay(), () => reach(network, path, flow, call));
}

function reach(
  network: Network,
  path: Path,
  flow: DuplexFlow<HttpCall, HttpReply>,
  call: HttpCall,
): void {
  if (path.isBlocked("up")) {
    path.whenUnblocked(() => reach(network, path, flow, call));
    return;
  }
  if (network.listener === undefined)
    flow.cut({ tellClient: true, tellServer: false, reset: true });
  else network.listener.acceptRequest(call, flow);
}

/** The stock client's polling, down to the two calls that would leave the process. */
export class ClientPolling extends NodeXHR {
  override doPoll(): void {
    const { path, network, gone } = simulatedOptions(this);
    if (gone) return;
    const call: HttpCall = { method: "GET", url: this.#url(), body: "" };
    request(network, path, call, {
      ok: (body) => this.onData(body),
      failed: (status) => this.onError("xhr poll error", status, undefined),
    });
  }

  override doWrite(body: string, done: () => void): void {
    const { path, network, gone } = simulatedOptions(this);
    if (gone) return;
    request(
      network,
      path,
      { method: "POST", url: this.#url(), body },
      {
        ok: done,
        failed: (status) => this.onError("xhr post error", status, undefined),
      },
    );
  }

  #url(): string {
    return this.createUri("http", this.query);
  }
}

/** Node's request, as far as the server reads it. */
class SimulatedRequest extends EventEmitter {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string> = {};
  readonly rawHeaders: string[] = [];
  readonly socket = { remoteAddress: "10.0.0.1" };
  complete = false;
  destroyed = false;

  constructor({ method, url }: Pick<HttpCall, "method" | "url">) {
    super();
    this.method = method;
    this.url = url;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

/** Node's response, as far as the server writes it. */
class SimulatedResponse extends EventEmitter {
  readonly req: SimulatedRequest;
  headersSent = false;
  writableEnded = false;
  writableFinished = false;
  #status = 200;
  /** What leaves together, when all of it is there. */
  #body = "";
  readonly #send: (reply: HttpReply) => void;

  constructor(req: SimulatedRequest, send: (reply: HttpReply) => void) {
    super();
    this.req = req;
    this.#send = send;
  }

  setHeader(): void {}

  writeHead(status: number): this {
    this.#status = status;
    this.headersSent = true;
    return this;
  }

  cork(): void {}

  uncork(): void {}

  write(part: string): boolean {
    this.#body += part;
    return true;
  }

  end(part = ""): this {
    if (this.writableEnded) return this;
    this.writableEnded = true;
    this.#send({ status: this.#status, body: this.#body + part });
    return this;
  }
}

export interface AcceptedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The body arrives. */
  upload(): void;
  /** The client is gone, or the flow is. */
  end(): void;
}

/** The request of a handshake that became a WebSocket. */
export function webSocketRequest(url: string): IncomingMessage {
  // The server reads no more of it than there is.
  return new SimulatedRequest({ method: "GET", url }) as unknown as IncomingMessage;
}

/** Makes Node's objects for a request that has arrived. `leaves` is told the body of an answer with packets. */
export function acceptRequest(
  call: HttpCall,
  flow: DuplexFlow<HttpCall, HttpReply>,
  soon: (run: () => void) => void,
  leaves: (body: string) => void,
): AcceptedRequest {
  const request = new SimulatedRequest(call);
  let ended = false;
  const response = new SimulatedResponse(request, (reply) => {
    if (call.method === "GET" && reply.status === 200 && !ended) leaves(reply.body);
    flow.sendDown(reply, reply.body.length + 100);
    soon(() => {
      if (ended) return;
      ended = true;
      response.writableFinished = true;
      response.emit("finish");
      response.emit("close");
      flow.closeByServer();
    });
  });
  return {
    request: request as unknown as IncomingMessage,
    response: response as unknown as ServerResponse,
    upload() {
      if (ended || request.destroyed) return;
      if (call.body !== "") request.emit("data", Buffer.from(call.body));
      request.complete = true;
      request.emit("end");
    },
    end() {
      if (ended) return;
      ended = true;
      request.emit("close");
      response.emit("close");
    },
  };
}
