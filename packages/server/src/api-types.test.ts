/**
 * The types of the public API: the server, its namespaces and its options. Goal: code that is typed against Socket.IO 4.8
 * compiles against this package with nothing but the import changed, and mistakes that its types find are found
 * here. Method: code of applications that is never run; the compiler is the judge (`tsc -p tsconfig.tests.json`).
 * All of it was first compiled against npm socket.io 4.8.4.
 */
import type { EventEmitter } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { createServer as createPlainHttp2Server, createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { describe, expectTypeOf, it } from "vitest";
import {
  type DefaultEventsMap,
  type DisconnectReason,
  type Event,
  type ExtendedError,
  type Namespace,
  type RemoteSocket,
  Server,
  type ServerOptions,
  type Socket,
} from "./index.ts";

import {
  type AppNamespace,
  type AppServer,
  type AppSocket,
  type BetweenServers,
  type ClientToServer,
  compiles,
  type Data,
  type ServerToClient,
} from "./testing/typed-application.ts";

type WithoutAck = "tick" | "news" | "message" | "questionIfGiven";

describe("Server", () => {
  it("is made of nothing, a port, a server of Node, options, or both", () => {
    compiles(() => [
      new Server(),
      new Server(3000),
      new Server({ path: "/realtime" }),
      new Server(undefined, {}),
      new Server(3000, { serveClient: false }),
      new Server(createServer()),
      new Server(createHttpsServer()),
      new Server(createSecureServer()),
      new Server(createPlainHttp2Server(), { pingInterval: 1000 }),
    ]);
    compiles<number | Partial<ServerOptions> | undefined>((either) => new Server(either, {}));
    // @ts-expect-error: a port is a number
    compiles(() => new Server("3000"));
    // @ts-expect-error: no such option
    compiles(() => new Server({ pathh: "/realtime" }));
    // @ts-expect-error: no such option beside a port
    compiles(() => new Server(3000, { pathh: "/realtime" }));
    // @ts-expect-error: an Express application is no server
    compiles<(req: IncomingMessage) => void>((app) => new Server(app));
  });

  it("emits to everyone what needs no acknowledgement", () => {
    compiles<AppServer>((io) => {
      expectTypeOf(io.emit("tick")).toEqualTypeOf<boolean>();
      io.emit("news", "title", Buffer.of(1));
      io.emit("message", "text");
      io.emit("message", "text", 1);
      io.emit("questionIfGiven", "text");
      expectTypeOf(io.emit<WithoutAck>).toBeFunction();
      expectTypeOf(io.send("text", 1)).toEqualTypeOf<AppServer>();
      expectTypeOf(io.write("text")).toEqualTypeOf<AppServer>();
      // @ts-expect-error: no such event
      io.emit("nothing");
      // @ts-expect-error: clients emit it, the server does not
      io.emit("hello", "name");
      // @ts-expect-error: the arguments are missing
      io.emit("news");
      // @ts-expect-error: an argument is of another type
      io.emit("news", 1, Buffer.of(1));
      // @ts-expect-error: an argument is too many
      io.emit("tick", 1);
      // @ts-expect-error: who answers when, needs a timeout
      io.emit("question", "text", (choice: number) => choice);
      // @ts-expect-error: a message is a text
      io.send(1);
    });
  });

  it("tells how the store is, what was refused, and what was left out", () => {
    compiles<AppServer>((io) => {
      io.on("store_status", ({ state, low, freeBytes }) => {
        expectTypeOf(state).toEqualTypeOf<"opening" | "open" | "full" | "failed" | "closed">();
        expectTypeOf(low).toEqualTypeOf<boolean>();
        expectTypeOf(freeBytes).toEqualTypeOf<number | undefined>();
      });
      io.on("emit_refused", ({ code, rooms }) => {
        expectTypeOf(code).toEqualTypeOf<string>();
        expectTypeOf(rooms).toEqualTypeOf<readonly string[]>();
      });
      expectTypeOf(io.counters.volatileDropped).toEqualTypeOf<number>();
      // @ts-expect-error: they are counted by the server alone
      io.counters.volatileDropped = 0;
    });
  });

  it("collects the answers of all clients within a timeout", () => {
    compiles<AppServer>((io) => {
      io.timeout(1000).emit("question", "text", (err, choices) => {
        expectTypeOf(err).toEqualTypeOf<Error>();
        expectTypeOf(choices).toEqualTypeOf<number[]>();
      });
      io.timeout(1000).emit("questionOrError", "text", (err, choices) => {
        expectTypeOf(err).toEqualTypeOf<Error>();
        expectTypeOf(choices).toEqualTypeOf<number[]>();
      });
      io.to("room")
        .timeout(1000)
        .emit("question", "text", (_err, choices) => {
          expectTypeOf(choices).toEqualTypeOf<number[]>();
        });
      io.timeout(1000).emit("questionOfTwo", (_err, choices) => {
        expectTypeOf(choices).toEqualTypeOf<number[]>();
      });
      // @ts-expect-error: of each answer there is the first value only
      io.timeout(1000).emit("questionOfTwo", (_e: Error, _c: number[], _why: string[]) => {});
      // @ts-expect-error: the acknowledgement is missing
      io.timeout(1000).emit("question", "text");
    });
  });

  it("promises the answers of all clients within a timeout", () => {
    compiles<AppServer>((io) => {
      const timed = io.timeout(1000);
      expectTypeOf(timed.emitWithAck("question", "text")).toEqualTypeOf<Promise<number[]>>();
      expectTypeOf(timed.emitWithAck("questionOfTwo")).toEqualTypeOf<Promise<number[]>>();
      expectTypeOf(io.to("room").emitWithAck("questionOrError", "text")).toEqualTypeOf<
        Promise<number[]>
      >();
      // @ts-expect-error: nobody answers it
      expectTypeOf(timed.emitWithAck("tick")).toBeObject();
      // @ts-expect-error: the promise stands for the acknowledgement
      expectTypeOf(timed.emitWithAck("question", "text", () => {})).toBeObject();
      // @ts-expect-error: an argument is of another type
      expectTypeOf(timed.emitWithAck("question", 1)).toBeObject();
      // @ts-expect-error: without a timeout it might never resolve
      expectTypeOf(io.to("room").emitWithAck("question", "text")).toBeObject();
    });
  });

  it("emits to rooms", () => {
    compiles<AppServer>((io) => {
      io.to("a").emit("tick");
      io.to(["a", "b"]).in("c").except(["d"]).compress(false).volatile.local.emit("tick");
      io.volatile.emit("news", "title", Buffer.of(1));
      io.local.compress(true).emit("tick");
      io.to("a").emit("question", "text", (choices) => {
        expectTypeOf(choices).toEqualTypeOf<number[]>();
      });
      // @ts-expect-error: rooms are strings
      io.to(1);
      // @ts-expect-error: rooms are strings
      io.to(["a", 1]);
      // @ts-expect-error: an argument is too many
      io.to("a").emit("tick", 1);
    });
  });

  it("talks to the other servers", () => {
    compiles<AppServer>((io) => {
      expectTypeOf(io.serverSideEmit("refresh")).toEqualTypeOf<boolean>();
      io.serverSideEmit("load", "node", (err, percents) => {
        expectTypeOf(err).toEqualTypeOf<Error>();
        expectTypeOf(percents).toEqualTypeOf<number[]>();
      });
      io.serverSideEmit("check", (err, states) => {
        expectTypeOf(err).toEqualTypeOf<Error>();
        expectTypeOf(states).toEqualTypeOf<string[]>();
      });
      expectTypeOf(io.serverSideEmitWithAck("load", "node")).toEqualTypeOf<Promise<number[]>>();
      expectTypeOf(io.serverSideEmitWithAck("check")).toEqualTypeOf<Promise<string[]>>();
      io.on("refresh", () => {});
      io.on("load", (node, answer) => {
        expectTypeOf(node).toEqualTypeOf<string>();
        answer(1);
        // @ts-expect-error: the answer is a number
        answer("1");
      });
      // @ts-expect-error: no such event
      io.serverSideEmit("nothing");
      // @ts-expect-error: an argument is too many
      io.serverSideEmit("refresh", 1);
      // @ts-expect-error: nobody answers it
      expectTypeOf(io.serverSideEmitWithAck("refresh")).toBeObject();
      // @ts-expect-error: no such event
      io.on("nothing", () => {});
    });
  });

  it("tells of sockets and namespaces", () => {
    compiles<AppServer>((io) => {
      expectTypeOf(
        io.on("connection", (socket) => expectTypeOf(socket).toEqualTypeOf<AppSocket>()),
      ).toEqualTypeOf<AppServer>();
      io.once("connect", (socket) => expectTypeOf(socket).toEqualTypeOf<AppSocket>());
      io.on("connection", async (socket) => {
        expectTypeOf(socket.data).toEqualTypeOf<Data>();
      });
      io.on("new_namespace", (namespace) => {
        expectTypeOf(namespace).toEqualTypeOf<AppNamespace>();
      });
      expectTypeOf(io.listeners("connection")).toEqualTypeOf<((socket: AppSocket) => void)[]>();
      // @ts-expect-error: sockets are disconnected, servers are not
      io.on("disconnect", () => {});
    });
  });

  it("runs middlewares", () => {
    compiles<AppServer>((io) => {
      const chained = io.use((socket, next) => {
        expectTypeOf(socket).toEqualTypeOf<AppSocket>();
        next();
        next(new Error("refused"));
        const error: ExtendedError = new Error("refused");
        error.data = { retryAfterMs: 1000 };
        next(error);
        // @ts-expect-error: a reason is an error
        next("refused");
      });
      expectTypeOf(chained).toEqualTypeOf<AppServer>();
      io.use(async (socket, next) => {
        await socket.join("room");
        next();
      });
      io.use((_socket) => {});
    });
  });

  it("has namespaces by name, by pattern and by function", () => {
    compiles<AppServer>((io) => {
      expectTypeOf(io.of("/chat")).toEqualTypeOf<AppNamespace>();
      expectTypeOf(io.of(/^\/room-\d+$/)).toEqualTypeOf<AppNamespace>();
      const own = io.of((name, auth, next) => {
        expectTypeOf(name).toEqualTypeOf<string>();
        expectTypeOf(auth["token"]).toBeAny();
        next(null, true);
        next(new Error("refused"), false);
      });
      expectTypeOf(own).toEqualTypeOf<AppNamespace>();
      io.of("/chat", (socket) => expectTypeOf(socket).toEqualTypeOf<AppSocket>());
      io.of(/./, (socket) => expectTypeOf(socket.nsp.name).toEqualTypeOf<string>());
      expectTypeOf(io.sockets).toExtend<AppNamespace>();
      expectTypeOf(io.sockets.sockets.get("id")).toEqualTypeOf<AppSocket | undefined>();
    });
  });

  it("manages sockets by the room", () => {
    compiles<AppServer>((io) => {
      type Remotes = Promise<RemoteSocket<ServerToClient, Data>[]>;
      expectTypeOf(io.fetchSockets()).toEqualTypeOf<Remotes>();
      expectTypeOf(io.allSockets()).toEqualTypeOf<Promise<Set<string>>>();
      expectTypeOf(io.socketsJoin).parameters.toEqualTypeOf<[room: string | string[]]>();
      expectTypeOf(io.socketsLeave).parameters.toEqualTypeOf<[room: string | string[]]>();
      expectTypeOf(io.disconnectSockets).parameters.toEqualTypeOf<[close?: boolean | undefined]>();
      expectTypeOf(io.socketsJoin("room")).toEqualTypeOf<void>();
      io.in("room").socketsJoin(["a", "b"]);
      io.in("room").socketsLeave("a");
      io.in("room").disconnectSockets(true);
    });
  });

  it("is configured and closed", () => {
    compiles<Server>((io) => {
      expectTypeOf(io.path()).toEqualTypeOf<string>();
      expectTypeOf(io.serveClient()).toEqualTypeOf<boolean>();
      expectTypeOf(io.connectTimeout()).toEqualTypeOf<number>();
      io.path("/realtime").serveClient(false).connectTimeout(1000).attach(0).listen(0, {});
      io.attach(createServer(), { pingTimeout: 1000 }).bind(io.engine);
      expectTypeOf(io.close()).toEqualTypeOf<Promise<void>>();
      expectTypeOf(io.close((error) => error?.message)).toEqualTypeOf<Promise<void>>();
      expectTypeOf(io.httpServer.on).toBeFunction();
      io.attachApp({}, { path: "/realtime" });
      // @ts-expect-error: a path is a string
      io.path(1);
      // @ts-expect-error: a port is a number
      io.listen("3000");
    });
  });

  it("shows its engine", () => {
    compiles<Server>((io) => {
      expectTypeOf(io.engine.clientsCount).toEqualTypeOf<number>();
      io.engine.generateId = () => "id";
      io.engine.generateId = async (request: IncomingMessage) => `${request.url}`;
      io.engine.use((_req: unknown, _res: unknown, next: () => void) => next());
      io.engine.on("connection_error", (error) => [error.req, error.code, error.context]);
      io.engine.on("initial_headers", (headers: Record<string, string>, req: IncomingMessage) => {
        headers["x-path"] = req.url ?? "";
      });
      io.engine.on("connection", (conn) => conn.on("packet", (packet: object) => packet));
    });
  });

  it("is an event emitter", () => {
    compiles<Server>((io) => {
      expectTypeOf(io).toExtend<EventEmitter>();
      expectTypeOf(io.of("/")).toExtend<EventEmitter>();
      io.addListener("connection", (socket) => socket.id);
      io.prependListener("connection", (socket) => socket.id);
      io.off("connection", () => {}).removeAllListeners("connection");
      expectTypeOf(io.listenerCount("connection")).toEqualTypeOf<number>();
    });
  });

  it("takes any events without type arguments", () => {
    compiles<Server>((io) => {
      io.emit("whatever", 1, { two: 2 }, Buffer.of(3), null, undefined, (answer: string) => answer);
      io.timeout(1000).emit("whatever", (_err: Error, _answers: string[]) => {});
      expectTypeOf(io.timeout(1000).emitWithAck("whatever", 1)).resolves.toBeAny();
      expectTypeOf(io.serverSideEmitWithAck("whatever")).resolves.items.toBeAny();
      io.on("whatever", (argument) => expectTypeOf(argument).toBeAny());
      io.on("connection", (socket) => {
        expectTypeOf(socket).toEqualTypeOf<Socket>();
        expectTypeOf(socket.data).toBeAny();
        socket.on("whatever", (argument, answer) => answer(argument.whatever));
        socket.on("whatever", async ({ id }, answer) => answer(id));
        socket.on("whatever", (...args) => args.length);
        socket.on("whatever", (text: string, answer: (count: number) => void) => answer(+text));
        socket.emit("whatever", 1, (answer: string) => answer);
        expectTypeOf(socket.emitWithAck("whatever", 1)).resolves.toBeAny();
      });
    });
  });

  it("emits what it listens to when given one map", () => {
    compiles<Server<ClientToServer>>((io) => {
      io.emit("hello", "name");
      io.on("connection", (socket) => {
        socket.emit("ask", "question", (reply) => expectTypeOf(reply.text).toBeString());
        expectTypeOf(socket.data).toBeAny();
      });
      // @ts-expect-error: no such event
      io.emit("whatever");
    });
  });

  it("can be extended", () => {
    class Hub extends Server<ClientToServer, ServerToClient, BetweenServers, Data> {
      constructor() {
        super(3000, { path: "/hub" });
      }

      override close(done?: (error?: Error) => void): Promise<void> {
        return super.close(done);
      }

      tick(): boolean {
        return this.to("room").emit("tick") && this.sockets.emit("tick");
      }
    }
    expectTypeOf<Hub>().toExtend<AppServer>();
  });
});

describe("Namespace", () => {
  it("emits as the server does", () => {
    compiles<AppNamespace>((namespace) => {
      expectTypeOf(namespace.emit("tick")).toEqualTypeOf<boolean>();
      expectTypeOf(namespace.send("text").write("text")).toEqualTypeOf<AppNamespace>();
      namespace.volatile.emit("tick");
      namespace.local.emit("tick");
      namespace.compress(true).emit("tick");
      namespace.to("a").in(["b"]).except("c").emit("tick");
      namespace.timeout(1000).emit("question", "text", (err, choices) => {
        expectTypeOf(err).toEqualTypeOf<Error>();
        expectTypeOf(choices).toEqualTypeOf<number[]>();
      });
      expectTypeOf(namespace.timeout(1).emitWithAck("question", "text")).toEqualTypeOf<
        Promise<number[]>
      >();
      // @ts-expect-error: who answers when, needs a timeout
      namespace.emit("question", "text", () => {});
    });
  });

  it("tells of its sockets and runs middlewares", () => {
    compiles<AppNamespace>((namespace) => {
      namespace.on("connection", (socket) => expectTypeOf(socket).toEqualTypeOf<AppSocket>());
      namespace.once("connect", (socket) => expectTypeOf(socket).toEqualTypeOf<AppSocket>());
      namespace.use((socket, next) => next(socket.data.user ? undefined : new Error("refused")));
      // @ts-expect-error: the server alone tells of namespaces
      namespace.on("new_namespace", () => {});
      // @ts-expect-error: sockets are disconnected, namespaces are not
      namespace.on("disconnect", () => {});
    });
  });

  it("talks to the other servers", () => {
    compiles<AppNamespace>((namespace) => {
      namespace.serverSideEmit("load", "node", (_err, percents) => {
        expectTypeOf(percents).toEqualTypeOf<number[]>();
      });
      expectTypeOf(namespace.serverSideEmitWithAck("load", "node")).toEqualTypeOf<
        Promise<number[]>
      >();
      namespace.on("load", (_node, answer) => answer(1));
      // @ts-expect-error: an argument is of another type
      namespace.serverSideEmit("load", 1, () => {});
    });
  });

  it("has a name, sockets, an adapter and a server", () => {
    compiles<AppNamespace>((namespace) => {
      expectTypeOf(namespace.name).toEqualTypeOf<string>();
      expectTypeOf(namespace.sockets).toEqualTypeOf<Map<string, AppSocket>>();
      expectTypeOf(namespace.server).toEqualTypeOf<AppServer>();
      expectTypeOf(namespace.fetchSockets()).resolves.items.toEqualTypeOf<
        RemoteSocket<ServerToClient, Data>
      >();
      expectTypeOf(namespace.allSockets()).resolves.toEqualTypeOf<Set<string>>();
      // @ts-expect-error: the name stays
      namespace.name = "/other";
    });
  });

  it("has an adapter that shows its rooms", () => {
    compiles<Namespace>(({ adapter }) => {
      expectTypeOf(adapter.rooms.get("room")).toEqualTypeOf<Set<string> | undefined>();
      expectTypeOf(adapter.sids.get("id")).toEqualTypeOf<Set<string> | undefined>();
      expectTypeOf(adapter.sockets(new Set(["room"]))).resolves.toEqualTypeOf<Set<string>>();
      expectTypeOf(adapter.socketRooms("id")).toEqualTypeOf<Set<string> | undefined>();
      expectTypeOf(adapter.serverCount()).resolves.toEqualTypeOf<number>();
      adapter.on("create-room", (room: string) => room);
      adapter.on("join-room", (room: string, id: string) => room + id);
    });
  });
});

describe("ServerOptions", () => {
  it("take what Socket.IO's take", () => {
    compiles<Partial<ServerOptions>[]>((all) =>
      all.push(
        { path: "/realtime", serveClient: false, connectTimeout: 1, addTrailingSlash: false },
        { connectionStateRecovery: {}, cleanupEmptyChildNamespaces: true },
        { connectionStateRecovery: { maxDisconnectionDuration: 1, skipMiddlewares: false } },
        { pingTimeout: 1, pingInterval: 1, upgradeTimeout: 1, maxHttpBufferSize: 1 },
        { transports: ["polling", "websocket", "webtransport"], allowUpgrades: false },
        { perMessageDeflate: true, httpCompression: false },
        { perMessageDeflate: { threshold: 1, zlibDeflateOptions: { level: 1 } } },
        { httpCompression: { threshold: 1, level: 1 } },
        { cookie: true, allowEIO3: false, destroyUpgrade: false, destroyUpgradeTimeout: 1 },
        { cookie: { name: "io", path: "/", httpOnly: true, sameSite: "strict", maxAge: 1 } },
        { cors: { origin: "https://example.com", methods: ["GET"], credentials: true } },
        { cors: { origin: ["https://example.com", /\.example\.com$/], maxAge: 1 } },
        { cors: { origin: (_origin, allow) => allow(null, true) } },
        { cors: (_request, configure) => configure(null, { origin: true }) },
        { allowRequest: (request, decide) => decide(null, request.headers.origin === undefined) },
        { allowRequest: (_request, decide) => decide("refused", false) },
        { wsEngine: class {}, initialPacket: "welcome", parser: {} },
      ),
    );
  });

  it("refuse what Socket.IO's refuse", () => {
    compiles<Partial<ServerOptions>[]>((all) => {
      // @ts-expect-error: no such transport
      all.push({ transports: ["carrier pigeon"] });
      // @ts-expect-error: durations are numbers
      all.push({ pingTimeout: "20s" });
      // @ts-expect-error: an origin is no number
      all.push({ cors: { origin: 1 } });
      // @ts-expect-error: no such option
      all.push({ timeout: 1 });
      // @ts-expect-error: an adapter is made of a namespace
      all.push({ adapter: "redis" });
    });
  });

  it("are read as they are written", () => {
    compiles<ServerOptions>((options) => {
      expectTypeOf(options.path).toEqualTypeOf<string>();
      expectTypeOf(options.serveClient).toEqualTypeOf<boolean>();
      expectTypeOf(options.connectTimeout).toEqualTypeOf<number>();
      expectTypeOf(options.pingTimeout).toEqualTypeOf<number | undefined>();
      expectTypeOf(options.maxHttpBufferSize).toEqualTypeOf<number | undefined>();
      expectTypeOf(options.connectionStateRecovery.skipMiddlewares).toEqualTypeOf<
        boolean | undefined
      >();
    });
  });
});

describe("small types", () => {
  it("list the reasons of a disconnection", () => {
    expectTypeOf<DisconnectReason>().toEqualTypeOf<
      | "transport error"
      | "transport close"
      | "forced close"
      | "ping timeout"
      | "parse error"
      | "server shutting down"
      | "forced server close"
      | "client namespace disconnect"
      | "server namespace disconnect"
    >();
  });

  it("let an error carry data to the client", () => {
    expectTypeOf<Error>().toExtend<ExtendedError>();
    expectTypeOf<ExtendedError>().toExtend<Error>();
    expectTypeOf<ExtendedError["data"]>().toBeAny();
    expectTypeOf<object>().not.toExtend<ExtendedError>();
  });

  it("have an event begin with its name", () => {
    expectTypeOf<["hello", 1, Date]>().toExtend<Event>();
    expectTypeOf<["hello"]>().toExtend<Event>();
    expectTypeOf<[]>().not.toExtend<Event>();
    expectTypeOf<[1]>().not.toExtend<Event>();
    expectTypeOf<Event[0]>().toEqualTypeOf<string>();
    expectTypeOf<Event[1]>().toBeAny();
  });

  it("have any event by default", () => {
    expectTypeOf<Server>().toEqualTypeOf<
      // biome-ignore lint/suspicious/noExplicitAny: the default is what is tested
      Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, any>
    >();
    expectTypeOf<{ hello: (name: string) => void }>().toExtend<DefaultEventsMap>();
    expectTypeOf<{ hello: string }>().not.toExtend<DefaultEventsMap>();
  });
});
