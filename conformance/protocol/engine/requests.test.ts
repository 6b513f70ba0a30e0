/** Which requests are refused, with which code, status and body, and which check comes first. */
import http from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { collect, engineUrl, fetchRaw, listen, until, within } from "../../support/clients.ts";
import { RawConnection, requestBytes } from "../../support/raw-http.ts";
import { handshakeHeaders } from "../../support/raw-websocket.ts";
import type { EngineServer, EngineServerOptions } from "../../support/servers.ts";
import { loadEngineIo, targetName } from "../../support/target.ts";
import {
  ask,
  askUpgrade,
  openPolling,
  openWebSocket,
  path,
  queryOf,
  refusalsOf,
  serve,
} from "./session.ts";

type Query = Readonly<Record<string, string | undefined>>;

const messages = [
  "Transport unknown",
  "Session ID unknown",
  "Bad handshake method",
  "Bad request",
  "Forbidden",
  "Unsupported protocol version",
];

const refusing: EngineServerOptions = {
  allowRequest: (_request, decide) => decide(undefined as unknown as string, false),
};

interface Case {
  readonly what: string;
  readonly query: Query;
  readonly code: number;
  readonly context: object;
  readonly method?: string;
  readonly options?: EngineServerOptions;
  readonly status?: number;
}

const handshakes: Case[] = [
  {
    what: "no transport",
    query: { transport: undefined },
    code: 0,
    context: { transport: undefined },
  },
  {
    what: "an unknown transport",
    query: { transport: "flash" },
    code: 0,
    context: { transport: "flash" },
  },
  { what: "an empty transport", query: { transport: "" }, code: 0, context: { transport: "" } },
  {
    what: "a transport in capitals",
    query: { transport: "POLLING" },
    code: 0,
    context: { transport: "POLLING" },
  },
  ...["constructor", "__proto__", "toString", "hasOwnProperty"].map((transport) => ({
    what: `the transport ${transport}`,
    query: { transport },
    code: 0,
    context: { transport },
  })),
  {
    what: "webtransport, which comes by another way",
    query: { transport: "webtransport" },
    code: 0,
    context: { transport: "webtransport" },
    options: { transports: ["polling", "websocket", "webtransport"] },
  },
  {
    what: "polling when it is not enabled",
    query: {},
    code: 0,
    context: { transport: "polling" },
    options: { transports: ["websocket"] },
  },
  { what: "an unknown sid", query: { sid: "nobody" }, code: 1, context: { sid: "nobody" } },
  ...["__proto__", "constructor", "hasOwnProperty"].map((sid) => ({
    what: `the sid ${sid}`,
    query: { sid },
    code: 1,
    context: { sid },
  })),
  ...["POST", "PUT", "DELETE", "PATCH"].map((method) => ({
    what: `a handshake by ${method}`,
    query: {},
    method,
    code: 2,
    context: { method },
  })),
  {
    what: "websocket without an upgrade",
    query: { transport: "websocket" },
    code: 3,
    context: { name: "TRANSPORT_HANDSHAKE_ERROR" },
  },
  { what: "allowRequest", query: {}, code: 4, context: {}, options: refusing, status: 403 },
  ...[undefined, "3", "5", "", "4.0", " 4", "__proto__"].map((EIO) => ({
    what: `EIO=${EIO}`,
    query: { EIO },
    code: 5,
    context: { protocol: 3 },
  })),
];

