/** Differential: handshakes, namespaces, middlewares, and leaving. */
import { inside, next, until } from "../../support/clients.ts";
import { compare, type Scenario } from "./stage.ts";

const transports = ["websocket", "polling"] as const;

const both = (
  name: string,
  play: (
    stage: Parameters<Scenario["play"]>[0],
    transport: "websocket" | "polling",
  ) => Promise<void>,
  options: Scenario["options"] = {},
): Scenario[] =>
  transports.map((transport) => ({
    name: `${name}, ${transport}`,
    options,
    play: (stage) => play(stage, transport),
  }));

compare("connecting", [
  ...both("the root namespace", async (stage, transport) => {
    const [raw, socket] = await stage.joined("client", "/", transport);
    stage.note(socket.handshake.auth, Object.keys(socket.handshake), socket.data, socket.connected);
    await stage.fence(raw);
  }),
  ...both("three namespaces on one connection", async (stage, transport) => {
    for (const name of ["/a", "/b"]) stage.watch(stage.io.of(name));
    const raw = await stage.open(transport);
    await raw.join("/a", { for: "a" });
    await raw.join();
    await raw.join("/b");
    stage.io.of("/a").emit("to a");
    stage.io.of("/b").emit("to b");
    stage.io.emit("to all of /");
    await stage.fence(raw, "/b");
  }),
  ...both("an unknown namespace, then a known one", async (stage, transport) => {
    const raw = await stage.open(transport);
    await raw.join("/nobody", { a: 1 });
    await raw.join();
    await stage.fence(raw);
  }),
  ...both("leaving and coming back", async (stage, transport) => {
    const [raw, first] = await stage.joined("client", "/", transport);
    const left = next(first, "disconnect");
    await raw.send("41");
    await left;
    await raw.join();
    await stage.fence(raw);
    stage.note("another id", stage.io.sockets.sockets.has(first.id));
  }),
  ...[
    "40",
    "40/",
    "40/,",
    "40/a",
    "40/a,",
    "40/a,{}",
    "40/é,",
    "40/a/b/c,",
    "40/a?b=c,",
    "40a",
    '40{"a":{"b":[1,null]}}',
    "40{}",
    "4012{}",
    "40/a,12",
    '40/a,12{"t":1}',
    "40[]",
    "40null",
    '40"text"',
    "40123",
    "40{",
    "40true",
    "40//,",
    '40/__proto__,{"__proto__":{"x":1}}',
    "40/constructor,",
  ].map(
    (frame): Scenario => ({
      name: `CONNECT as ${frame}`,
      async play(stage) {
        for (const name of ["/a", "/é", "/a/b/c"]) {
          stage.watch(stage.io.of(name));
          stage.io.of(name).on("connection", (socket) => stage.note(socket.handshake.auth));
        }
        stage.io.on("connection", (socket) => stage.note(socket.handshake.auth));
        const raw = await stage.websocket();
        await raw.send(frame);
        try {
          await raw.next();
        } catch (error) {
          stage.note("no answer", inside<Error>(error).message.startsWith("the connection ended"));
        }
      },
    }),
  ),
  ...[
    "40",
    "41/a,",
    "44{}",
    "44/a,{}",
    '42/a,["x"]',
    "43/a,1[]",
    "41/nobody,",
    '42/nobody,["x"]',
    '51-/nobody,["x"]',
  ].map(
    (frame): Scenario => ({
      name: `in /, but not in /a: ${frame}`,
      async play(stage) {
        stage.watch(stage.io.of("/a"));
        const [raw] = await stage.joined();
        await raw.send(frame);
        await stage.fence(raw);
      },
    }),
  ),
  ...['42["too early"]', "41", "431[]", "44{}", "43"].map(
    (frame): Scenario => ({
      name: `before any CONNECT: ${frame}`,
      async play(stage) {
        const raw = await stage.websocket();
        await raw.send(frame);
        await raw.finished();
      },
    }),
  ),
  {
    name: "no CONNECT within connectTimeout",
    options: { connectTimeout: 30 },
    async play(stage) {
      const raw = await stage.websocket();
      await raw.finished();
    },
  },
  {
    name: "two CONNECTs while a middleware waits",
    async play(stage) {
      const waiting: (() => void)[] = [];
      stage.io.use((_socket, nextFn) => waiting.push(nextFn));
      const raw = await stage.websocket();
      await raw.send("40", "40");
      await until(() => waiting.length === 2, "both wait");
      waiting[0]?.();
      await raw.next();
      waiting[1]?.();
      await raw.next();
      await stage.fence(raw);
      stage.note("sockets", stage.io.sockets.sockets.size);
    },
  },
]);

