/** The members of Server: construction, settings, delegation to the namespace "/", and what clients see of them. */
import { EventEmitter } from "node:events";
import http from "node:http";
import { Adapter } from "socket.io-adapter";
import { describe, expect, it, vi } from "vitest";
import {
  closeWithTest,
  collect,
  failureOf,
  fetchRaw,
  hearing,
  inside,
  listen,
  next,
  nextSocket,
  pair,
  pairs,
  portOf,
  RawPolling,
  RawWebSocket,
  settled,
  start,
  stock,
} from "../../support/clients.ts";
import { loadEngineIo, loadSocketIo, targetName } from "../../support/target.ts";
import { answerAtOnce } from "./answering-adapter.ts";

const { Server, Namespace, Socket } = await loadSocketIo();

describe("construction", () => {
  it("takes an http server", async () => {
    const httpServer = http.createServer();
    const io = new Server(httpServer);
    closeWithTest(io);
    const port = await listen(httpServer);
    expect(io.httpServer).toBe(httpServer);
    const client = stock({ url: `http://127.0.0.1:${port}` });
    await next(client, "connect");
  });

  it("takes an http server and options", async () => {
    const server = await start({ pingInterval: 1234 });
    const raw = await RawWebSocket.open(server);
    expect(raw.open.pingInterval).toBe(1234);
  });

  it("takes a port and makes the http server itself, which knows no other page", async () => {
    const io = new Server(0);
    closeWithTest(io);
    const httpServer = io.httpServer as http.Server;
    if (!httpServer.listening) await next(httpServer, "listening");
    const url = `http://127.0.0.1:${portOf(httpServer)}`;
    expect((await fetchRaw(`${url}/other`)).status).toBe(404);
    await next(stock({ url }), "connect");
  });

  it("takes options alone, and a server later", async () => {
    const io = new Server({ pingTimeout: 4321 });
    closeWithTest(io);
    const httpServer = http.createServer();
    expect(io.attach(httpServer)).toBe(io);
    const port = await listen(httpServer);
    const raw = await RawWebSocket.open({ url: `http://127.0.0.1:${port}` });
    expect(raw.open.pingTimeout).toBe(4321);
  });

  it("takes nothing, and a server by listen()", async () => {
    const io = new Server();
    closeWithTest(io);
    const httpServer = http.createServer();
    expect(io.listen(httpServer)).toBe(io);
    const port = await listen(httpServer);
    await next(stock({ url: `http://127.0.0.1:${port}` }), "connect");
  });

  it("takes undefined and options", () => {
    const io = new Server(undefined, { connectTimeout: 77 });
    expect(io.connectTimeout()).toBe(77);
  });

  it.each([
    ["a number", 0 as number | string],
    ["a string of digits", "0" as number | string],
  ])("listen() takes a port as %s", async (_what, port) => {
    const io = new Server();
    closeWithTest(io);
    io.listen(port as number);
    const httpServer = io.httpServer as http.Server;
    if (!httpServer.listening) await next(httpServer, "listening");
    await next(stock({ url: `http://127.0.0.1:${portOf(httpServer)}` }), "connect");
  });

  it("refuses the request handler of a framework", async () => {
    const io = new Server();
    const error = await failureOf(() => io.attach((() => undefined) as never));
    expect(error.message).toBe(
      "You are trying to attach socket.io to an express request handler function. Please pass a http.Server instance.",
    );
  });

  it("lets the constructor's options win over those of attach()", async () => {
    const io = new Server({ pingInterval: 1111 });
    closeWithTest(io);
    const httpServer = http.createServer();
    io.attach(httpServer, { pingInterval: 2222, pingTimeout: 3333 });
    const port = await listen(httpServer);
    const raw = await RawWebSocket.open({ url: `http://127.0.0.1:${port}` });
    expect(raw.open).toMatchObject({ pingInterval: 1111, pingTimeout: 3333 });
  });

  it("can be attached to two http servers", async () => {
    const first = await start();
    const httpServer = http.createServer();
    first.io.attach(httpServer);
    const port = await listen(httpServer);
    const sockets = collect(first.io, "connection");
    await next(stock(first), "connect");
    await next(stock({ url: `http://127.0.0.1:${port}` }), "connect");
    expect(sockets).toHaveLength(2);
  });
});

