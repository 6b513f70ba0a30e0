/**
 * The types of the public API. Goal: code that is typed against Socket.IO 4.8 compiles against this package with
 * nothing but the import changed, and mistakes that its types find are found here. Method: code of applications
 * that is never run; the compiler is the judge (`tsc -p tsconfig.tests.json`). All of it was first compiled against
 * npm socket.io 4.8.4.
 */
import { EventEmitter } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { createServer as createPlainHttp2Server, createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { describe, expectTypeOf, it } from "vitest";
import {
  type BroadcastOperator,
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

/** Reads as code of an application; only the compiler runs it. */
function compiles<Subject>(_code: (subject: Subject) => unknown): void {}

interface ServerToClient {
  tick: () => void;
  news: (title: string, body: Buffer) => void;
  message: (text: string, importance?: number) => void;
  question: (text: string, answer: (choice: number) => void) => void;
  questionOrError: (text: string, answer: (failure: Error, choice: number) => void) => void;
  questionOfTwo: (answer: (choice: number, why: string) => void) => void;
  questionIfGiven: (text: string, answer?: (choice: number) => void) => void;
}

interface ClientToServer {
  hello: (name: string) => void;
  ask: (question: string, answer: (reply: { text: string }) => void) => void;
  "save:later": (draft: { lines: string[] }) => Promise<void>;
}

interface BetweenServers {
  refresh: () => void;
  load: (node: string, answer: (percent: number) => void) => void;
  check: (answer: (failure: Error, state: string) => void) => void;
}

interface Data {
  user: { id: string };
  visits?: number;
}

type AppServer = Server<ClientToServer, ServerToClient, BetweenServers, Data>;
type AppNamespace = Namespace<ClientToServer, ServerToClient, BetweenServers, Data>;
type AppSocket = Socket<ClientToServer, ServerToClient, BetweenServers, Data>;
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
      io.emit("question", "text", (choices: number[]) => choices);
      // @ts-expect-error: a message is a text
      io.send(1);
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
      io.path("/realtime").serveClient(false).connectTimeout(1000).attach(3000).listen(3000, {});
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

describe("Socket", () => {
  it("hears the client", () => {
    compiles<AppSocket>((socket) => {
      socket.on("hello", (name) => expectTypeOf(name).toEqualTypeOf<string>());
      socket.once("hello", async (name) => {
        expectTypeOf(name).toEqualTypeOf<string>();
      });
      socket.on("ask", (question, answer) => {
        answer({ text: question });
        // @ts-expect-error: the reply has a text
        answer({});
        // @ts-expect-error: a reply is due
        answer();
      });
      socket.on("save:later", async (draft) => {
        expectTypeOf(draft).toEqualTypeOf<{ lines: string[] }>();
      });
      expectTypeOf(socket.on("hello", () => {})).toEqualTypeOf<AppSocket>();
      expectTypeOf(socket.listeners("hello")).toEqualTypeOf<ClientToServer["hello"][]>();
      socket.off("hello", () => {}).removeAllListeners("hello");
      // @ts-expect-error: no such event
      socket.on("nothing", () => {});
      // @ts-expect-error: the server emits it, clients do not
      socket.on("tick", () => {});
      // @ts-expect-error: a name is a text
      socket.on("hello", (name: number) => name);
      // @ts-expect-error: a listener is a function
      socket.on("hello", "name");
    });
  });

  it("hears of its own end and of errors", () => {
    compiles<AppSocket>((socket) => {
      socket.on("disconnect", (reason) => {
        expectTypeOf(reason).toEqualTypeOf<DisconnectReason>();
        // @ts-expect-error: no such reason
        if (reason === "bored") return;
      });
      socket.once("disconnecting", (reason: string) => reason);
      socket.on("disconnect", async () => {});
      socket.on("error", (error) => expectTypeOf(error).toEqualTypeOf<Error>());
      // @ts-expect-error: a reason is a text
      socket.on("disconnect", (reason: number) => reason);
    });
  });

  it("emits to the client", () => {
    compiles<AppSocket>((socket) => {
      expectTypeOf(socket.emit("tick")).toEqualTypeOf<boolean>();
      socket.emit("news", "title", Buffer.of(1));
      socket.emit("question", "text", (choice) => expectTypeOf(choice).toEqualTypeOf<number>());
      socket.emit("questionIfGiven", "text");
      socket.emit("questionIfGiven", "text", (choice) => {
        expectTypeOf(choice).toEqualTypeOf<number>();
      });
      expectTypeOf(socket.send("text", 1)).toEqualTypeOf<AppSocket>();
      expectTypeOf(socket.write("text")).toEqualTypeOf<AppSocket>();
      expectTypeOf(socket.volatile).toEqualTypeOf<AppSocket>();
      expectTypeOf(socket.compress(false)).toEqualTypeOf<AppSocket>();
      // @ts-expect-error: no such event
      socket.emit("nothing");
      // @ts-expect-error: clients emit it, the server does not
      socket.emit("hello", "name");
      // @ts-expect-error: the acknowledgement is missing
      socket.emit("question", "text");
      // @ts-expect-error: the choice is a number
      socket.emit("question", "text", (choice: string) => choice);
      // @ts-expect-error: the text is missing
      socket.send();
    });
  });

  it("waits for the client's answer", () => {
    compiles<AppSocket>((socket) => {
      expectTypeOf(socket.emitWithAck("question", "text")).toEqualTypeOf<Promise<number>>();
      expectTypeOf(socket.emitWithAck("questionOfTwo")).toEqualTypeOf<Promise<number>>();
      expectTypeOf(socket.emitWithAck("questionOrError", "text")).toEqualTypeOf<Promise<number>>();
      expectTypeOf(socket.timeout(1).emitWithAck("question", "text")).toEqualTypeOf<
        Promise<number>
      >();
      socket.timeout(1000).emit("question", "text", (err, choice) => {
        expectTypeOf(err).toEqualTypeOf<Error>();
        expectTypeOf(choice).toEqualTypeOf<number>();
      });
      socket.timeout(1000).emit("questionOrError", "text", (err, choice) => {
        expectTypeOf(err).toEqualTypeOf<Error>();
        expectTypeOf(choice).toEqualTypeOf<number>();
      });
      // @ts-expect-error: nobody answers it
      expectTypeOf(socket.emitWithAck("tick")).toBeObject();
      // @ts-expect-error: it need not be answered
      expectTypeOf(socket.emitWithAck("questionIfGiven", "text")).toBeObject();
      // @ts-expect-error: after a timeout, an error comes first
      socket.timeout(1000).emit("question", "text", (choice: number) => choice);
    });
  });

  it("emits to others", () => {
    compiles<AppSocket>((socket) => {
      type Others = ReturnType<AppServer["to"]>;
      expectTypeOf(socket.broadcast).toEqualTypeOf<Others>();
      expectTypeOf(socket.local).toEqualTypeOf<Others>();
      expectTypeOf(socket.to("room")).toEqualTypeOf<Others>();
      expectTypeOf(socket.in(["a", "b"])).toEqualTypeOf<Others>();
      expectTypeOf(socket.except("room")).toEqualTypeOf<Others>();
      socket.broadcast.emit("question", "text", (choices) => {
        expectTypeOf(choices).toEqualTypeOf<number[]>();
      });
      socket.volatile.to("room").emit("tick");
      expectTypeOf(socket.broadcast.timeout(1).emitWithAck("question", "text")).toEqualTypeOf<
        Promise<number[]>
      >();
      // @ts-expect-error: no such event
      socket.broadcast.emit("nothing");
    });
  });

  it("keeps the data of the application", () => {
    compiles<AppSocket>((socket) => {
      expectTypeOf(socket.data).toEqualTypeOf<Data>();
      socket.data.visits = (socket.data.visits ?? 0) + 1;
      socket.data = { user: { id: "1" } };
      // @ts-expect-error: visits are counted
      socket.data.visits = "many";
      // @ts-expect-error: the user is missing
      socket.data = {};
    });
  });

  it("tells how the client came", () => {
    compiles<AppSocket>(({ handshake }) => {
      expectTypeOf(handshake.headers.cookie).toEqualTypeOf<string | undefined>();
      expectTypeOf(handshake.headers["x-token"]).toEqualTypeOf<string | string[] | undefined>();
      expectTypeOf(handshake.query["token"]).toEqualTypeOf<string | string[] | undefined>();
      expectTypeOf(handshake.auth["token"]).toBeAny();
      expectTypeOf(handshake).toExtend<{
        time: string;
        address: string;
        xdomain: boolean;
        secure: boolean;
        issued: number;
        url: string;
      }>();
      handshake.auth = { token: "1" };
    });
    expectTypeOf<{
      headers: Record<string, string>;
      time: string;
      address: string;
      xdomain: boolean;
      secure: boolean;
      issued: number;
      url: string;
      query: Record<string, string>;
      auth: Record<string, unknown>;
    }>().toExtend<AppSocket["handshake"]>();
  });

  it("is in rooms", () => {
    compiles<AppSocket>(async (socket) => {
      expectTypeOf(socket.rooms).toEqualTypeOf<Set<string>>();
      expectTypeOf(socket.join("room")).toEqualTypeOf<Promise<void> | void>();
      expectTypeOf(socket.leave("room")).toEqualTypeOf<Promise<void> | void>();
      await socket.join(["a", "b"]);
      // @ts-expect-error: rooms are strings
      expectTypeOf(socket.join(1)).toBeVoid();
    });
  });

  it("shows its state, its connection and its request", () => {
    compiles<AppSocket>((socket) => {
      expectTypeOf(socket.id).toEqualTypeOf<string>();
      expectTypeOf(socket.connected).toEqualTypeOf<boolean>();
      expectTypeOf(socket.disconnected).toEqualTypeOf<boolean>();
      expectTypeOf(socket.recovered).toEqualTypeOf<boolean>();
      expectTypeOf(socket.disconnect(true)).toEqualTypeOf<AppSocket>();
      expectTypeOf(socket.request).toExtend<IncomingMessage>();
      expectTypeOf(socket.nsp.server.engine.clientsCount).toEqualTypeOf<number>();
      expectTypeOf(socket.conn.transport.name).toExtend<string>();
      expectTypeOf(socket.conn.readyState).toEqualTypeOf<
        "opening" | "open" | "closing" | "closed"
      >();
      expectTypeOf(socket.conn.protocol).toEqualTypeOf<number>();
      expectTypeOf(socket.client.conn).toEqualTypeOf<typeof socket.conn>();
      socket.conn.on("upgrade", (transport) => transport.name);
      socket.conn.on("packet", ({ type, data }) => [type, data]);
      socket.conn.on("packetCreate", ({ type, data }: { type: string; data: string }) => [
        type,
        data,
      ]);
      socket.conn.once("close", (reason, description) => [reason, description]);
      socket.conn.close(true);
      // @ts-expect-error: the id stays
      socket.id = "id";
      // @ts-expect-error: sockets join and leave
      socket.rooms = new Set();
    });
  });

  it("sees what comes in and what goes out", () => {
    compiles<AppSocket>((socket) => {
      const chained = socket.use((event, next) => {
        expectTypeOf(event).toEqualTypeOf<Event>();
        const [name, first] = event;
        expectTypeOf(name).toEqualTypeOf<string>();
        expectTypeOf(first).toBeAny();
        next();
        next(new Error("refused"));
        // @ts-expect-error: a reason is an error
        next("refused");
      });
      expectTypeOf(chained).toEqualTypeOf<AppSocket>();
      socket.use(async ([_name, ..._args], next) => next());
      socket.onAny((name, ...args) => {
        expectTypeOf(name).toBeAny();
        expectTypeOf(args[0]).toBeAny();
      });
      socket.onAny((name: string, count: number) => [name, count]);
      socket
        .prependAny(() => {})
        .offAny(() => {})
        .offAny();
      socket.onAnyOutgoing(async () => {}).prependAnyOutgoing((name: string) => name);
      socket.offAnyOutgoing(() => {}).offAnyOutgoing();
      expectTypeOf(socket.listenersAny()[0]).toExtend<((...args: never[]) => void) | undefined>();
      expectTypeOf(socket.listenersAnyOutgoing()).toEqualTypeOf<
        ReturnType<typeof socket.listenersAny>
      >();
    });
  });
});

describe("BroadcastOperator", () => {
  it("is chained without being changed", () => {
    compiles<BroadcastOperator<ServerToClient, Data>>((many) => {
      type Same = BroadcastOperator<ServerToClient, Data>;
      expectTypeOf(many.to("a").in(["b"]).except("c")).toEqualTypeOf<Same>();
      expectTypeOf(many.compress(true).volatile.local).toEqualTypeOf<Same>();
      expectTypeOf(many.emit("tick")).toEqualTypeOf<boolean>();
      expectTypeOf(many.fetchSockets()).resolves.toEqualTypeOf<
        RemoteSocket<ServerToClient, Data>[]
      >();
      expectTypeOf(many.allSockets()).resolves.toEqualTypeOf<Set<string>>();
      expectTypeOf(many.socketsJoin(["a"])).toEqualTypeOf<void>();
      expectTypeOf(many.socketsLeave("a")).toEqualTypeOf<void>();
      expectTypeOf(many.disconnectSockets()).toEqualTypeOf<void>();
      // @ts-expect-error: no such event
      many.emit("nothing");
      // @ts-expect-error: a timeout is a number
      many.timeout("1s");
    });
  });
});

describe("RemoteSocket", () => {
  it("is a socket of this server or of another", () => {
    compiles<RemoteSocket<ServerToClient, Data>>((remote) => {
      expectTypeOf(remote.id).toEqualTypeOf<string>();
      expectTypeOf(remote.data).toEqualTypeOf<Data>();
      expectTypeOf(remote.rooms).toEqualTypeOf<Set<string>>();
      expectTypeOf(remote.handshake).toEqualTypeOf<AppSocket["handshake"]>();
      expectTypeOf(remote.join(["a", "b"])).toEqualTypeOf<void>();
      expectTypeOf(remote.leave("a")).toEqualTypeOf<void>();
      expectTypeOf(remote.disconnect(true)).toEqualTypeOf<RemoteSocket<ServerToClient, Data>>();
      expectTypeOf(remote.emit("tick")).toEqualTypeOf<boolean>();
      remote.emit("question", "text", (choice) => expectTypeOf(choice).toEqualTypeOf<number>());
      remote.timeout(1000).emit("question", "text", (err, choice) => {
        expectTypeOf(err).toEqualTypeOf<Error>();
        expectTypeOf(choice).toEqualTypeOf<number>();
      });
      expectTypeOf(remote.timeout(1000).emitWithAck("question", "text")).toEqualTypeOf<
        Promise<number>
      >();
      // @ts-expect-error: no such event
      remote.emit("nothing");
      // @ts-expect-error: it hears nothing
      expectTypeOf(remote.on).toBeUndefined();
      // @ts-expect-error: the data of another server cannot be replaced
      remote.data = { user: { id: "1" } };
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

describe("typed things fit where applications put them", () => {
  // biome-ignore lint/suspicious/noExplicitAny: applications write it
  type AnySocket = Socket<any, any, any, any>;
  // biome-ignore lint/suspicious/noExplicitAny: applications write it
  type AnyServer = Server<any, any, any, any>;

  it("in functions that take any server or socket", () => {
    expectTypeOf<AppServer>().toExtend<AnyServer>();
    expectTypeOf<AppSocket>().toExtend<AnySocket>();
    expectTypeOf<Server>().toExtend<AnyServer>();
    expectTypeOf<Socket>().toExtend<AnySocket>();
    compiles<AnySocket>((socket) => {
      socket.emit("whatever", 1);
      socket.on("whatever", (text: string) => text);
    });
  });

  it("in functions that say nothing of the events between servers, or of the data", () => {
    expectTypeOf<AppSocket>().toExtend<Socket<ClientToServer, ServerToClient>>();
    expectTypeOf<AppNamespace>().toExtend<Namespace<ClientToServer, ServerToClient>>();
  });

  it("in maps, in types taken from methods, and in parts", () => {
    compiles<AppServer>((io) => {
      const byId = new Map<string, AppSocket>();
      io.on("connection", (socket) => byId.set(socket.id, socket));
      const greet = (socket: Pick<AppSocket, "emit" | "id">) => socket.emit("tick");
      io.on("connection", greet);
    });
    expectTypeOf<Parameters<Parameters<AppServer["use"]>[0]>[0]>().toEqualTypeOf<AppSocket>();
    expectTypeOf<ReturnType<AppServer["of"]>>().toEqualTypeOf<AppNamespace>();
    expectTypeOf<Parameters<AppSocket["on"]>[0]>().toEqualTypeOf<
      keyof ClientToServer | "disconnect" | "disconnecting" | "error"
    >();
  });

  it("in classes of the application", () => {
    class Greeter {
      readonly #io: AppServer;

      constructor(io: AppServer) {
        this.#io = io;
        io.on("connection", (socket) => this.greet(socket));
      }

      greet(socket: AppSocket): void {
        socket.on("hello", (name) => this.#io.to(name).emit("message", name));
      }
    }
    interface UserSocket extends AppSocket {
      user: string;
    }
    expectTypeOf(Greeter).instance.toHaveProperty("greet");
    compiles<AppSocket>((socket) => (socket as UserSocket).user);
  });

  it("in generic functions, as far as Socket.IO's do", () => {
    function tellReason<Listen extends ClientToServer, Emit extends ServerToClient>(
      socket: Socket<Listen, Emit>,
    ): void {
      socket.on("disconnect", (reason) => expectTypeOf(reason).toEqualTypeOf<DisconnectReason>());
    }
    compiles<Socket<ClientToServer, ServerToClient>>((socket) => tellReason(socket));
  });

  it("with a middleware of Express, wrapped", () => {
    type Middleware = (request: IncomingMessage, response: unknown, next: () => void) => void;
    const wrap =
      (middleware: Middleware) => (socket: Socket, next: (error?: ExtendedError) => void) =>
        middleware(socket.request, {}, next);
    compiles<Server>((io) => io.use(wrap((_req, _res, next) => next())));
    compiles<Server>((io) => io.of("/chat").use(wrap((_req, _res, next) => next())));
  });

  it("with emitters of Node", () => {
    expectTypeOf<AppSocket>().toExtend<EventEmitter>();
    compiles<AppSocket>((socket) => EventEmitter.prototype.listenerCount.call(socket, "hello"));
  });
});