compare("middlewares", [
  ...(
    [
      ["an Error", () => new Error("no")],
      [
        "an Error with data",
        () => Object.assign(new Error("no"), { data: { code: 7, list: [null] } }),
      ],
      ["an Error with empty message", () => new Error("")],
      ["an Error with data null", () => Object.assign(new Error("no"), { data: null })],
      ["a plain object", () => ({ message: "plain", data: 1 })],
      ["a string", () => "text"],
      ["a number", () => 7],
      ["false", () => false],
      ["null", () => null],
    ] as const
  ).map(
    ([what, make]): Scenario => ({
      name: `next() with ${what}`,
      async play(stage) {
        stage.io.use((_socket, nextFn) => nextFn(make() as never));
        const raw = await stage.websocket();
        await raw.join();
        // What is not taken for a refusal makes this the second CONNECT of one namespace.
        await raw.join().catch(() => undefined);
        stage.note("sockets", stage.io.sockets.sockets.size);
      },
    }),
  ),
  {
    name: "three of them, sync, async, refusing the second time",
    async play(stage) {
      let tries = 0;
      stage.io.use((socket, nextFn) => {
        stage.note("first", socket.connected, socket.rooms.size);
        nextFn();
      });
      stage.io.use(async (socket, nextFn) => {
        await socket.join("early");
        socket.emit("from the middleware");
        stage.note("second", [...socket.rooms]);
        nextFn();
      });
      stage.io.use((_socket, nextFn) =>
        nextFn(++tries === 2 ? new Error("second try") : undefined),
      );
      const [first] = await stage.joined("first");
      const raw = await stage.websocket("second");
      await raw.send("40");
      await raw.until("44");
      stage.io.to("early").emit("to early");
      await stage.fence(first);
    },
  },
  {
    name: "a middleware that disconnects the socket",
    async play(stage) {
      stage.io.use((socket, nextFn) => {
        socket.disconnect();
        stage.note("connected", socket.connected);
        nextFn();
      });
      const [raw] = await stage.joined();
      await stage.fence(raw);
    },
  },
  {
    name: "a middleware that closes the connection",
    async play(stage) {
      stage.io.use((socket, nextFn) => {
        socket.conn.close();
        nextFn();
      });
      const raw = await stage.websocket();
      await raw.send("40");
      await raw.finished();
      stage.note("sockets", stage.io.sockets.sockets.size);
    },
  },
  {
    name: "a client that leaves while a middleware waits",
    async play(stage) {
      const waiting: (() => void)[] = [];
      stage.io.use((_socket, nextFn) => waiting.push(nextFn));
      const raw = await stage.websocket();
      await raw.send("40");
      await until(() => waiting.length === 1, "it waits");
      raw.close();
      await until(() => stage.io.engine.clientsCount === 0, "it is gone");
      waiting[0]?.();
      await new Promise((resolve) => setTimeout(resolve, 10));
      stage.note("sockets", stage.io.sockets.sockets.size, stage.io.sockets.adapter.sids.size);
    },
  },
  {
    name: "a DISCONNECT while a middleware waits",
    async play(stage) {
      const waiting: (() => void)[] = [];
      stage.io.use((_socket, nextFn) => waiting.push(nextFn));
      const raw = await stage.websocket();
      await raw.send("40", "41");
      await raw.finished();
      waiting[0]?.();
      await new Promise((resolve) => setTimeout(resolve, 10));
      stage.note("sockets", stage.io.sockets.sockets.size);
    },
  },
  {
    name: "of a socket: refusing, changing, adding arguments",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      socket.use((event, nextFn) => {
        stage.note("use", event);
        if (event[0] === "refused") nextFn(Object.assign(new Error("no"), { data: 1 }));
        else if (event[0] === "renamed") {
          event[0] = "other";
          event.push("added");
          nextFn();
        } else nextFn();
      });
      socket.use((event, nextFn) => {
        stage.note("second", event[0]);
        setImmediate(nextFn);
      });
      for (const name of ["refused", "renamed", "other", "plain"]) {
        socket.on(name, (...args: unknown[]) => stage.note("handler", name, ...args));
      }
      await raw.send('42["plain",1]', '42["refused",2]', '42["renamed",3]', '421["plain"]');
      await stage.fence(raw);
    },
  },
]);

