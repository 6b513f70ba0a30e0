/** The `cors` and `cookie` options, as browsers see them. */
import { describe, expect, it } from "vitest";
import type { Answer } from "../../support/clients.ts";
import type { EngineServerOptions } from "../../support/servers.ts";
import { ask, askUpgrade, openPolling, serve } from "./session.ts";

const origin = "https://app.example";
const other = "https://other.example";

function corsHeaders(answer: Answer): Record<string, unknown> {
  const names = Object.keys(answer.headers).filter(
    (name) => name.startsWith("access-control-") || name === "vary",
  );
  return Object.fromEntries(names.map((name) => [name, answer.headers[name]]));
}

const preflight = {
  method: "OPTIONS",
  headers: { Origin: origin, "Access-Control-Request-Method": "POST" },
};

describe("without cors", () => {
  it("answers carry no CORS headers", async () => {
    const server = await serve();
    const answer = await ask(server, {}, { headers: { Origin: origin } });
    expect([answer.status, corsHeaders(answer)]).toEqual([200, {}]);
  });

  it("a preflight is a bad handshake", async () => {
    const server = await serve();
    const answer = await ask(server, {}, preflight);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      400,
      { code: 2, message: "Bad handshake method" },
    ]);
  });
});

type Cors = Exclude<EngineServerOptions["cors"], undefined>;

const simple: [what: string, cors: Cors, from: string, headers: object][] = [
  ["true", true, origin, { "access-control-allow-origin": "*" }],
  ["any origin", { origin: "*" }, origin, { "access-control-allow-origin": "*" }],
  ["one origin", { origin }, origin, { "access-control-allow-origin": origin, vary: "Origin" }],
  [
    "one origin, asked by another",
    { origin },
    other,
    { "access-control-allow-origin": origin, vary: "Origin" },
  ],
  [
    "a list",
    { origin: [other, origin] },
    origin,
    { "access-control-allow-origin": origin, vary: "Origin" },
  ],
  ["a list, asked by another", { origin: [origin] }, other, { vary: "Origin" }],
  [
    "a pattern",
    { origin: /\.example$/ },
    origin,
    { "access-control-allow-origin": origin, vary: "Origin" },
  ],
  [
    "whoever asks",
    { origin: true },
    origin,
    { "access-control-allow-origin": origin, vary: "Origin" },
  ],
  ["nobody", { origin: false }, origin, {}],
  [
    "a function",
    { origin: (from, decide) => decide(null, from === origin) },
    origin,
    { "access-control-allow-origin": origin, vary: "Origin" },
  ],
  [
    "a function of the request",
    (_request, decide) => decide(null, { origin, credentials: true }),
    origin,
    {
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      vary: "Origin",
    },
  ],
  [
    "credentials and exposed headers",
    { origin, credentials: true, exposedHeaders: ["X-One", "X-Two"] },
    origin,
    {
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "X-One,X-Two",
      vary: "Origin",
    },
  ],
];

describe("cors:", () => {
  it.each(simple)("%s", async (_what, cors, from, headers) => {
    const server = await serve({ cors });
    const init = { headers: { Origin: from } };
    const handshake = await ask(server, {}, init);
    expect([handshake.status, corsHeaders(handshake)]).toEqual([200, headers]);
    const sid = JSON.parse(handshake.text.slice(1)).sid as string;
    const post = await ask(server, { sid }, { ...init, method: "POST", body: "4x" });
    expect([post.status, corsHeaders(post)]).toEqual([200, headers]);
    server.engine.clients[sid]?.send("x");
    const get = await ask(server, { sid }, init);
    expect([get.text, corsHeaders(get)]).toEqual(["4x", headers]);
  });

  it("refusals carry the headers too, so that a page can read them", async () => {
    const server = await serve({ cors: { origin, credentials: true } });
    const answer = await ask(server, { sid: "nobody" }, { headers: { Origin: origin } });
    expect(answer.status).toBe(400);
    expect(corsHeaders(answer)).toEqual({
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      vary: "Origin",
    });
  });

  it("a refused origin is refused by the browser, not by the server", async () => {
    const server = await serve({ cors: { origin } });
    const { reasons } = await openPolling(server, { headers: { Origin: other } });
    expect(reasons()).toEqual([]);
  });

  it("applies to WebSockets by headers only", async () => {
    const server = await serve({ cors: { origin } });
    const answer = await askUpgrade(server, {}, { headers: { Origin: other } });
    expect(answer.status).toBe(101);
  });

  it("with a function that fails refuses the request", async () => {
    const server = await serve({
      cors: { origin: (_from, decide) => decide(new Error("on purpose")) },
    });
    const answer = await ask(server, {}, { headers: { Origin: origin } });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      400,
      { code: 3, message: "Bad request" },
    ]);
  });
});

