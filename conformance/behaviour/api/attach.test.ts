/** Where a server can be attached: http, https, http2, Express, Fastify, Hono; and how it lives beside other listeners. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import type { Server as Io, ServerOptions } from "holdfast";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import {
  type ClientOptions,
  closeWithTest,
  collect,
  fetchRaw,
  listen,
  next,
  nextSocket,
  portOf,
  RawPolling,
  RawWebSocket,
  start,
  stock,
  within,
} from "../../support/clients.ts";
import { loadSocketIo } from "../../support/target.ts";

const { Server } = await loadSocketIo();

let folder: string;
let tls: { key: Buffer; cert: Buffer };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-attach-"));
  const key = join(folder, "key.pem");
  const cert = join(folder, "cert.pem");
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"].concat([
      "-days",
      "2",
      "-subj",
      "/CN=localhost",
      "-keyout",
      key,
      "-out",
      cert,
    ]),
    { stdio: "ignore" },
  );
  tls = { key: readFileSync(key), cert: readFileSync(cert) };
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Talks both ways over the given transports and gives the socket on the server. */
async function talk(io: Io, url: string, options: ClientOptions = {}) {
  const serverSide = nextSocket(io);
  const client = stock({ url }, "/", options);
  const connected = next(client, "connect");
  const socket = await serverSide;
  await connected;
  socket.on("echo", (value: unknown, cb: (value: unknown) => void) => cb(value));
  expect(await within(client.emitWithAck("echo", { n: 1 }), "the echo")).toEqual({ n: 1 });
  client.disconnect();
  return socket;
}

const eachTransport = [
  ["polling", ["polling"]],
  ["websocket", ["websocket"]],
  ["polling, then websocket", ["polling", "websocket"]],
] as const;

