/** The bundles of the stock client that the server hands out. */
import { createRequire } from "node:module";
import vm from "node:vm";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { fetchRaw, start } from "../../support/clients.ts";

const require = createRequire(import.meta.url);
const { version } = require("socket.io-client/package.json") as { version: string };
const etag = `"${version}"`;

const scripts = [
  "socket.io.js",
  "socket.io.min.js",
  "socket.io.esm.min.js",
  "socket.io.msgpack.min.js",
];

describe("each file", () => {
  it.each(scripts)("%s", async (name) => {
    const server = await start();
    const answer = await fetchRaw(`${server.url}/socket.io/${name}`);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "content-type": "application/javascript; charset=utf-8",
      "cache-control": "public, max-age=0",
      etag,
    });
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(answer.text).toContain(`Socket.IO v${version}`);
    expect(answer.text).toContain(`sourceMappingURL=${name}.map`);
  });

  it.each(scripts)("%s.map", async (name) => {
    const server = await start();
    const answer = await fetchRaw(`${server.url}/socket.io/${name}.map`);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "cache-control": "public, max-age=0",
      etag,
    });
    expect((JSON.parse(answer.text) as { file: string }).file).toBe(name);
  });

  it.each(["socket.io.js", "socket.io.min.js", "socket.io.msgpack.min.js"])(
    "%s is a working client",
    async (name) => {
      const server = await start();
      const { text } = await fetchRaw(`${server.url}/socket.io/${name}`);
      const context = { module: undefined, setTimeout, clearTimeout, console } as Record<
        string,
        unknown
      >;
      context["self"] = context;
      vm.runInNewContext(text, context);
      expect(context["io"]).toBeTypeOf("function");
      expect((context["io"] as { Manager: unknown }).Manager).toBeTypeOf("function");
    },
  );
});

describe("requests", () => {
  it("a query string is allowed", async () => {
    const server = await start();
    const answer = await fetchRaw(`${server.url}/socket.io/socket.io.js?v=1&x`);
    expect([answer.status, answer.headers.etag]).toEqual([200, etag]);
  });

  it.each([
    ["strong", etag],
    ["weak", `W/${etag}`],
  ])("304 for a %s match, without a body", async (_what, value) => {
    const server = await start();
    for (const name of ["socket.io.min.js", "socket.io.min.js.map"]) {
      const answer = await fetchRaw(`${server.url}/socket.io/${name}`, {
        headers: { "if-none-match": value },
      });
      expect([answer.status, answer.text]).toEqual([304, ""]);
    }
  });

  it("200 for another tag", async () => {
    const server = await start();
    const answer = await fetchRaw(`${server.url}/socket.io/socket.io.js`, {
      headers: { "if-none-match": '"1.0.0"' },
    });
    expect(answer.status).toBe(200);
  });

  it.each([
    ["br", brotliDecompressSync],
    ["gzip", gunzipSync],
    ["deflate", inflateSync],
  ] as const)("compressed as %s, with the same bytes", async (encoding, decompress) => {
    const server = await start();
    const plain = await fetchRaw(`${server.url}/socket.io/socket.io.min.js`);
    const packed = await fetchRaw(`${server.url}/socket.io/socket.io.min.js`, {
      headers: { "accept-encoding": encoding },
    });
    expect(packed.headers["content-encoding"]).toBe(encoding);
    expect(packed.headers.etag).toBe(etag);
    expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 2);
    expect(decompress(packed.bytes).equals(plain.bytes)).toBe(true);
  });

  it.each([
    ["gzip, deflate, br", "gzip"],
    ["br, gzip", "br"],
    ["gzip, deflate", "gzip"],
    ["br;q=0.1, gzip;q=0.9", "gzip"],
    ["identity", undefined],
    ["*", "br"],
    ["compress", undefined],
  ])("Accept-Encoding: %s gives %s", async (accepted, given) => {
    const server = await start();
    const answer = await fetchRaw(`${server.url}/socket.io/socket.io.min.js`, {
      headers: { "accept-encoding": accepted },
    });
    expect(answer.headers["content-encoding"]).toBe(given);
  });

  it.each([
    "other.js",
    "socket.io.js.txt",
    "sub/socket.io.js",
    "..%2fpackage.json",
    "socket.io.slim.js",
    "",
  ])("any other name is a request to the engine: %j", async (name) => {
    const server = await start();
    const answer = await fetchRaw(`${server.url}/socket.io/${name}`);
    expect([answer.status, answer.text]).toEqual([400, '{"code":0,"message":"Transport unknown"}']);
  });
});

describe("options", () => {
  it("path moves the files too", async () => {
    const server = await start({ path: "/custom" });
    expect((await fetchRaw(`${server.url}/custom/socket.io.js`)).status).toBe(200);
    server.httpServer.on("request", (request, response) => {
      if (request.url?.startsWith("/socket.io")) response.writeHead(404).end();
    });
    expect((await fetchRaw(`${server.url}/socket.io/socket.io.js`)).status).toBe(404);
  });

  it("serveClient: false leaves them to the engine", async () => {
    const server = await start({ serveClient: false });
    const answer = await fetchRaw(`${server.url}/socket.io/socket.io.js`);
    expect([answer.status, answer.text]).toEqual([400, '{"code":0,"message":"Transport unknown"}']);
  });

  it("cors puts its headers on them", async () => {
    const server = await start({ cors: { origin: "https://app.example", credentials: true } });
    const answer = await fetchRaw(`${server.url}/socket.io/socket.io.js`, {
      headers: { origin: "https://app.example" },
    });
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-credentials": "true",
      vary: "Origin",
    });
    const plain = await start();
    const without = await fetchRaw(`${plain.url}/socket.io/socket.io.js`, {
      headers: { origin: "https://app.example" },
    });
    expect(without.headers["access-control-allow-origin"]).toBeUndefined();
  });

  it("several servers hand them out independently", async () => {
    const [first, second] = [await start(), await start({ serveClient: false })];
    expect((await fetchRaw(`${first.url}/socket.io/socket.io.js`)).status).toBe(200);
    expect((await fetchRaw(`${second.url}/socket.io/socket.io.js`)).status).toBe(400);
  });
});