describe("settings", () => {
  it("serveClient(): true by default, read and set", () => {
    const io = new Server();
    expect(io.serveClient()).toBe(true);
    expect(io.serveClient(false)).toBe(io);
    expect(io.serveClient()).toBe(false);
    expect(new Server({ serveClient: false }).serveClient()).toBe(false);
  });

  it("path(): read and set, a trailing slash is dropped", async () => {
    expect(new Server().path()).toBe("/socket.io");
    const io = new Server();
    closeWithTest(io);
    expect(io.path("/custom/")).toBe(io);
    expect(io.path()).toBe("/custom");
    expect(inside(io)["_path"]).toBe("/custom");
    const httpServer = http.createServer();
    io.attach(httpServer);
    const url = `http://127.0.0.1:${await listen(httpServer)}`;
    await next(stock({ url }, "/", { path: "/custom/" }), "connect");
  });

  it("connectTimeout(): read and set", () => {
    const io = new Server();
    expect(io.connectTimeout()).toBe(45_000);
    expect(io.connectTimeout(12)).toBe(io);
    expect(io.connectTimeout()).toBe(12);
    expect(inside(io)["_connectTimeout"]).toBe(12);
  });

  it("connectTimeout closes a connection that joins no namespace", async () => {
    const server = await start({ connectTimeout: 30 });
    const raw = await RawWebSocket.open(server);
    expect(await raw.finished()).toBe("close 1005");
  });

  it("connectTimeout spares a connection that has joined one, also after it left", async () => {
    const server = await start({ connectTimeout: 200 });
    const raw = await RawWebSocket.open(server);
    const serverSide = nextSocket(server.io);
    await raw.join();
    const socket = await serverSide;
    const left = next(socket, "disconnect");
    await raw.send("41");
    await left;
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await raw.join()).toMatch(/^40\{"sid"/);
  });

  it("adapter(): read and set; existing namespaces get the new one", async () => {
    class Mine extends Adapter {}
    const server = await start();
    const admin = server.io.of("/admin");
    expect(server.io.adapter()).toBeTypeOf("function");
    expect(server.io.adapter(Mine as never)).toBe(server.io);
    expect(server.io.adapter()).toBe(Mine);
    expect(server.io.sockets.adapter).toBeInstanceOf(Mine);
    expect(admin.adapter).toBeInstanceOf(Mine);
    expect(server.io.of("/later").adapter).toBeInstanceOf(Mine);
    const [socket, client] = await pair(server, "/admin");
    const heard = next(client, "hi");
    admin.to(socket.id).emit("hi", 1);
    expect(await heard).toEqual([1]);
  });
});

describe("properties", () => {
  it("sockets is the namespace /, and of('/') too", async () => {
    const { io } = await start();
    expect(io.sockets).toBeInstanceOf(Namespace);
    expect(io.sockets.name).toBe("/");
    expect(io.of("/")).toBe(io.sockets);
  });

  it("engine and httpServer are there once attached", async () => {
    const bare = new Server();
    expect(bare.engine).toBeUndefined();
    expect(bare.httpServer).toBeUndefined();
    const { io, httpServer } = await start();
    expect(io.httpServer).toBe(httpServer);
    expect(io.engine.clientsCount).toBe(0);
    await pair({ io, httpServer, port: 0, url: `http://127.0.0.1:${portOf(httpServer)}` });
    expect(io.engine.clientsCount).toBe(1);
  });

  it("the private names that other packages read", async () => {
    const server = await start({ connectionStateRecovery: { maxDisconnectionDuration: 5 } });
    const io = inside<{
      _nsps: Map<string, unknown>;
      parentNsps: Map<unknown, unknown>;
      encoder: { encode(packet: unknown): unknown[] };
      _parser: { Encoder: unknown; Decoder: unknown };
      opts: Record<string, Record<string, unknown>>;
      _opts: unknown;
      eio: unknown;
      engine: unknown;
      _connectTimeout: number;
      _path: string;
    }>(server.io);
    const admin = server.io.of("/admin");
    server.io.of(/^\/dynamic$/);
    expect([...io._nsps.keys()]).toEqual(["/", "/admin"]);
    expect(io._nsps.get("/admin")).toBe(admin);
    expect(io.parentNsps).toBeInstanceOf(Map);
    expect(io.parentNsps.size).toBe(1);
    expect(io.encoder.encode({ type: 2, nsp: "/", data: ["a", 1] })).toEqual(['2["a",1]']);
    expect(io.encoder.encode({ type: 2, nsp: "/x", id: 3, data: ["a", Buffer.from([1])] })).toEqual(
      ['51-/x,3["a",{"_placeholder":true,"num":0}]', Buffer.from([1])],
    );
    expect(io._parser.Encoder).toBeTypeOf("function");
    expect(io._parser.Decoder).toBeTypeOf("function");
    expect(io._opts).toBe(io.opts);
    expect(io.opts["connectionStateRecovery"]).toEqual({
      maxDisconnectionDuration: 5,
      skipMiddlewares: true,
    });
    expect(io.eio).toBe(io.engine);
    expect(io._connectTimeout).toBe(45_000);
    expect(io._path).toBe("/socket.io");
  });
});