compare("dynamic namespaces", [
  {
    name: "by regular expression and by function",
    async play(stage) {
      stage.io.on("new_namespace", (nsp) => stage.note("new_namespace", nsp.name));
      const parent = stage.io.of(/^\/room-\d+$/);
      stage.watch(parent);
      stage.io.of((name, auth, nextFn) => {
        stage.note("asked", name, auth);
        nextFn(null, name.startsWith("/fn"));
      });
      const raw = await stage.websocket();
      for (const name of ["/room-1", "/room-x", "/fn-1", "/other", "/room-2"]) {
        await raw.join(name, { n: name });
      }
      parent.emit("to the children");
      parent.to("nobody").emit("to nobody");
      stage.io.of("/fn-1").emit("to fn");
      await stage.fence(raw, "/room-1");
    },
  },
  {
    name: "cleanup of empty children",
    options: { cleanupEmptyChildNamespaces: true },
    async play(stage) {
      const parent = stage.io.of(/^\/room-\d+$/);
      stage.watch(parent);
      const nsps = () => [...inside<{ _nsps: Map<string, unknown> }>(stage.io)._nsps.keys()];
      const raw = await stage.websocket();
      await raw.join("/room-1");
      stage.note(nsps());
      const [socket] = [...stage.io.of("/room-1").sockets.values()];
      const left = next(socket, "disconnect");
      await raw.send("41/room-1,");
      await left;
      stage.note(nsps());
      await raw.join("/room-1");
      stage.note(nsps());
    },
  },
]);

compare("leaving", [
  ...both("server: disconnect()", async (stage, transport) => {
    stage.watch(stage.io.of("/a"));
    const [raw, socket] = await stage.joined("client", "/", transport);
    await raw.join("/a");
    await socket.join(["x", "y"]);
    socket.disconnect();
    socket.emit("too late");
    await raw.until("41");
    await stage.fence(raw, "/a");
  }),
  ...both("server: disconnect(true)", async (stage, transport) => {
    stage.watch(stage.io.of("/a"));
    const [raw, socket] = await stage.joined("client", "/", transport);
    await raw.join("/a");
    socket.emit("last words");
    socket.disconnect(true);
    await raw.finished();
  }),
  ...both("server: conn.close()", async (stage, transport) => {
    const [raw, socket] = await stage.joined("client", "/", transport);
    socket.emit("last words");
    socket.conn.close();
    socket.emit("too late");
    await raw.finished();
  }),
  {
    name: "server: disconnect(true) in a connection handler",
    async play(stage) {
      stage.io.on("connection", (socket) => {
        socket.emit("hello");
        socket.disconnect(true);
      });
      const raw = await stage.websocket();
      await raw.send("40");
      await raw.finished();
    },
  },
  {
    name: "client: events around its DISCONNECT, in one payload",
    async play(stage) {
      const [raw, socket] = await stage.joined("client", "/", "polling");
      for (const name of ["a", "b"]) socket.on(name, () => stage.note("handler", name));
      await raw.send('42["a"]', "41", '42["b"]');
      await raw.join();
      await stage.fence(raw);
    },
  },
  {
    name: "client: events after the server's disconnect(), in one payload",
    async play(stage) {
      const [raw, socket] = await stage.joined("client", "/", "polling");
      socket.on("a", () => {
        stage.note("handler a");
        socket.disconnect();
      });
      socket.on("b", () => stage.note("handler b"));
      await raw.send('42["a"]', '42["b"]');
      await raw.until("41");
      await raw.join();
      await stage.fence(raw);
    },
  },
  {
    name: "listeners that emit, broadcast and join while leaving",
    async play(stage) {
      const [other] = await stage.joined("other");
      const [raw, socket] = await stage.joined("leaver");
      await socket.join("x");
      socket.on("disconnecting", () => {
        socket.to("x").emit("nobody is there");
        socket.broadcast.emit("leaving");
        socket.emit("to itself");
        stage.io.to(socket.id).emit("to its room");
      });
      const left = new Promise<void>((resolve) => {
        socket.on("disconnect", () => {
          socket.broadcast.emit("left");
          void socket.join("y");
          socket.emit("to itself");
          stage.note("rooms", [...socket.rooms], stage.io.sockets.adapter.rooms.size);
          resolve();
        });
      });
      await raw.send("41");
      await left;
      await stage.fence(other);
    },
  },
  {
    name: "io.close() with clients of both transports",
    async play(stage) {
      stage.watch(stage.io.of("/a"));
      const [websocket] = await stage.joined("websocket");
      await websocket.join("/a");
      const [poller] = await stage.joined("poller", "/", "polling");
      stage.io.emit("before");
      await websocket.until("42");
      await poller.until("42");
      const poll = poller.next().catch(() => undefined);
      const pollers = [...stage.io.sockets.sockets.values()].filter(
        (socket) =>
          inside<{ transport: { name: string } }>(socket.conn).transport.name === "polling",
      );
      await until(
        () =>
          pollers.every(
            (socket) =>
              inside<{ transport: { writable: boolean } }>(socket.conn).transport.writable,
          ),
        "the poll is pending",
      );
      await stage.io.close();
      await websocket.finished();
      await poll;
      stage.note("sockets", stage.io.sockets.sockets.size, stage.io.engine.clientsCount);
    },
  },
]);