describe("a request is refused for", () => {
  it.each(handshakes)("$what", async (row) => {
    const server = await serve(row.options);
    const refusals = refusalsOf(server);
    const answer = await ask(server, row.query, { method: row.method ?? "GET" });
    expect(answer.status).toBe(row.status ?? 400);
    expect(answer.headers["content-type"]).toBe("application/json");
    const message = messages[row.code];
    expect(answer.text).toBe(JSON.stringify({ code: row.code, message }));
    expect(refusals.all()).toHaveLength(1);
    expect(refusals.all()[0]).toMatchObject({ code: row.code, message, context: row.context });
    expect(refusals.all()[0]?.req).toBeInstanceOf(http.IncomingMessage);
    expect(server.engine.clientsCount).toBe(0);
  });

  it("allowRequest, with the text it gives", async () => {
    const server = await serve({ allowRequest: (_request, decide) => decide("not today", false) });
    const refusals = refusalsOf(server);
    const answer = await ask(server);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      403,
      { code: 4, message: "not today" },
    ]);
    expect(refusals.all()[0]).toMatchObject({
      message: "Forbidden",
      context: { message: "not today" },
    });
  });

  it("a middleware that fails", async () => {
    const server = await serve();
    const refusals = refusalsOf(server);
    server.engine.use((_request, _response, next) => next(new Error("on purpose")));
    const answer = await ask(server);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      400,
      { code: 3, message: "Bad request" },
    ]);
    expect(refusals.all()[0]).toMatchObject({ code: 3, context: { name: "MIDDLEWARE_FAILURE" } });
  });

  const generators: [what: string, generateId: () => string | Promise<string>][] = [
    [
      "throws",
      () => {
        throw new Error("on purpose");
      },
    ],
    ["rejects", () => Promise.reject(new Error("on purpose"))],
  ];
  it.each(generators)("generateId() that %s", async (_what, generateId) => {
    const server = await serve();
    const refusals = refusalsOf(server);
    server.engine.generateId = generateId;
    const answer = await ask(server);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      400,
      { code: 3, message: "Bad request" },
    ]);
    expect(refusals.all()[0]).toMatchObject({ code: 3, context: { name: "ID_GENERATION_ERROR" } });
    expect(server.engine.clientsCount).toBe(0);
  });

  it("an Origin with characters that a header has not", async () => {
    const server = await serve();
    const refusals = refusalsOf(server);
    // Node's parser lets no such header pass, so that it comes by a middleware.
    server.engine.use((request, _response, next) => {
      request.headers.origin = "http://a\u0000b";
      next();
    });
    const answer = await ask(server);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      400,
      { code: 3, message: "Bad request" },
    ]);
    expect(refusals.all()[0]).toMatchObject({
      context: { name: "INVALID_ORIGIN", origin: "http://a\u0000b" },
    });
  });
});

describe("a request of a session is refused for", () => {
  it("another transport", async () => {
    const server = await serve();
    const { sid } = await openPolling(server);
    const refusals = refusalsOf(server);
    const answer = await ask(server, { sid, transport: "websocket" });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      400,
      { code: 3, message: "Bad request" },
    ]);
    expect(refusals.all()[0]).toMatchObject({
      code: 3,
      context: { name: "TRANSPORT_MISMATCH", transport: "websocket", previousTransport: "polling" },
    });
  });

  it("polling when it is on websocket", async () => {
    const server = await serve();
    const { sid } = await openWebSocket(server);
    const refusals = refusalsOf(server);
    for (const method of ["GET", "POST"]) {
      const answer = await ask(server, { sid }, { method });
      expect([answer.status, JSON.parse(answer.text).code]).toEqual([400, 3]);
    }
    expect(refusals.all()[1]).toMatchObject({
      context: { name: "TRANSPORT_MISMATCH", transport: "polling", previousTransport: "websocket" },
    });
  });

  it.each([undefined, "3"])("another protocol: EIO=%s", async (EIO) => {
    const server = await serve();
    const session = await openPolling(server);
    const refusals = refusalsOf(server);
    const answer = await ask(server, { sid: session.sid, EIO });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      400,
      { code: 3, message: "Bad request" },
    ]);
    expect(refusals.all()[0]).toMatchObject({
      context: { name: "PROTOCOL_MISMATCH", protocol: 3, previousProtocol: 4 },
    });
    expect(session.reasons()).toEqual([]);
  });

  it("the session's end", async () => {
    const server = await serve();
    const session = await openPolling(server);
    session.connection.close(true);
    await until(() => session.reasons().length > 0, "the session closes");
    for (const method of ["GET", "POST"]) {
      const answer = await ask(server, { sid: session.sid }, { method });
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        400,
        { code: 1, message: "Session ID unknown" },
      ]);
    }
  });
});

