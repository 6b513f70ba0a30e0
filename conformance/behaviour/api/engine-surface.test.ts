/** io.engine and socket.conn: the members and events that applications and other packages use. */
import http from "node:http";
import { describe, expect, it } from "vitest";
import {
  collect,
  engineUrl,
  expectId,
  fetchRaw,
  inside,
  listen,
  next,
  nextSocket,
  pair,
  RawPolling,
  RawWebSocket,
  type Running,
  start,
  stock,
  until,
  within,
} from "../../support/clients.ts";
import { loadEngineIo, targetName } from "../../support/target.ts";

interface Conn extends NodeJS.EventEmitter {
  readonly id: string;
  readonly protocol: number;
  readonly remoteAddress: string;
  readonly request: http.IncomingMessage & { _query: Record<string, string> };
  readonly readyState: string;
  readonly upgraded: boolean;
  readonly upgrading: boolean;
  readonly transport: { readonly name: string; readonly writable: boolean };
  send(data: string | Buffer, options?: object, callback?: () => void): Conn;
  write(data: string | Buffer, options?: object, callback?: () => void): Conn;
  close(discard?: boolean): void;
}

interface Engine extends NodeJS.EventEmitter {
  readonly clients: Record<string, Conn>;
  readonly clientsCount: number;
  readonly opts: Record<string, unknown>;
  readonly ws: NodeJS.EventEmitter;
  use(middleware: (...args: never[]) => void): void;
  generateId(request: http.IncomingMessage): string | Promise<string>;
  handleRequest(request: http.IncomingMessage, response: http.ServerResponse): void;
  handleUpgrade(request: http.IncomingMessage, socket: unknown, head: Buffer): void;
  onWebTransportSession(session: unknown): Promise<void>;
  close(): Engine;
}

function engineOf(server: Running): Engine {
  return server.io.engine as unknown as Engine;
}

async function joined(
  server: Running,
  Raw: typeof RawWebSocket | typeof RawPolling = RawWebSocket,
) {
  const serverSide = nextSocket(server.io);
  const raw = await Raw.open(server);
  await raw.join();
  const socket = await serverSide;
  return { raw, socket, conn: socket.conn as unknown as Conn };
}

async function pollPending(conn: Conn): Promise<void> {
  await until(() => conn.transport.writable, "a poll is pending");
}

