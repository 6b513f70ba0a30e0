/**
 * The types of the public API: sockets, and sets of them. Goal: code that is typed against Socket.IO 4.8
 * compiles against this package with nothing but the import changed, and mistakes that its types find are found
 * here. Method: code of applications that is never run; the compiler is the judge (`tsc -p tsconfig.tests.json`).
 * All of it was first compiled against npm socket.io 4.8.4.
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, expectTypeOf, it } from "vitest";
import type {
  BroadcastOperator,
  DisconnectReason,
  Event,
  ExtendedError,
  Namespace,
  RemoteSocket,
  Server,
  Socket,
} from "./index.ts";

import {
  type AppNamespace,
  type AppServer,
  type AppSocket,
  type ClientToServer,
  compiles,
  type Data,
  type ServerToClient,
} from "./testing/typed-application.ts";

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

  it("handles an event once per id", () => {
    compiles<AppSocket>((socket) => {
      const handled = socket.on("ask", { once: (question) => question }, (question, ...more) => {
        expectTypeOf(question).toEqualTypeOf<string>();
        expectTypeOf(more).toEqualTypeOf<[]>();
        return { text: question };
      });
      expectTypeOf(handled).toEqualTypeOf<AppSocket>();
      socket.on("ask", { once: () => 1 }, async (question) => ({ text: question }));
      socket.on("save:later", { once: (draft) => draft.lines.length }, async () => {});
      socket.on("hello", { once: (name) => name }, () => {});
      expectTypeOf(socket.onceAttempt).toEqualTypeOf<number>();
      // @ts-expect-error: the reply has a text
      socket.on("ask", { once: () => 1 }, () => ({}));
      // @ts-expect-error: a reply is due
      socket.on("ask", { once: () => 1 }, () => {});
      // @ts-expect-error: the event has no acknowledgement
      socket.on("hello", { once: (name) => name }, () => "hello");
      // @ts-expect-error: an id is a text or a number
      socket.on("save:later", { once: (draft) => draft }, async () => {});
      // @ts-expect-error: no such event
      socket.on("nothing", { once: () => 1 }, () => {});
      // @ts-expect-error: no client sends it
      socket.on("disconnect", { once: () => 1 }, () => {});
      // @ts-expect-error: the handler is missing
      socket.on("hello", { once: () => 1 });
    });
    compiles<Socket>((socket) => {
      socket.on("pay", { once: (pay) => pay.id }, async (pay) => ({ receipt: pay.id }));
    });
  });

  it("is kept with its rooms and its user", () => {
    compiles<AppServer>(async (io) => {
      for await (const entry of io.room("hall").history({ after: "position", limit: 10 })) {
        expectTypeOf(entry.event).toEqualTypeOf<keyof ServerToClient>();
        expectTypeOf(entry.time).toEqualTypeOf<number>();
        if (entry.event === "news") {
          expectTypeOf(entry.args).toEqualTypeOf<[title: string, body: Buffer]>();
        } else if (entry.event === "question") {
          expectTypeOf(entry.args).toEqualTypeOf<[text: string]>();
        }
      }
      expectTypeOf(await io.of("/x").room("hall").position()).toEqualTypeOf<string>();
      const [member] = await io.room("hall").members();
      expectTypeOf(member?.userId).toEqualTypeOf<string | undefined>();
      io.user("ada").emit("news", "title", Buffer.of(1));
      io.of("/x").user("ada").to("hall").volatile.emit("tick");
      await io.user("ada").publish("tick", { id: "x", ttl: "1h" });
      await io.to("hall").publish("news", "title", Buffer.of(1), { id: "x" });
      // It is kept, and given to whoever comes, without its acknowledgement.
      await io.publish("question", "text", { ttl: 1000 });
      await io.of("/x").publish("questionIfGiven", "text");
      // @ts-expect-error: a title is a text
      await io.publish("news", 7, Buffer.of(1));
      // @ts-expect-error: the bytes are missing
      await io.publish("news", "title");
      // @ts-expect-error: no such option
      await io.publish("tick", { idd: "x" });
      // @ts-expect-error: nobody answers
      await io.publish("question", "text", (choice: number) => choice);
      expectTypeOf((await io.user("ada").fetchSockets())[0]?.data).toEqualTypeOf<
        Data | undefined
      >();
      // @ts-expect-error: a position is a text
      io.room("hall").history({ after: 7 });
      // @ts-expect-error: a title is a text
      io.user("ada").emit("news", 7, Buffer.of(1));
    });
    compiles<Server>(async (io) => {
      for await (const { event, args } of io.room("hall").history()) {
        expectTypeOf(event).toEqualTypeOf<string>();
        expectTypeOf(args[0]).toBeAny();
      }
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
