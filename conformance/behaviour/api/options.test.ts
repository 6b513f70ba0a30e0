/** The engine's and the server's options, by what changes for the peer. Those with a file of their own are not repeated here. */
import { gunzipSync, inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import {
  collect,
  engineUrl,
  failureOf,
  fetchRaw,
  inside,
  next,
  nextSocket,
  pair,
  RawPolling,
  RawWebSocket,
  type Running,
  start,
  stock,
  until,
} from "../../support/clients.ts";
import { targetName } from "../../support/target.ts";

async function joined(server: Running, Raw: typeof RawWebSocket | typeof RawPolling) {
  const serverSide = nextSocket(server.io);
  const raw = await Raw.open(server);
  await raw.join();
  return { raw, socket: await serverSide };
}

describe("defaults", () => {
  it("the handshake has exactly five keys", async () => {
    const server = await start();
    const polling = await RawPolling.open(server);
    expect(Object.keys(polling.open)).toEqual([
      "sid",
      "upgrades",
      "pingInterval",
      "pingTimeout",
      "maxPayload",
    ]);
    expect(polling.open).toMatchObject({
      upgrades: ["websocket"],
      pingInterval: 25_000,
      pingTimeout: 20_000,
      maxPayload: 1_000_000,
    });
    const websocket = await RawWebSocket.open(server);
    expect(websocket.open).toMatchObject({ upgrades: [] });
  });
});

describe("pingInterval, pingTimeout, maxHttpBufferSize", () => {
  it("are told in the handshake", async () => {
    const server = await start({ pingInterval: 123, pingTimeout: 456, maxHttpBufferSize: 789 });
    expect((await RawPolling.open(server)).open).toMatchObject({
      pingInterval: 123,
      pingTimeout: 456,
      maxPayload: 789,
    });
  });

  it("the first ping comes after pingInterval", async () => {
    const server = await start({ pingInterval: 80 });
    const before = Date.now();
    const raw = await RawWebSocket.open(server);
    raw.answersPings = false;
    await raw.until("2");
    expect(Date.now() - before).toBeGreaterThanOrEqual(75);
  });

  it("a POST above maxHttpBufferSize is answered 413, and the session lives on", async () => {
    const server = await start({ maxHttpBufferSize: 100 });
    const { raw } = await joined(server, RawPolling);
    const polling = raw as RawPolling;
    const answer = await polling.post(`4${"x".repeat(100)}`);
    expect(answer.status).toBe(413);
    expect((await polling.post(`42["${"x".repeat(90)}"]`)).status).toBe(200);
    expect(server.io.engine.clientsCount).toBe(1);
  });

  it("exactly maxHttpBufferSize passes, over both transports", async () => {
    const server = await start({ maxHttpBufferSize: 100 });
    for (const Raw of [RawWebSocket, RawPolling]) {
      const { raw, socket } = await joined(server, Raw);
      const heard = next(socket, "ev");
      const frame = `42["ev","${"x".repeat(100 - 11)}"]`;
      expect(frame).toHaveLength(100);
      await raw.send(frame);
      expect((await heard)[0]).toHaveLength(89);
    }
  });

  it("what the server sends has no such limit", async () => {
    const server = await start({ maxHttpBufferSize: 100 });
    const { raw, socket } = await joined(server, RawWebSocket);
    socket.emit("big", "x".repeat(5000));
    expect(await raw.next()).toHaveLength(5000 + '42["big",""]'.length);
  });
});

describe("transports and upgrades", () => {
  it('transports: ["websocket"] refuses polling', async () => {
    const server = await start({ transports: ["websocket"] });
    const answer = await fetchRaw(engineUrl(server, "polling"));
    expect([answer.status, answer.text]).toEqual([400, '{"code":0,"message":"Transport unknown"}']);
    await RawWebSocket.open(server);
  });

  it('transports: ["polling"] refuses WebSocket and offers no upgrade', async () => {
    const server = await start({ transports: ["polling"], destroyUpgradeTimeout: 20 });
    expect((await RawPolling.open(server)).open.upgrades).toEqual([]);
    const ended = await RawWebSocket.dial(server).finished();
    expect(ended).not.toMatch(/^close 1000/);
  });

  it("allowUpgrades: false offers none", async () => {
    const server = await start({ allowUpgrades: false });
    expect((await RawPolling.open(server)).open.upgrades).toEqual([]);
    const client = stock(server, "/", { transports: ["polling", "websocket"] });
    await next(client, "connect");
    expect(client.io.engine.transport.name).toBe("polling");
  });

  it("upgradeTimeout closes an upgrade that does not go on; the session stays on polling", async () => {
    const server = await start({ upgradeTimeout: 150 });
    const { raw, socket } = await joined(server, RawPolling);
    const upgrade = RawWebSocket.dial(server, { query: { sid: raw.open.sid } });
    await upgrade.opened();
    await upgrade.send("2probe");
    expect(await upgrade.next()).toBe("3probe");
    expect(await upgrade.finished()).toBe("close 1005");
    socket.emit("still polling");
    await raw.until('42["still polling"]');
    expect(inside<{ upgraded: boolean }>(socket.conn).upgraded).toBe(false);
  });
});

describe("httpCompression", () => {
  async function poll(options: Parameters<typeof start>[0], accepted: string, size = 3000) {
    const server = await start(options);
    const { raw, socket } = await joined(server, RawPolling);
    socket.emit("big", "x".repeat(size));
    return fetchRaw((raw as RawPolling).url, { headers: { "accept-encoding": accepted } });
  }

  it("gzip and deflate for what is big, if the client accepts it", async () => {
    const gzip = await poll({}, "gzip, deflate");
    expect(gzip.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(gzip.bytes).toString()).toBe(`42["big","${"x".repeat(3000)}"]`);
    const deflate = await poll({}, "deflate");
    expect(deflate.headers["content-encoding"]).toBe("deflate");
    expect(inflateSync(deflate.bytes).toString()).toBe(`42["big","${"x".repeat(3000)}"]`);
  });

  it.each<[string, Parameters<typeof start>[0], string, number, string | undefined]>([
    ["not when the client does not accept it", {}, "br", 3000, undefined],
    ["not below 1024 bytes", {}, "gzip", 900, undefined],
    ["from the given threshold", { httpCompression: { threshold: 100 } }, "gzip", 200, "gzip"],
    ["not when it is off", { httpCompression: false }, "gzip", 3000, undefined],
  ])("%s", async (_what, options, accepted, size, encoding) => {
    expect((await poll(options, accepted, size)).headers["content-encoding"]).toBe(encoding);
  });

  it("not for a packet sent with compress(false)", async () => {
    const server = await start();
    const headers = { "accept-encoding": "gzip" };
    const { raw, socket } = await joined(server, RawPolling);
    socket.compress(false).emit("big", "x".repeat(3000));
    const answer = await fetchRaw((raw as RawPolling).url, { headers });
    expect(answer.headers["content-encoding"]).toBeUndefined();
    socket.emit("big", "x".repeat(3000));
    const packed = await fetchRaw((raw as RawPolling).url, { headers });
    expect(packed.headers["content-encoding"]).toBe("gzip");
  });
});

describe("perMessageDeflate", () => {
  async function extensions(options: Parameters<typeof start>[0]) {
    const server = await start(options);
    const serverSide = nextSocket(server.io);
    const raw = await RawWebSocket.open(server, { perMessageDeflate: true });
    await raw.join();
    const socket = await serverSide;
    socket.emit("big", "x".repeat(3000));
    socket.compress(false).emit("big", "y".repeat(3000));
    server.io.emit("all", "z".repeat(3000));
    for (const letter of ["x", "y", "z"]) {
      expect(await raw.next()).toContain(letter.repeat(3000));
    }
    return raw.socket.extensions;
  }

  it("is off by default", async () => {
    expect(await extensions({})).toBe("");
  });

  it("true turns it on; messages arrive all the same", async () => {
    expect(await extensions({ perMessageDeflate: true })).toBe("permessage-deflate");
  });

  it("takes options", async () => {
    expect(await extensions({ perMessageDeflate: { threshold: 10 } })).toBe("permessage-deflate");
  });
});

describe("cors", () => {
  const headers = { origin: "https://app.example" };

  it("is off by default: no header", async () => {
    const server = await start();
    const answer = await fetchRaw(engineUrl(server, "polling"), { headers });
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  });

  it.each<[string, unknown, Record<string, string | undefined>]>([
    [
      "an origin",
      { origin: "https://app.example" },
      { "access-control-allow-origin": "https://app.example", vary: "Origin" },
    ],
    ["any origin", { origin: "*" }, { "access-control-allow-origin": "*" }],
    [
      "the asking origin",
      { origin: true },
      { "access-control-allow-origin": "https://app.example", vary: "Origin" },
    ],
    [
      "a list with it",
      { origin: ["https://a.example", "https://app.example"] },
      { "access-control-allow-origin": "https://app.example" },
    ],
    [
      "a pattern",
      { origin: /\.example$/ },
      { "access-control-allow-origin": "https://app.example" },
    ],
    [
      "credentials",
      { origin: true, credentials: true },
      { "access-control-allow-credentials": "true" },
    ],
    [
      "exposed headers",
      { origin: true, exposedHeaders: ["x-a"] },
      { "access-control-expose-headers": "x-a" },
    ],
    [
      "a function for the origin",
      { origin: (_origin: string, cb: (e: null, ok: boolean) => void) => cb(null, true) },
      { "access-control-allow-origin": "https://app.example" },
    ],
    [
      "a delegate",
      (_request: unknown, cb: (e: null, options: object) => void) =>
        cb(null, { origin: "https://by.delegate" }),
      { "access-control-allow-origin": "https://by.delegate" },
    ],
  ])("%s", async (_what, cors, expected) => {
    const server = await start({ cors: cors as never });
    const answer = await fetchRaw(engineUrl(server, "polling"), { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject(expected);
  });

  it("answers a preflight with 204", async () => {
    const server = await start({
      cors: { origin: "https://app.example", methods: ["GET", "POST"] },
    });
    const answer = await fetchRaw(engineUrl(server, "polling"), {
      method: "OPTIONS",
      headers: {
        ...headers,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-a",
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-methods": "GET,POST",
      "access-control-allow-headers": "x-a",
      "content-length": "0",
    });
  });

  it("goes with POST and later GETs as well", async () => {
    const server = await start({ cors: { origin: "https://app.example" } });
    const raw = await RawPolling.open(server, { headers });
    const post = await raw.post("40");
    const get = await raw.get();
    expect(post.headers["access-control-allow-origin"]).toBe("https://app.example");
    expect(get.headers["access-control-allow-origin"]).toBe("https://app.example");
  });
});

describe("cookie", () => {
  it("is off by default", async () => {
    const server = await start();
    const answer = await fetchRaw(engineUrl(server, "polling"));
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  it.each<[string, unknown, (sid: string) => string]>([
    ["true", true, (sid) => `io=${sid}; Path=/; HttpOnly; SameSite=Lax`],
    ["a name", { name: "mine" }, (sid) => `mine=${sid}; Path=/; HttpOnly; SameSite=Lax`],
    [
      "no httpOnly",
      { name: "mine", httpOnly: false },
      (sid) => `mine=${sid}; Path=/; SameSite=Lax`,
    ],
    [
      "another path",
      { name: "mine", path: "/custom" },
      (sid) => `mine=${sid}; Path=/custom; HttpOnly; SameSite=Lax`,
    ],
    ["no path", { name: "mine", path: false }, (sid) => `mine=${sid}; HttpOnly; SameSite=Lax`],
    [
      "sameSite and maxAge",
      { name: "mine", sameSite: "strict", maxAge: 10 },
      (sid) => `mine=${sid}; Max-Age=10; Path=/; HttpOnly; SameSite=Strict`,
    ],
    [
      "secure and domain",
      { name: "mine", secure: true, domain: "a.example" },
      (sid) => `mine=${sid}; Domain=a.example; Path=/; HttpOnly; Secure; SameSite=Lax`,
    ],
  ])("%s", async (_what, cookie, expected) => {
    const server = await start({ cookie: cookie as never });
    const answer = await fetchRaw(engineUrl(server, "polling"));
    const { sid } = JSON.parse(answer.text.slice(1)) as { sid: string };
    expect(answer.headers["set-cookie"]).toEqual([expected(sid)]);
  });

  it("is set once, at the handshake", async () => {
    const server = await start({ cookie: true as never });
    const raw = await RawPolling.open(server);
    expect((await raw.post("40")).headers["set-cookie"]).toBeUndefined();
    expect((await raw.get()).headers["set-cookie"]).toBeUndefined();
  });
});

describe("allowRequest", () => {
  type Check = (
    request: unknown,
    fn: (message: string | null | undefined, ok: boolean) => void,
  ) => void;

  it("is asked once per connection, with the request", async () => {
    const asked: unknown[] = [];
    const allowRequest: Check = (request, fn) => {
      asked.push(inside<{ _query: Record<string, string> }>(request)._query["who"]);
      setImmediate(() => fn(null, true));
    };
    const server = await start({ allowRequest });
    const raw = await RawPolling.open(server, { query: { who: "a" } });
    await raw.join();
    await RawWebSocket.open(server, { query: { who: "b" } });
    expect(asked).toEqual(["a", "b"]);
  });

  it.each([
    ["a no without a word", null, "Forbidden"],
    ["a no with a message", "not you", "not you"],
  ])("%s: 403 with code 4; over WebSocket 400 with the message", async (_what, message, text) => {
    const allowRequest: Check = (_request, fn) => fn(message, false);
    const server = await start({ allowRequest });
    const errors = collect(server.io.engine, "connection_error");
    const answer = await fetchRaw(engineUrl(server, "polling"));
    expect([answer.status, JSON.parse(answer.text)]).toEqual([403, { code: 4, message: text }]);
    expect(await RawWebSocket.dial(server).finished()).toBe(`refused 400 ${text}`);
    expect(errors.map(([error]) => error)).toMatchObject([
      { code: 4, message: "Forbidden", context: { message } },
      { code: 4, message: "Forbidden", context: { message } },
    ]);
  });
});

describe("initialPacket", () => {
  it("comes right after the handshake, over both transports", async () => {
    const server = await start({ initialPacket: '2["welcome"]' });
    const answer = await fetchRaw(engineUrl(server, "polling"));
    expect(answer.text.split("\x1e")).toEqual([expect.stringMatching(/^0\{/), '42["welcome"]']);
    const raw = await RawWebSocket.open(server);
    expect(await raw.next()).toBe('42["welcome"]');
  });
});

describe("wsEngine", () => {
  it("is the class that takes the upgrades", async () => {
    const made: unknown[] = [];
    class Mine extends WebSocketServer {
      constructor(options: ConstructorParameters<typeof WebSocketServer>[0]) {
        super(options);
        made.push(options);
      }
    }
    const server = await start({ wsEngine: Mine as never, maxHttpBufferSize: 1234 });
    const [socket] = await pair(server);
    expect(socket.connected).toBe(true);
    expect(made[0]).toMatchObject({ noServer: true, clientTracking: false, maxPayload: 1234 });
    expect(inside<{ ws: unknown }>(server.io.engine).ws).toBeInstanceOf(Mine);
  });
});

describe("allowEIO3", () => {
  it("is off: protocol 3 is refused with code 5", async () => {
    const server = await start();
    const answer = await fetchRaw(`${server.url}/socket.io/?EIO=3&transport=polling`);
    expect([answer.status, answer.text]).toEqual([
      400,
      '{"code":5,"message":"Unsupported protocol version"}',
    ]);
  });
});

describe.runIf(targetName === "holdfast")("options that are wrong", () => {
  it.each<[string, unknown, string]>([
    ["pingInterval", "soon", "milliseconds"],
    ["pingTimeout", -1, "milliseconds"],
    ["maxHttpBufferSize", "1MB", "bytes"],
    ["transports", ["carrier pigeon"], "polling"],
    ["allowRequest", true, "function"],
    ["path", 7, "string"],
    ["serveClient", "no", "true or false"],
  ])("%s: %j", async (name, value, accepted) => {
    const error = await failureOf(() => start({ [name]: value }));
    expect(error.code).toBe("HF_OPTION_INVALID");
    expect(error.message).toContain(`"${name}"`);
    expect(error.message).toContain(accepted);
  });

  it("an unknown one is a warning with the nearest name that is known", async () => {
    const warned = next(process, "warning");
    await start({ pingIntervall: 1 } as never);
    const [warning] = await warned;
    expect(inside<{ code: string }>(warning).code).toBe("HF_OPTION_UNKNOWN");
    expect((warning as Error).message).toContain('"pingInterval"');
  });
});

describe("connectTimeout", () => {
  it("ends a poller that joins nothing", async () => {
    const server = await start({ connectTimeout: 30 });
    const raw = await RawPolling.open(server);
    const poll = raw.get();
    await until(() => server.io.engine.clientsCount === 0, "it is gone");
    expect((await poll).text).toBe("1");
  });
});