describe("io.engine", () => {
  it("connection gives the conn; clients and clientsCount list it while it lives", async () => {
    const server = await start();
    const engine = engineOf(server);
    const seen = collect(engine, "connection");
    const { raw, conn } = await joined(server);
    expect(seen).toEqual([[conn]]);
    expect(engine.clientsCount).toBe(1);
    expect(Object.keys(engine.clients)).toEqual([conn.id]);
    expect(engine.clients[conn.id]).toBe(conn);
    expect(conn.id).toBe(raw.open.sid);
    raw.close();
    await until(() => engine.clientsCount === 0, "it is gone");
    expect(Object.keys(engine.clients)).toEqual([]);
  });

  it("opts has the engine's options", async () => {
    const server = await start({ pingInterval: 111, maxHttpBufferSize: 222 });
    expect(engineOf(server).opts).toMatchObject({
      pingInterval: 111,
      pingTimeout: 20_000,
      upgradeTimeout: 10_000,
      maxHttpBufferSize: 222,
      transports: ["polling", "websocket"],
      allowUpgrades: true,
      cors: false,
      allowEIO3: false,
    });
  });

  it("ws is the WebSocket server", async () => {
    const server = await start();
    const headers = next(engineOf(server).ws, "headers");
    await RawWebSocket.open(server);
    const [list, request] = await headers;
    expect(list).toEqual(expect.arrayContaining([expect.stringMatching(/^Upgrade: websocket/)]));
    expect(inside<http.IncomingMessage>(request).url).toMatch(/^\/socket\.io\//);
  });

  it("close() closes all connections and gives the engine back", async () => {
    const server = await start();
    const { raw, socket } = await joined(server);
    const left = next(socket, "disconnect");
    const engine = engineOf(server);
    expect(engine.close()).toBe(engine);
    expect((await left)[0]).toBe("forced close");
    await raw.finished();
    expect(engine.clientsCount).toBe(0);
  });
});

describe("generateId", () => {
  it("may be replaced, and is given the request", async () => {
    const server = await start();
    engineOf(server).generateId = (request) =>
      `id-of-${new URL(request.url ?? "", "http://x").searchParams.get("n")}`;
    const raw = await RawWebSocket.open(server, { query: { n: "7" } });
    expect(raw.open.sid).toBe("id-of-7");
  });

  it("may be async", async () => {
    const server = await start();
    engineOf(server).generateId = async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return "from afar";
    };
    const raw = await RawPolling.open(server);
    expect(raw.open.sid).toBe("from afar");
    expect(await raw.join()).toMatch(/^40/);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("on purpose");
      },
    ],
    ["rejects", () => Promise.reject(new Error("on purpose"))],
  ])("that %s refuses the handshake with code 3", async (_what, generateId) => {
    const server = await start();
    engineOf(server).generateId = generateId;
    const errors = collect(engineOf(server), "connection_error");
    const answer = await fetchRaw(engineUrl(server, "polling"));
    expect([answer.status, answer.text]).toEqual([400, '{"code":3,"message":"Bad request"}']);
    expect(errors[0]?.[0]).toMatchObject({
      code: 3,
      message: "Bad request",
      context: { name: "ID_GENERATION_ERROR", error: new Error("on purpose") },
    });
  });

  it("by itself gives 20 characters, none twice", async () => {
    const server = await start();
    const ids = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      const id = await engineOf(server).generateId({} as never);
      expectId(id);
      ids.add(id);
    }
    expect(ids.size).toBe(1000);
  });
});