it.runIf(targetName === "holdfast")("attachApp() is refused with a code", async () => {
  const error = await failureOf(() => new Server().attachApp({} as never));
  expect(error.code).toBe("HF_UWS_UNSUPPORTED");
});

describe("engine binding", () => {
  it("bind() takes a foreign engine", async () => {
    const { Server: EngineServer } = await loadEngineIo();
    const httpServer = http.createServer();
    const engine = new EngineServer();
    engine.attach(httpServer, { path: "/foreign" });
    const io = new Server();
    closeWithTest(io);
    expect(io.bind(engine as never)).toBe(io);
    expect(io.engine).toBe(engine);
    const port = await listen(httpServer);
    const server = { io, httpServer, port, url: `http://127.0.0.1:${port}` };
    const [socket, client] = await pair(server, "/", { path: "/foreign" });
    const heard = next(client, "hi");
    socket.emit("hi", 1);
    expect(await heard).toEqual([1]);
  });

  it("bind() needs no more of an engine than on() and close()", async () => {
    const close = vi.fn();
    const engine = Object.assign(new EventEmitter(), { close });
    const io = new Server();
    io.bind(engine);
    expect(engine.listenerCount("connection")).toBe(1);
    await io.close();
    expect(close).toHaveBeenCalledTimes(1);
  });

  it("onconnection() takes an engine socket", async () => {
    const { Server: EngineServer } = await loadEngineIo();
    const httpServer = http.createServer();
    const engine = new EngineServer();
    engine.attach(httpServer, { path: "/foreign" });
    const io = new Server();
    engine.on("connection", (conn: unknown) => {
      expect(inside<{ onconnection(c: unknown): unknown }>(io).onconnection(conn)).toBe(io);
    });
    const port = await listen(httpServer);
    const connection = nextSocket(io);
    const client = stock({ url: `http://127.0.0.1:${port}` }, "/", { path: "/foreign" });
    await next(client, "connect");
    expect((await connection).id).toBe(client.id);
    engine.close();
  });
});