describe("the order of the checks:", () => {
  const bad: Query = { transport: "flash", sid: "nobody", EIO: "3" };

  it("middlewares before the transport", async () => {
    const server = await serve();
    server.engine.use((_request, _response, next) => next(new Error("on purpose")));
    expect(JSON.parse((await ask(server, bad)).text).code).toBe(3);
  });

  it("the transport before Origin, sid and EIO", async () => {
    const server = await serve();
    server.engine.use((request, _response, next) => {
      request.headers.origin = "\u0000";
      next();
    });
    expect(JSON.parse((await ask(server, bad)).text).code).toBe(0);
  });

  it("Origin before the sid", async () => {
    const server = await serve();
    const refusals = refusalsOf(server);
    server.engine.use((request, _response, next) => {
      request.headers.origin = "\u0000";
      next();
    });
    await ask(server, { sid: "nobody" });
    expect(refusals.all()[0]?.context["name"]).toBe("INVALID_ORIGIN");
  });

  it("the sid before the method and EIO", async () => {
    const server = await serve(refusing);
    const answer = await ask(server, { sid: "nobody", EIO: "3" }, { method: "PUT" });
    expect(JSON.parse(answer.text).code).toBe(1);
  });

  it("the session's transport before its protocol", async () => {
    const server = await serve();
    const { sid } = await openPolling(server);
    const refusals = refusalsOf(server);
    await ask(server, { sid, transport: "websocket", EIO: "3" });
    expect(refusals.all()[0]?.context["name"]).toBe("TRANSPORT_MISMATCH");
  });

  it("the method before the missing upgrade", async () => {
    const server = await serve(refusing);
    const answer = await ask(server, { transport: "websocket", EIO: "3" }, { method: "POST" });
    expect(JSON.parse(answer.text).code).toBe(2);
  });

  it("the missing upgrade before allowRequest", async () => {
    const server = await serve(refusing);
    const answer = await ask(server, { transport: "websocket", EIO: "3" });
    expect(JSON.parse(answer.text).code).toBe(3);
  });

  it("allowRequest before EIO", async () => {
    const server = await serve(refusing);
    expect(JSON.parse((await ask(server, { EIO: "3" })).text).code).toBe(4);
  });

  it("EIO before generateId()", async () => {
    const server = await serve();
    server.engine.generateId = () => {
      throw new Error("on purpose");
    };
    expect(JSON.parse((await ask(server, { EIO: "3" })).text).code).toBe(5);
  });

  it("allowRequest is asked for handshakes only", async () => {
    let asked = 0;
    const server = await serve({
      allowRequest: (_request, decide) => {
        asked++;
        decide(null, true);
      },
    });
    const { client } = await openPolling(server);
    await client.post("4x");
    expect(asked).toBe(1);
  });
});