describe.each(eachTransport)("over %s", (_name, list) => {
  const transports = [...list];

  it("http", async () => {
    const server = await start();
    await talk(server.io, server.url, { transports });
  });

  it("https", async () => {
    const httpsServer = https.createServer(tls, (_request, response) => response.end("page"));
    const io = new Server(httpsServer);
    closeWithTest(io);
    const port = await listen(httpsServer);
    const socket = await talk(io, `https://127.0.0.1:${port}`, {
      transports,
      rejectUnauthorized: false,
    });
    expect(socket.handshake.secure).toBe(true);
    expect(socket.handshake.url).toMatch(/^\/socket\.io\//);
  });

  it("http2 with allowHTTP1", async () => {
    const secureServer = http2.createSecureServer({ ...tls, allowHTTP1: true });
    const io = new Server(secureServer);
    onTestFinished(() => io.close());
    await new Promise<void>((resolve) => secureServer.listen(0, "127.0.0.1", resolve));
    const socket = await talk(io, `https://127.0.0.1:${portOf(secureServer)}`, {
      transports,
      rejectUnauthorized: false,
    });
    expect(socket.handshake.secure).toBe(true);
  });

  it("Express", async () => {
    const app = express();
    app.get("/page", (_request, response) => {
      response.send("express page");
    });
    const httpServer = http.createServer(app);
    const io = new Server(httpServer);
    closeWithTest(io);
    const url = `http://127.0.0.1:${await listen(httpServer)}`;
    await talk(io, url, { transports });
    expect((await fetchRaw(`${url}/page`)).text).toBe("express page");
    expect((await fetchRaw(`${url}/other`)).status).toBe(404);
  });

  it("Fastify", async () => {
    const app = Fastify();
    app.get("/page", () => "fastify page");
    const io = new Server(app.server);
    onTestFinished(async () => {
      app.server.closeAllConnections();
      await io.close();
      await app.close();
    });
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    await talk(io, url, { transports });
    expect((await fetchRaw(`${url}/page`)).text).toBe("fastify page");
  });

  it("Hono", async () => {
    const app = new Hono();
    app.get("/page", (context) => context.text("hono page"));
    const httpServer = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as http.Server;
    const io = new Server(httpServer);
    closeWithTest(io);
    if (!httpServer.listening) await next(httpServer, "listening");
    const url = `http://127.0.0.1:${portOf(httpServer)}`;
    await talk(io, url, { transports });
    expect((await fetchRaw(`${url}/page`)).text).toBe("hono page");
  });
});

it("a real HTTP/2 client reaches the polling transport of a http2 server", async () => {
  const secureServer = http2.createSecureServer({ ...tls, allowHTTP1: true });
  const io = new Server(secureServer);
  await new Promise<void>((resolve) => secureServer.listen(0, "127.0.0.1", resolve));
  const session = http2.connect(`https://127.0.0.1:${portOf(secureServer)}`, {
    rejectUnauthorized: false,
  });
  onTestFinished(async () => {
    session.destroy();
    await io.close();
  });
  const text = await within(
    new Promise<string>((resolve, reject) => {
      const stream = session.request({ ":path": "/socket.io/?EIO=4&transport=polling" });
      let body = "";
      stream.setEncoding("utf8");
      stream.on("data", (chunk: string) => {
        body += chunk;
      });
      stream.on("error", reject);
      stream.on("end", () => resolve(body));
      stream.end();
    }),
    "the HTTP/2 answer",
  );
  expect(text).toMatch(/^0\{"sid":"/);
});

describe("beside other listeners", () => {
  it("requests outside the path go to the listeners that were there", async () => {
    const httpServer = http.createServer((request, response) =>
      response.end(`other ${request.url}`),
    );
    const io = new Server(httpServer);
    closeWithTest(io);
    const url = `http://127.0.0.1:${await listen(httpServer)}`;
    expect((await fetchRaw(`${url}/any`)).text).toBe("other /any");
    expect((await fetchRaw(`${url}/socket.io`)).text).toBe("other /socket.io");
    expect((await fetchRaw(`${url}/socket.iox`)).text).toBe("other /socket.iox");
    expect((await fetchRaw(`${url}/`)).text).toBe("other /");
    const engine = await fetchRaw(`${url}/socket.io/anything?EIO=4&transport=polling`);
    expect(engine.text).toMatch(/^0\{"sid"/);
  });

  it("the path is matched as a prefix with its slash; the query may follow directly", async () => {
    const server = await start();
    expect((await RawPolling.open(server, { path: "/socket.io/" })).open.sid).toHaveLength(20);
    expect(
      (await RawPolling.open(server, { path: "/socket.io/deeper/path" })).open.sid,
    ).toHaveLength(20);
    expect((await RawWebSocket.open(server, { path: "/socket.io/x/" })).open.sid).toHaveLength(20);
  });

  it.each<[string, Partial<ServerOptions>, string]>([
    ["path without a slash at the end", { path: "/custom" }, "/custom/"],
    ["path with a slash at the end", { path: "/custom/" }, "/custom/"],
    ["a deep path", { path: "/a/b/c" }, "/a/b/c/"],
    ["addTrailingSlash: false", { addTrailingSlash: false }, "/socket.io"],
    [
      "addTrailingSlash: false and a path",
      { addTrailingSlash: false, path: "/custom/" },
      "/custom",
    ],
  ])("%s", async (_what, options, path) => {
    const server = await start(options);
    expect((await RawPolling.open(server, { path })).open.sid).toHaveLength(20);
    expect((await RawWebSocket.open(server, { path })).open.sid).toHaveLength(20);
  });

  it("two servers on one http server, by path", async () => {
    const httpServer = http.createServer();
    const first = new Server(httpServer, { path: "/first" });
    const second = new Server(httpServer, { path: "/second" });
    closeWithTest(first);
    const url = `http://127.0.0.1:${await listen(httpServer)}`;
    const seen = [collect(first, "connection"), collect(second, "connection")];
    await next(stock({ url }, "/", { path: "/first/" }), "connect");
    await next(stock({ url }, "/", { path: "/second/", transports: ["polling"] }), "connect");
    expect(seen.map((list) => list.length)).toEqual([1, 1]);
    expect((await fetchRaw(`${url}/second/socket.io.js`)).status).toBe(200);
  });

  it("foreign WebSocket servers keep their own upgrades", async () => {
    const httpServer = http.createServer();
    const io = new Server(httpServer, { destroyUpgrade: false });
    closeWithTest(io);
    const foreign = new WebSocketServer({ noServer: true });
    httpServer.on("upgrade", (request, socket, head) => {
      if (request.url !== "/foreign") return;
      foreign.handleUpgrade(request, socket, head, (ws) => ws.send("hello from the other"));
    });
    const url = `http://127.0.0.1:${await listen(httpServer)}`;
    const socket = new WebSocket(`${url.replace("http", "ws")}/foreign`);
    const [message] = await next(socket, "message");
    expect(String(message)).toBe("hello from the other");
    socket.terminate();
    await next(stock({ url }), "connect");
  });

  async function foreignUpgrade(
    port: number,
  ): Promise<{ end: Promise<number>; socket: net.Socket }> {
    const socket = net.connect(port, "127.0.0.1");
    onTestFinished(() => {
      socket.destroy();
    });
    await next(socket, "connect");
    const before = Date.now();
    const end = new Promise<number>((resolve) =>
      socket.on("close", () => resolve(Date.now() - before)),
    );
    socket.resume();
    socket.write(
      "GET /foreign HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    return { end, socket };
  }

  it("an upgrade that nobody takes is ended after destroyUpgradeTimeout", async () => {
    const server = await start({ destroyUpgradeTimeout: 60 });
    const { end } = await foreignUpgrade(server.port);
    const ms = await within(end, "the end of the upgrade");
    expect(ms).toBeGreaterThanOrEqual(55);
    expect(ms).toBeLessThan(900);
  });

  it("by default after one second", async () => {
    const server = await start();
    const { end } = await foreignUpgrade(server.port);
    const ms = await within(end, "the end of the upgrade");
    expect(ms).toBeGreaterThanOrEqual(950);
    expect(ms).toBeLessThan(5000);
  });

  it("destroyUpgrade: false leaves it open", async () => {
    const server = await start({ destroyUpgrade: false, destroyUpgradeTimeout: 20 });
    const taken = next(server.httpServer, "upgrade");
    const { socket } = await foreignUpgrade(server.port);
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(socket.destroyed).toBe(false);
    // Nobody reads it, so the http server would wait for it for ever.
    const [, upgraded] = await taken;
    (upgraded as net.Socket).destroy();
  });
});