describe("what goes to the namespace /", () => {
  it("emit() reaches every client of /, and nobody else", async () => {
    const server = await start();
    server.io.of("/other");
    const all = await pairs(server, 2);
    const other = await pairs(server, 1, "/other");
    const heard = hearing([...all, ...other], "hi");
    expect(server.io.emit("hi", 1, { two: [3] })).toBe(true);
    expect(await heard.counts()).toEqual([1, 1, 0]);
    expect(heard.calls[0]?.[0]).toEqual([1, { two: [3] }]);
  });

  it("send() and write() emit a message event and give the server back", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const heard = collect(client, "message");
    expect(server.io.send("a", 1)).toBe(server.io);
    expect(server.io.write("b", 2)).toBe(server.io);
    await settled(socket, client);
    expect(heard).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
  });

  it("to(), in() and except() choose rooms", async () => {
    const server = await start();
    const all = await pairs(server, 3);
    const [a, b] = all;
    await a?.[0].join(["x", "y"]);
    await b?.[0].join("x");
    const heard = hearing(all, "hi");
    server.io.to("x").emit("hi");
    expect(await heard.counts()).toEqual([1, 1, 0]);
    server.io.in("y").emit("hi");
    expect(await heard.counts()).toEqual([2, 1, 0]);
    server.io.except("y").emit("hi");
    expect(await heard.counts()).toEqual([2, 2, 1]);
  });

  it("compress(), volatile and local still deliver to who can take it", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const heard = collect(client, "hi");
    server.io.compress(false).emit("hi", 1);
    await settled(socket, client);
    server.io.volatile.emit("hi", 2);
    server.io.local.emit("hi", 3);
    await settled(socket, client);
    expect(heard).toEqual([[1], [2], [3]]);
  });

  it("timeout() gives the responses of all clients", async () => {
    const server = await start();
    const all = await pairs(server, 2);
    all.forEach(([, client], i) => {
      client.on("ask", (cb: (n: number) => void) => cb(i));
    });
    const answer = await new Promise<unknown[]>((resolve) => {
      server.io.timeout(2000).emit("ask", (err: unknown, responses: number[]) => {
        resolve([err, responses]);
      });
    });
    expect(answer[0]).toBeNull();
    expect((answer[1] as number[]).sort()).toEqual([0, 1]);
  });

  it("use() is a middleware of /", async () => {
    const server = await start();
    expect(server.io.use((_socket, nextFn) => nextFn(new Error("not today")))).toBe(server.io);
    const [error] = await next(stock(server), "connect_error");
    expect((error as Error).message).toBe("not today");
  });

  it("allSockets() and fetchSockets() list the sockets of /", async () => {
    const server = await start();
    server.io.of("/other");
    const all = await pairs(server, 2);
    await pairs(server, 1, "/other");
    const ids = all.map(([socket]) => socket.id).sort();
    expect([...(await server.io.allSockets())].sort()).toEqual(ids);
    const fetched = await server.io.fetchSockets();
    expect(fetched.map((socket) => socket.id).sort()).toEqual(ids);
    expect(fetched[0]).toBeInstanceOf(Socket);
  });

  it("socketsJoin() and socketsLeave() change rooms", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const heard = collect(client, "hi");
    server.io.socketsJoin(["a", "b"]);
    expect([...socket.rooms]).toEqual([socket.id, "a", "b"]);
    server.io.to("a").emit("hi", 1);
    server.io.socketsLeave("a");
    server.io.to("a").emit("hi", 2);
    server.io.to("b").emit("hi", 3);
    await settled(socket, client);
    expect(heard).toEqual([[1], [3]]);
  });

  it("disconnectSockets() ends the namespace, disconnectSockets(true) the connection", async () => {
    const server = await start();
    server.io.of("/other");
    const raw = await RawWebSocket.open(server);
    await raw.join();
    await raw.join("/other");
    server.io.disconnectSockets();
    expect(await raw.next()).toBe("41");
    expect(raw.ended).toBeUndefined();
    await raw.join();
    server.io.disconnectSockets(true);
    // One DISCONNECT per namespace, in the order in which they were joined.
    expect([await raw.next(), await raw.next()]).toEqual(["41/other,", "41"]);
    expect(await raw.finished()).toBe("close 1005");
  });

  it("emits reserved event names never", async () => {
    const server = await start();
    for (const name of [
      "connect",
      "connect_error",
      "disconnect",
      "disconnecting",
      "newListener",
      "removeListener",
    ]) {
      const error = await failureOf(() => server.io.emit(name));
      expect(error.message).toBe(`"${name}" is a reserved event name`);
    }
  });

  it.runIf(targetName === "holdfast")(
    "emitWithAck() gives the responses of all clients (Socket.IO documents it and lacks it)",
    async () => {
      const server = await start();
      // Without timeout() an operation has a millisecond, so the answers come from the adapter.
      const answers = answerAtOnce(server.io.sockets, ["a", "b"]);
      const io = inside<{ emitWithAck(ev: string, ...args: unknown[]): Promise<string[]> }>(
        server.io,
      );
      expect(await io.emitWithAck("ask", 1)).toEqual(["a", "b"]);
      expect(answers.packets).toMatchObject([{ type: 2, data: ["ask", 1] }]);
    },
  );

  it.runIf(targetName === "holdfast")("emitWithAck() asks every client of /", async () => {
    const server = await start();
    const raw = await RawWebSocket.open(server);
    await raw.join();
    const io = inside<{ emitWithAck(ev: string, ...args: unknown[]): Promise<string[]> }>(
      server.io,
    );
    const asked = io.emitWithAck("ask", 1).catch(() => undefined);
    expect(await raw.next()).toBe('420["ask",1]');
    await asked;
  });
});