describe("a WebSocket is refused by 400, plain text and the end of the connection:", () => {
  interface Row {
    readonly what: string;
    readonly query: Query;
    readonly text: string;
    readonly code: number;
    readonly options?: EngineServerOptions;
    readonly method?: string;
  }
  const rows: Row[] = [
    {
      what: "transport unknown",
      query: { transport: "flash" },
      text: "Transport unknown",
      code: 0,
    },
    { what: "sid unknown", query: { sid: "nobody" }, text: "Session ID unknown", code: 1 },
    { what: "method", query: {}, text: "Bad handshake method", code: 2, method: "POST" },
    { what: "allowRequest", query: {}, text: "Forbidden", code: 4, options: refusing },
    {
      what: "allowRequest with a text",
      query: {},
      text: "nicht heute ä",
      code: 4,
      options: { allowRequest: (_request, decide) => decide("nicht heute ä", false) },
    },
  ];
  it.each(rows)("$what", async ({ query, text, code, options, method = "GET" }) => {
    const server = await serve(options);
    const refusals = refusalsOf(server);
    const connection = await RawConnection.open(server);
    onTestFinished(() => connection.destroy());
    const target = `${path}?${queryOf({ transport: "websocket", ...query })}`;
    const answer = await connection.request({ method, target, headers: handshakeHeaders() });
    expect([answer.status, answer.reason, answer.text]).toEqual([400, "Bad Request", text]);
    expect(answer.headers.get("content-type")).toEqual(["text/html"]);
    expect(answer.headers.get("connection")).toEqual(["close"]);
    expect(answer.headers.get("content-length")).toEqual([`${Buffer.byteLength(text)}`]);
    await connection.finished();
    expect(refusals.all()).toMatchObject([{ code }]);
    expect(server.engine.clientsCount).toBe(0);
  });

  it("a middleware that fails", async () => {
    const server = await serve();
    server.engine.use((_request, _response, next) => next(new Error("on purpose")));
    const answer = await askUpgrade(server);
    expect([answer.status, answer.text]).toEqual([400, "Bad request"]);
  });

  it("the protocol of its session", async () => {
    const server = await serve();
    const { sid } = await openPolling(server);
    const refusals = refusalsOf(server);
    const answer = await askUpgrade(server, { sid, EIO: "3" });
    expect([answer.status, answer.text]).toEqual([400, "Bad request"]);
    expect(refusals.all()[0]?.context["name"]).toBe("PROTOCOL_MISMATCH");
  });

  /** Everything that comes as the answer to an upgrade that makes no session. */
  async function answersTo(server: EngineServer, query: Query): Promise<string> {
    const connection = await RawConnection.open(server);
    onTestFinished(() => connection.destroy());
    const target = `${path}?${queryOf({ transport: "websocket", ...query })}`;
    await connection.write(requestBytes({ target, headers: handshakeHeaders() }));
    await connection.finished();
    expect(server.engine.clientsCount).toBe(0);
    return connection.unread.toString("latin1");
  }

  // npm engine.io answers 101 first, then with the same 400 where frames are expected.
  it.each([undefined, "3", "5", ""])("another protocol: EIO=%s", async (EIO) => {
    const server = await serve();
    const refusals = refusalsOf(server);
    const answers = await answersTo(server, { EIO });
    expect(refusals.all()).toMatchObject([
      { code: 5, message: messages[5], context: { protocol: 3 } },
    ]);
    const first = targetName === "holdfast" ? 400 : 101;
    expect(answers).toMatch(new RegExp(`^HTTP/1.1 ${first} `));
    expect(answers).toMatch(new RegExp(`\r\n\r\n${messages[5]}$`));
    expect(answers.split("HTTP/1.1")).toHaveLength(first === 400 ? 2 : 3);
  });

  it("allowRequest before EIO", async () => {
    const server = await serve({ allowRequest: (_request, decide) => decide("not you", false) });
    const refusals = refusalsOf(server);
    expect(await answersTo(server, { EIO: "3" })).toMatch(/\r\n\r\nnot you$/);
    expect(refusals.all()).toMatchObject([{ code: 4 }]);
  });

  // npm engine.io has answered 101 by then: how the client learns of it is not said here.
  it("an id that cannot be made", async () => {
    const server = await serve();
    const refusals = refusalsOf(server);
    server.engine.generateId = () => Promise.reject(new Error("no"));
    expect(await answersTo(server, {})).not.toContain('"sid"');
    expect(refusals.all()).toMatchObject([{ code: 3 }]);
  });

  it("only polling is enabled: the request is answered as any other", async () => {
    const server = await serve({ transports: ["polling"] });
    const answer = await askUpgrade(server);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      400,
      { code: 0, message: "Transport unknown" },
    ]);
  });
});