describe("a preflight", () => {
  it("is answered with 204 and what is allowed", async () => {
    const server = await serve({
      cors: {
        origin,
        methods: ["GET", "POST"],
        credentials: true,
        allowedHeaders: ["X-Own"],
        maxAge: 60,
      },
    });
    const answer = await ask(server, {}, preflight);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect(answer.headers["content-length"]).toBe("0");
    expect(corsHeaders(answer)).toEqual({
      "access-control-allow-origin": origin,
      "access-control-allow-methods": "GET,POST",
      "access-control-allow-headers": "X-Own",
      "access-control-allow-credentials": "true",
      "access-control-max-age": "60",
      vary: "Origin",
    });
    expect(server.engine.clientsCount).toBe(0);
  });

  it("gets the methods of npm cors and the headers it asks for by default", async () => {
    const server = await serve({ cors: { origin: "*" } });
    const headers = { ...preflight.headers, "Access-Control-Request-Headers": "x-a, x-b" };
    const answer = await ask(server, {}, { method: "OPTIONS", headers });
    expect(corsHeaders(answer)).toEqual({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
      "access-control-allow-headers": "x-a, x-b",
      vary: "Access-Control-Request-Headers",
    });
  });

  it("gets optionsSuccessStatus", async () => {
    const server = await serve({ cors: { origin, optionsSuccessStatus: 200 } });
    expect((await ask(server, {}, preflight)).status).toBe(200);
  });

  it("of a session does not disturb that", async () => {
    const server = await serve({ cors: { origin } });
    const { sid, client, messages, reasons } = await openPolling(server);
    expect((await ask(server, { sid }, preflight)).status).toBe(204);
    await client.post("4x");
    expect([messages(), reasons()]).toEqual([["x"], []]);
  });
});

describe("cookies", () => {
  const rows: [
    what: string,
    cookie: Exclude<EngineServerOptions["cookie"], undefined>,
    value: RegExp,
  ][] = [
    ["true", true, /^io=SID; Path=\/; HttpOnly; SameSite=Lax$/],
    ["a name", { name: "lb" }, /^lb=SID; Path=\/; HttpOnly; SameSite=Lax$/],
    [
      "another path",
      { name: "io", path: "/chat" },
      /^io=SID; Path=\/chat; HttpOnly; SameSite=Lax$/,
    ],
    ["readable by scripts", { name: "io", httpOnly: false }, /^io=SID; Path=\/; SameSite=Lax$/],
    [
      "strict, secure, for a time",
      { name: "io", sameSite: "strict", secure: true, maxAge: 60, domain: "app.example" },
      /^io=SID; Max-Age=60; Domain=app\.example; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    ],
  ];
  it.each(rows)("with %s", async (_what, cookie, value) => {
    const server = await serve({ cookie });
    const answer = await ask(server);
    const sid = JSON.parse(answer.text.slice(1)).sid as string;
    const set = answer.headers["set-cookie"];
    expect(set).toHaveLength(1);
    expect(set?.[0]?.replace(sid, "SID")).toMatch(value);
    const post = await ask(server, { sid }, { method: "POST", body: "4x" });
    expect(post.headers).not.toHaveProperty("set-cookie");
  });

  it("are off by default", async () => {
    const server = await serve();
    expect((await ask(server)).headers).not.toHaveProperty("set-cookie");
  });

  it("are not set on WebSockets", async () => {
    const server = await serve({ cookie: true });
    const answer = await askUpgrade(server);
    expect([answer.status, answer.headers.has("set-cookie")]).toEqual([101, false]);
  });
});