describe("the EventEmitter of a server is that of /", () => {
  it("on, once, off, addListener, prependListener … act on io.sockets", async () => {
    const server = await start();
    const { io } = server;
    const order: string[] = [];
    const never = () => order.push("never");
    io.on("connection", () => order.push("on"));
    io.addListener("connection", () => order.push("addListener"));
    io.once("connection", () => order.push("once"));
    io.prependListener("connection", () => order.push("prepended"));
    io.prependOnceListener("connection", () => order.push("prepended once"));
    io.on("connection", never);
    io.off("connection", never);
    io.on("connection", never);
    io.removeListener("connection", never);
    expect(io.listenerCount("connection")).toBe(5);
    expect(io.sockets.listenerCount("connection")).toBe(5);
    expect(io.listeners("connection")).toHaveLength(5);
    expect(io.rawListeners("connection")).toHaveLength(5);
    expect(io.eventNames()).toContain("connection");
    await pair(server);
    expect(order).toEqual(["prepended once", "prepended", "on", "addListener", "once"]);
    order.length = 0;
    await pair(server);
    expect(order).toEqual(["prepended", "on", "addListener"]);
    io.removeAllListeners("connection");
    expect(io.sockets.listenerCount("connection")).toBe(0);
    io.setMaxListeners(33);
    expect(io.getMaxListeners()).toBe(33);
    expect(io.sockets.getMaxListeners()).toBe(33);
  });

  it("fires connect, then connection, with the socket", async () => {
    const server = await start();
    const order: unknown[] = [];
    server.io.on("connection", (socket) => order.push("connection", socket.id));
    server.io.on("connect", (socket) => order.push("connect", socket.id));
    const [socket] = await pair(server);
    expect(order).toEqual(["connect", socket.id, "connection", socket.id]);
  });

  it("fires new_namespace for each namespace but /", async () => {
    const server = await start();
    const heard = collect(server.io, "new_namespace");
    const admin = server.io.of("/admin");
    server.io.of("/admin");
    server.io.of("/");
    expect(heard).toEqual([[admin]]);
    server.io.of(/^\/dynamic-\d+$/);
    expect(heard).toHaveLength(1);
    await pair(server, "/dynamic-101");
  });

  it("fires new_namespace for a namespace that a regular expression brought forth", async () => {
    const server = await start();
    const heard = next(server.io, "new_namespace");
    server.io.of(/^\/dynamic-\d+$/);
    await next(stock(server, "/dynamic-101"), "connect");
    const [nsp] = await heard;
    expect(inside<{ name: string }>(nsp).name).toBe("/dynamic-101");
  });
});

describe("of()", () => {
  it("gives the same namespace for the same name, with or without the slash", async () => {
    const { io } = await start();
    expect(io.of("admin")).toBe(io.of("/admin"));
    expect(io.of("/admin").name).toBe("/admin");
    expect(io.of("")).toBe(io.of("/"));
  });

  it("takes a connection listener", async () => {
    const server = await start();
    const seen: string[] = [];
    server.io.of("/chat", (socket) => seen.push(socket.nsp.name));
    await pair(server, "/chat");
    expect(seen).toEqual(["/chat"]);
  });

  it.each([/^\/a$/g, /^\/a$/y])("refuses the stateful %s", async (pattern) => {
    const { io } = await start();
    const error = await failureOf(() => io.of(pattern));
    expect(error.message).toBe("stateful regular expressions are not supported");
  });

  it("answers an unknown namespace with an error", async () => {
    const server = await start();
    const raw = await RawPolling.open(server);
    expect(await raw.join("/nobody")).toBe('44/nobody,{"message":"Invalid namespace"}');
  });
});