describe("the path", () => {
  it.each(["/engine.io/?", "/engine.io/anything?", "/engine.io/a/b/c?x=y&"])(
    "%s belongs to the engine",
    async (prefix) => {
      const server = await serve();
      const answer = await fetchRaw(`${server.url}${prefix}${queryOf()}`);
      expect(answer.text).toMatch(/^0\{/);
    },
  );

  const options: [options: EngineServerOptions, prefix: string][] = [
    [{ path: "/chat" }, "/chat/"],
    [{ path: "/chat/" }, "/chat/"],
    [{ path: "/chat", addTrailingSlash: false }, "/chat"],
    [{ path: "/deep/er" }, "/deep/er/"],
  ];
  it.each(options)("follows the options %j", async (given, prefix) => {
    const server = await serve(given);
    const answer = await fetchRaw(engineUrl(server, "polling", { path: prefix }));
    expect(answer.text).toMatch(/^0\{/);
  });

  it("leaves other requests to the listeners that were there before", async () => {
    const { attach } = await loadEngineIo();
    const httpServer = http.createServer((_request, response) => response.end("elsewhere"));
    const engine = attach(httpServer);
    onTestFinished(() => void engine.close());
    const url = `http://127.0.0.1:${await listen(httpServer)}`;
    for (const other of ["/", "/engine.io", "/engine.iox/?EIO=4", "/x/engine.io/"]) {
      expect((await fetchRaw(`${url}${other}`)).text).toBe("elsewhere");
    }
    expect((await fetchRaw(`${url}${path}?${queryOf()}`)).text).toMatch(/^0\{/);
  });

  it("ends upgrades elsewhere after destroyUpgradeTimeout", async () => {
    const server = await serve({ destroyUpgradeTimeout: 20 });
    const connection = await RawConnection.open(server);
    onTestFinished(() => connection.destroy());
    await connection.write(requestBytes({ target: "/elsewhere", headers: handshakeHeaders() }));
    expect(await connection.finished()).toBe("end");
    expect(connection.unread).toHaveLength(0);
  });

  it("leaves upgrades elsewhere alone with destroyUpgrade: false", async () => {
    const server = await serve({ destroyUpgrade: false, destroyUpgradeTimeout: 5 });
    server.httpServer.on("upgrade", (_request, socket) => {
      setTimeout(() => socket.end("late"), 60);
    });
    const connection = await RawConnection.open(server);
    onTestFinished(() => connection.destroy());
    await connection.write(requestBytes({ target: "/elsewhere", headers: handshakeHeaders() }));
    await connection.finished();
    expect(connection.unread.toString()).toBe("late");
  });
});

describe("the query", () => {
  it("is kept on the request, with the application's parameters", async () => {
    const server = await serve();
    const { connection } = await openPolling(server, { query: { token: "a b+c&d", t: "cache" } });
    const request = connection.request as unknown as { _query: Record<string, string> };
    expect({ ...request._query }).toEqual({
      EIO: "4",
      transport: "polling",
      token: "a b+c&d",
      t: "cache",
    });
  });

  it.each(["__proto__=x", "constructor=x", "hasOwnProperty=x", "sid", "%zz=1", "a[b]=c", "&&=&"])(
    "may contain %s",
    async (odd) => {
      const server = await serve();
      const answer = await fetchRaw(`${server.url}${path}?${queryOf()}&${odd}`);
      expect(answer.text).toMatch(/^0\{/);
    },
  );

  it("takes the last of several", async () => {
    const server = await serve();
    const answer = await fetchRaw(`${server.url}${path}?EIO=3&transport=x&${queryOf()}`);
    expect(answer.text).toMatch(/^0\{/);
  });
});

it("does not hear of requests that were refused as connections", async () => {
  const server = await serve();
  const connections = collect(server.engine, "connection");
  await ask(server, { EIO: "3" });
  await ask(server, {}, { method: "POST" });
  await within(openPolling(server), "a session");
  expect(connections).toHaveLength(1);
});