describe("connection_error", () => {
  it.each<[string, string, { method?: string }, number, string, object]>([
    ["unknown transport", "?EIO=4&transport=abc", {}, 0, "Transport unknown", { transport: "abc" }],
    ["no transport", "?EIO=4", {}, 0, "Transport unknown", {}],
    [
      "a name every object has",
      "?EIO=4&transport=constructor",
      {},
      0,
      "Transport unknown",
      { transport: "constructor" },
    ],
    [
      "unknown session",
      "?EIO=4&transport=polling&sid=xyz",
      {},
      1,
      "Session ID unknown",
      { sid: "xyz" },
    ],
    [
      "__proto__ for a session",
      "?EIO=4&transport=polling&sid=__proto__",
      {},
      1,
      "Session ID unknown",
      { sid: "__proto__" },
    ],
    [
      "POST for a handshake",
      "?EIO=4&transport=polling",
      { method: "POST" },
      2,
      "Bad handshake method",
      { method: "POST" },
    ],
    [
      "WebSocket without an upgrade",
      "?EIO=4&transport=websocket",
      {},
      3,
      "Bad request",
      { name: "TRANSPORT_HANDSHAKE_ERROR" },
    ],
    [
      "protocol 3",
      "?EIO=3&transport=polling",
      {},
      5,
      "Unsupported protocol version",
      { protocol: 3 },
    ],
    ["no protocol", "?transport=polling", {}, 5, "Unsupported protocol version", { protocol: 3 }],
  ])("over HTTP: %s", async (_what, query, init, code, message, context) => {
    const server = await start();
    const errors = collect(engineOf(server), "connection_error");
    const answer = await fetchRaw(`${server.url}/socket.io/${query}`, init);
    expect([answer.status, answer.headers["content-type"], JSON.parse(answer.text)]).toEqual([
      400,
      "application/json",
      { code, message },
    ]);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.[0]).toMatchObject({ code, message, context });
    const [[error]] = errors as [[{ req: http.IncomingMessage & { _query: object } }]];
    const { req } = error;
    expect(req.url).toBe(`/socket.io/${query}`);
    expect(req._query).toBeTypeOf("object");
  });

  it("a session asked for by another transport is TRANSPORT_MISMATCH", async () => {
    const server = await start();
    const errors = collect(engineOf(server), "connection_error");
    const raw = await RawWebSocket.open(server);
    const answer = await fetchRaw(engineUrl(server, "polling", { query: { sid: raw.open.sid } }));
    expect(answer.text).toBe('{"code":3,"message":"Bad request"}');
    expect(errors[0]?.[0]).toMatchObject({
      code: 3,
      context: { name: "TRANSPORT_MISMATCH", transport: "polling", previousTransport: "websocket" },
    });
  });

  it("a session asked for with another protocol is PROTOCOL_MISMATCH", async () => {
    const server = await start();
    const errors = collect(engineOf(server), "connection_error");
    const raw = await RawPolling.open(server);
    const answer = await fetchRaw(
      `${server.url}/socket.io/?EIO=3&transport=polling&sid=${raw.open.sid}`,
    );
    expect(answer.text).toBe('{"code":3,"message":"Bad request"}');
    expect(errors[0]?.[0]).toMatchObject({
      context: { name: "PROTOCOL_MISMATCH", protocol: 3, previousProtocol: 4 },
    });
  });

  it.each<[string, Record<string, string>, string, number]>([
    ["unknown session", { sid: "xyz" }, "Session ID unknown", 1],
    ["protocol 3", { EIO: "3" }, "Unsupported protocol version", 5],
    ["unknown transport", { transport: "abc" }, "Transport unknown", 0],
  ])("over WebSocket: %s is a bare 400", async (_what, query, message, code) => {
    const server = await start();
    const errors = collect(engineOf(server), "connection_error");
    const raw = RawWebSocket.dial(server, { query });
    const ended = await raw.finished();
    // Socket.IO finds out that a protocol is not supported when the WebSocket is open.
    if (code === 5 && targetName !== "holdfast") expect(ended).toMatch(/^close/);
    else expect(ended).toBe(`refused 400 ${message}`);
    expect(errors[0]?.[0]).toMatchObject({ code, message });
  });
});

describe("initial_headers and headers", () => {
  it.each(["polling", "websocket"])(
    "over %s: both at the handshake, to be added to",
    async (transport) => {
      const server = await start();
      const seen: string[] = [];
      for (const name of ["initial_headers", "headers"]) {
        engineOf(server).on(
          name,
          (headers: Record<string, string>, request: { _query: Record<string, string> }) => {
            seen.push(`${name} ${request._query["transport"]}`);
            headers[`x-${name.replace("_", "-")}`] = "yes";
          },
        );
      }
      let headers: http.IncomingHttpHeaders;
      if (transport === "polling") {
        ({ headers } = await fetchRaw(engineUrl(server, "polling")));
      } else {
        const raw = RawWebSocket.dial(server);
        const [response] = await next(raw.socket, "upgrade");
        ({ headers } = response as http.IncomingMessage);
      }
      expect(headers).toMatchObject({ "x-initial-headers": "yes", "x-headers": "yes" });
      expect(seen).toEqual([`initial_headers ${transport}`, `headers ${transport}`]);
    },
  );

  it("headers come with every later request, initial_headers do not", async () => {
    const server = await start();
    const raw = await RawPolling.open(server);
    const seen: string[] = [];
    engineOf(server).on("initial_headers", () => seen.push("initial"));
    engineOf(server).on(
      "headers",
      (headers: Record<string, unknown>, request: http.IncomingMessage) => {
        seen.push(`headers ${request.method}`);
        headers["set-cookie"] = ["a=1", "b=2"];
      },
    );
    const post = await raw.post("40");
    const get = await raw.get();
    expect(seen).toEqual(["headers POST", "headers GET"]);
    expect(post.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(get.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  });
});

describe("use()", () => {
  it("a middleware runs for every request, may set headers and keep things on the request", async () => {
    const server = await start();
    const order: string[] = [];
    engineOf(server).use(((
      req: Record<string, unknown>,
      res: http.ServerResponse,
      nextFn: () => void,
    ) => {
      order.push("first");
      req["user"] = "me";
      res.setHeader("x-middleware", "yes");
      setImmediate(nextFn);
    }) as never);
    engineOf(server).use(((_req: unknown, _res: unknown, nextFn: () => void) => {
      order.push("second");
      nextFn();
    }) as never);
    const answer = await fetchRaw(engineUrl(server, "polling"));
    expect(answer.headers["x-middleware"]).toBe("yes");
    expect(order).toEqual(["first", "second"]);
    const raw = RawWebSocket.dial(server);
    const [response] = await next(raw.socket, "upgrade");
    expect(inside<http.IncomingMessage>(response).headers["x-middleware"]).toBe("yes");
    const [socket] = await pair(server);
    expect(inside(socket.request)["user"]).toBe("me");
  });

  it.each<[string, (...args: never[]) => unknown]>([
    [
      "calls next with an error",
      (_req: never, _res: never, nextFn: (e: Error) => void) => nextFn(new Error("no")),
    ],
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no"))],
    ["rejects without a reason", () => Promise.reject()],
  ])("a middleware that %s refuses with code 3", async (_what, middleware) => {
    const server = await start();
    engineOf(server).use(middleware as never);
    const errors = collect(engineOf(server), "connection_error");
    const answer = await fetchRaw(engineUrl(server, "polling"));
    expect([answer.status, answer.text]).toEqual([400, '{"code":3,"message":"Bad request"}']);
    expect(await RawWebSocket.dial(server).finished()).toBe("refused 400 Bad request");
    expect(errors.map(([error]) => error)).toMatchObject([
      { code: 3, context: { name: "MIDDLEWARE_FAILURE" } },
      { code: 3, context: { name: "MIDDLEWARE_FAILURE" } },
    ]);
  });

  it("a middleware that answers by itself is the end of it", async () => {
    const server = await start();
    engineOf(server).use(((_req: unknown, res: http.ServerResponse) => {
      res.writeHead(503);
      res.end("busy");
    }) as never);
    const answer = await fetchRaw(engineUrl(server, "polling"));
    expect([answer.status, answer.text]).toEqual([503, "busy"]);
    const ended = await RawWebSocket.dial(server).finished();
    expect(ended).toMatch(/^close/);
  });
});

describe("handleRequest and handleUpgrade", () => {
  it("are what the attached http server calls, and may be wrapped", async () => {
    const server = await start();
    const engine = engineOf(server);
    const seen: string[] = [];
    const { handleRequest, handleUpgrade } = engine;
    engine.handleRequest = function wrapped(request, response) {
      seen.push(`request ${request.method}`);
      return handleRequest.call(this, request, response);
    };
    engine.handleUpgrade = function wrapped(request, socket, head) {
      seen.push("upgrade");
      return handleUpgrade.call(this, request, socket, head);
    };
    const raw = await RawPolling.open(server);
    await raw.join();
    await RawWebSocket.open(server);
    expect(seen).toEqual(["request GET", "request POST", "request GET", "upgrade"]);
  });

  it("may be called by hand, from a server that was never attached", async () => {
    const { Server: EngineServer } = await loadEngineIo();
    const engine = new EngineServer() as unknown as Engine;
    const httpServer = http.createServer((request, response) =>
      engine.handleRequest(request, response),
    );
    httpServer.on("upgrade", (request, socket, head) =>
      engine.handleUpgrade(request, socket, head),
    );
    const url = `http://127.0.0.1:${await listen(httpServer)}`;
    const connections = collect(engine, "connection");
    expect((await RawPolling.open({ url }, { path: "/anything" })).open.sid).toHaveLength(20);
    expect((await RawWebSocket.open({ url }, { path: "/" })).open.sid).toHaveLength(20);
    expect(connections).toHaveLength(2);
    engine.close();
  });
});

describe("socket.conn", () => {
  it.each([
    ["polling", RawPolling],
    ["websocket", RawWebSocket],
  ] as const)(
    "over %s: id, protocol, remoteAddress, request, readyState, transport",
    async (name, Raw) => {
      const server = await start();
      const { raw, conn } = await joined(server, Raw);
      expect(conn.id).toBe(raw.open.sid);
      expect(conn.protocol).toBe(4);
      expect(conn.remoteAddress).toBe("127.0.0.1");
      expect(conn.request.headers.host).toBe(`127.0.0.1:${server.port}`);
      expect({ ...conn.request._query }).toEqual({ EIO: "4", transport: name });
      expect(conn.readyState).toBe("open");
      expect([conn.upgraded, conn.upgrading]).toEqual([false, false]);
      expect(conn.transport.name).toBe(name);
      conn.close();
      // A poller is told at its next poll.
      if (raw instanceof RawPolling) expect((await raw.get()).text).toBe("6\u001e1");
      await until(() => conn.readyState === "closed", "closed");
    },
  );

  it("send() and write() send a message packet and call back when it is out", async () => {
    const server = await start();
    const { raw, conn } = await joined(server);
    const written = new Promise<void>((resolve) => {
      expect(conn.send('2["by hand"]', {}, resolve)).toBe(conn);
    });
    expect(await raw.next()).toBe('42["by hand"]');
    await within(written, "the callback of send()");
    expect(conn.write(Buffer.from([1, 2]))).toBe(conn);
    expect(await raw.next()).toEqual(Buffer.from([1, 2]));
  });

  it("close() flushes what waits; close(true) does not wait", async () => {
    const server = await start();
    const first = await joined(server, RawPolling);
    first.socket.emit("last words");
    first.conn.close();
    expect(first.conn.readyState).toBe("closing");
    expect(await first.raw.next()).toBe('42["last words"]');
    const second = await joined(server);
    const closed = next(second.conn, "close");
    second.conn.close(true);
    expect((await closed)[0]).toBe("forced close");
    expect(await second.raw.finished()).toBe("close 1005");
  });

  it("events: packet, data and message for what comes in", async () => {
    const server = await start();
    const { raw, conn } = await joined(server);
    const packets = collect(conn, "packet");
    const data = collect(conn, "data");
    const messages = collect(conn, "message");
    await raw.send('42["a"]', '451-["b",{"_placeholder":true,"num":0}]', Buffer.from([9]));
    await until(() => packets.length === 3, "three packets");
    expect(packets.map(([packet]) => packet)).toMatchObject([
      { type: "message", data: '2["a"]' },
      { type: "message", data: '51-["b",{"_placeholder":true,"num":0}]' },
      { type: "message", data: Buffer.from([9]) },
    ]);
    expect(messages).toEqual(data);
    expect(data.map(([each]) => each)).toEqual([
      '2["a"]',
      '51-["b",{"_placeholder":true,"num":0}]',
      Buffer.from([9]),
    ]);
  });

  it("events: data over polling too, bytes as Buffers", async () => {
    const server = await start();
    const { raw, conn } = await joined(server, RawPolling);
    const data = collect(conn, "data");
    await raw.send('451-["b",{"_placeholder":true,"num":0}]', Buffer.from([9]));
    expect(data.map(([each]) => each)).toEqual([
      '51-["b",{"_placeholder":true,"num":0}]',
      Buffer.from([9]),
    ]);
    expect(Buffer.isBuffer(data[1]?.[0])).toBe(true);
  });

  it("events: packetCreate, flush and drain for what goes out, on the engine too", async () => {
    const server = await start();
    const { raw, socket, conn } = await joined(server);
    const order: string[] = [];
    const created = collect(conn, "packetCreate");
    const flushed = collect(engineOf(server), "flush");
    for (const name of ["packetCreate", "flush", "drain"]) conn.on(name, () => order.push(name));
    engineOf(server).on("drain", (each: unknown) => {
      expect(each).toBe(conn);
      order.push("engine drain");
    });
    socket.emit("ev", 1);
    expect(await raw.next()).toBe('42["ev",1]');
    await until(() => order.includes("engine drain"), "drained");
    expect(order.indexOf("packetCreate")).toBeLessThan(order.indexOf("flush"));
    expect(order.indexOf("flush")).toBeLessThan(order.indexOf("drain"));
    expect(created[0]?.[0]).toMatchObject({
      type: "message",
      data: '2["ev",1]',
      options: { compress: true },
    });
    expect(flushed[0]?.[0]).toBe(conn);
    expect(flushed[0]?.[1]).toMatchObject([{ type: "message", data: '2["ev",1]' }]);
  });

  it("packetCreate tells of broadcasts as well", async () => {
    const server = await start();
    const { raw, conn } = await joined(server);
    const created = collect(conn, "packetCreate");
    server.io.emit("all", 1);
    await raw.next();
    expect(created[0]?.[0]).toMatchObject({ type: "message", data: '2["all",1]' });
  });

  it("events: heartbeat when a pong comes", async () => {
    const server = await start({ pingInterval: 30 });
    const { conn } = await joined(server);
    await next(conn, "heartbeat");
    await next(conn, "heartbeat");
  });

  it("events: close with reason and description", async () => {
    const server = await start();
    const first = await joined(server);
    const closed = next(first.conn, "close");
    first.raw.close();
    expect((await closed)[0]).toBe("transport close");
    expect(first.conn.readyState).toBe("closed");
    const second = await joined(server);
    const failed = next(second.conn, "close");
    await second.raw.send("2");
    const [reason, description] = await failed;
    expect(reason).toBe("transport error");
    expect(inside<Error>(description).message).toBe("invalid heartbeat direction");
  });

  it("events: upgrading and upgrade with the transport", async () => {
    const server = await start();
    const connection = next(engineOf(server), "connection");
    const client = stock(server, "/", { transports: ["polling", "websocket"] });
    const [conn] = (await connection) as [Conn];
    const order: string[] = [];
    conn.on("upgrading", (transport: { name: string }) =>
      order.push(`upgrading ${transport.name} ${conn.transport.name}`),
    );
    conn.on("upgrade", (transport: { name: string }) =>
      order.push(`upgrade ${transport.name} ${conn.transport.name}`),
    );
    await next(client, "connect");
    await until(() => conn.upgraded, "upgraded");
    expect(order).toEqual(["upgrading websocket polling", "upgrade websocket websocket"]);
    expect(conn.upgrading).toBe(false);
    expect(conn.transport.name).toBe("websocket");
  });

  it("transport.writable is false while a poller is away", async () => {
    const server = await start();
    const { raw, conn } = await joined(server, RawPolling);
    expect(conn.transport.writable).toBe(false);
    const poll = raw.next();
    await pollPending(conn);
    conn.write("2[1]");
    expect(await poll).toBe("42[1]");
  });
});

// --- WebTransport: a session object with the shape that the W3C gives it, made of streams in this process ---

function webTransportPair() {
  const toServer = new TransformStream<Uint8Array, Uint8Array>();
  const toClient = new TransformStream<Uint8Array, Uint8Array>();
  let close: (info: object) => void = () => undefined;
  const closed = new Promise<object>((resolve) => {
    close = resolve;
  });
  const session = {
    closed,
    ready: Promise.resolve(),
    close: () => close({}),
    incomingBidirectionalStreams: new ReadableStream({
      start(controller) {
        controller.enqueue({ readable: toServer.readable, writable: toClient.writable });
      },
    }),
  };
  const writer = toServer.writable.getWriter();
  const reader = toClient.readable.getReader();
  let pending = Buffer.alloc(0);
  return {
    session,
    closed,
    async send(text: string) {
      const body = Buffer.from(text);
      await writer.write(Buffer.concat([Buffer.from([body.length]), body]));
    },
    async receive(): Promise<string> {
      while (pending.length === 0 || pending.length < 1 + ((pending[0] ?? 0) & 0x7f)) {
        const { value, done } = await within(reader.read(), "bytes from the server");
        if (done) throw new Error("the stream has ended");
        pending = Buffer.concat([pending, value]);
      }
      const length = (pending[0] ?? 0) & 0x7f;
      // Longer packets have the length in the next two bytes.
      const start = length === 126 ? 3 : 1;
      const size = length === 126 ? pending.readUInt16BE(1) : length;
      const text = pending.subarray(start, start + size).toString();
      pending = pending.subarray(start + size);
      return text;
    },
  };
}

describe("onWebTransportSession()", () => {
  it("makes a connection without a request", async () => {
    const server = await start({ transports: ["polling", "websocket", "webtransport"] });
    const peer = webTransportPair();
    void engineOf(server).onWebTransportSession(peer.session);
    await peer.send("0");
    const open = JSON.parse((await peer.receive()).slice(1)) as Record<string, unknown>;
    expect(open).toMatchObject({ sid: expect.stringMatching(/^[\w-]{20}$/), upgrades: [] });
    const serverSide = nextSocket(server.io);
    await peer.send('40{"token":"t"}');
    const socket = await serverSide;
    expect(await peer.receive()).toBe(`40{"sid":"${socket.id}"}`);
    expect(socket.handshake).toMatchObject({
      headers: {},
      secure: true,
      xdomain: false,
      auth: { token: "t" },
    });
    expect(socket.handshake.query).toEqual({});
    expect(socket.handshake.url).toBeUndefined();
    expect(socket.request ?? null).toBeNull();
    expect((socket.conn as unknown as Conn).transport.name).toBe("webtransport");
    const heard = next(socket, "ev");
    await peer.send('42["ev",1]');
    expect(await heard).toEqual([1]);
    server.io.emit("all", 2);
    expect(await peer.receive()).toBe('42["all",2]');
    const left = next(socket, "disconnect");
    peer.session.close();
    expect((await left)[0]).toBe("transport close");
  });

  it("is offered as an upgrade when enabled", async () => {
    const server = await start({ transports: ["polling", "websocket", "webtransport"] });
    const raw = await RawPolling.open(server);
    expect(raw.open.upgrades).toEqual(["websocket", "webtransport"]);
  });

  it("upgrades a session from polling", async () => {
    const server = await start({ transports: ["polling", "websocket", "webtransport"] });
    const { raw, socket, conn } = await joined(server, RawPolling);
    const peer = webTransportPair();
    void engineOf(server).onWebTransportSession(peer.session);
    await peer.send(`0{"sid":"${raw.open.sid}"}`);
    await peer.send("2probe");
    expect(await peer.receive()).toBe("3probe");
    await peer.send("5");
    await until(() => conn.upgraded, "upgraded");
    socket.emit("over webtransport");
    expect(await peer.receive()).toBe('42["over webtransport"]');
  });

  it.each(["2probe", "0{}", '0{"sid":"unknown"}', '0{"sid":1}', "0not json"])(
    "closes the session when it begins with %s",
    async (first) => {
      const server = await start({ transports: ["polling", "websocket", "webtransport"] });
      const peer = webTransportPair();
      void engineOf(server).onWebTransportSession(peer.session);
      await peer.send(first);
      await within(peer.closed, "the end of the session");
      expect(engineOf(server).clientsCount).toBe(0);
    },
  );
});
