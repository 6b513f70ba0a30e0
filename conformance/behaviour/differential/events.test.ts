/** Differential: events and acks both ways, binary, flags, order, catch-all listeners, and what is refused. */
import { next, until } from "../../support/clients.ts";
import { compare, type Scenario } from "./stage.ts";

const transports = ["websocket", "polling"] as const;

function over(
  name: string,
  play: (
    stage: Parameters<Scenario["play"]>[0],
    transport: "websocket" | "polling",
  ) => Promise<void>,
): Scenario[] {
  return transports.map((transport) => ({
    name: `${name}, ${transport}`,
    play: (stage) => play(stage, transport),
  }));
}

const placeholder = (num: number) => `{"_placeholder":true,"num":${num}}`;

compare("from the server", [
  ...over("arguments of every kind", async (stage, transport) => {
    const [raw, socket] = await stage.joined("client", "/", transport);
    socket.emit("none");
    socket.emit("plain", 1, -2.5, "text", true, null, undefined, [], {}, [[1], { a: [null] }]);
    socket.emit("numbers", NaN, Infinity, -0, 1e21, 2 ** 53);
    socket.emit("unicode", 'é 漢 😀 \u2028 \u0000 \x1e \\ "');
    socket.emit(
      "json",
      new Date(0),
      { toJSON: () => ({ replaced: true }) },
      Object.create({ inherited: 1 }),
    );
    socket.emit("map", new Map([[1, 2]]), new Set([1]), Symbol("s"), () => 1, /x/);
    socket.emit("proto", JSON.parse('{"__proto__":{"a":1},"constructor":2}'));
    socket.emit("boxed", Object("s"), Object(1), Object(false));
    await stage.fence(raw);
  }),
  ...over("bytes of every kind", async (stage, transport) => {
    const [raw, socket] = await stage.joined("client", "/", transport);
    const bytes = Buffer.from("0102030405060708", "hex");
    socket.emit("buffer", bytes);
    socket.emit(
      "views",
      new Uint8Array(bytes),
      new Uint16Array([1, 2]),
      new DataView(new ArrayBuffer(2)),
    );
    socket.emit("array buffer", bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 4));
    socket.emit("slice", bytes.subarray(2, 4), new Uint8Array([9, 8, 7]).subarray(1));
    socket.emit("deep", { a: [{ b: bytes }, "x"], c: null }, Buffer.alloc(0));
    socket.emit("repeated", bytes, bytes);
    socket.emit("ten", ...Array.from({ length: 10 }, (_each, i) => Buffer.from([i])));
    await stage.fence(raw);
  }),
  {
    name: "names: numbers, empty, odd ones",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      for (const name of [
        0,
        7,
        "",
        "__proto__",
        "constructor",
        "message",
        "error",
        "ping",
        "hf:x",
        '"',
        "a,b",
        "é",
      ]) {
        await stage.attempt(`emit ${name}`, () => socket.emit(name as string, 1));
      }
      await stage.fence(raw);
    },
  },
  {
    name: "reserved names, by every way",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      for (const name of [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
      ]) {
        await stage.attempt("socket.emit", () => socket.emit(name));
        await stage.attempt("io.emit", () => stage.io.emit(name));
        await stage.attempt("io.to.emit", () => stage.io.to("x").emit(name));
        await stage.attempt("broadcast", () => socket.broadcast.emit(name));
        await stage.attempt("emitWithAck", () => socket.emitWithAck(name));
        await stage.attempt("broadcast emitWithAck", () => stage.io.timeout(5).emitWithAck(name));
      }
      for (const name of ["connect", "connection", "new_namespace"]) {
        await stage.attempt("serverSideEmit", () => stage.io.serverSideEmit(name));
        await stage.attempt("serverSideEmitWithAck", () => stage.io.serverSideEmitWithAck(name));
      }
      await stage.fence(raw);
    },
  },
  {
    // What is thrown differs: Socket.IO runs out of stack, JSON.stringify says what is wrong.
    name: "circular arguments throw",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      const circle: Record<string, unknown> = {};
      circle["self"] = circle;
      for (const emit of [
        () => socket.emit("circle", circle),
        () => stage.io.emit("circle", circle),
      ]) {
        try {
          stage.note("gave", emit());
        } catch (error) {
          stage.note("threw", error instanceof Error);
        }
      }
      socket.emit("after");
      await stage.fence(raw);
    },
  },
  {
    name: "a BigInt throws",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      await stage.attempt("socket", () => socket.emit("big", 1n));
      await stage.attempt("io", () => stage.io.emit("big", 1n));
      socket.emit("after");
      await stage.fence(raw);
    },
  },
  ...over(
    "the order of emits, broadcasts, acks and bytes in one turn",
    async (stage, transport) => {
      const [raw, socket] = await stage.joined("client", "/", transport);
      await socket.join("x");
      socket.on("go", (cb: (...args: unknown[]) => void) => {
        socket.emit("1");
        stage.io.emit("2", Buffer.from([2]));
        socket.emit("3", Buffer.from([3]), () => undefined);
        cb("4", Buffer.from([4]));
        stage.io.to("x").emit("5");
        socket.compress(false).emit("6");
        stage.io.local.emit("7");
        socket.broadcast.emit("not to itself");
        socket.send("8");
        stage.io.timeout(20).emit("9", () => stage.note("9 is over"));
      });
      await raw.send('425["go"]');
      await stage.fence(raw);
      await until(
        () => stage.lane("server").some((line) => String(line).startsWith("9 is")),
        "9 is over",
      );
    },
  ),
  {
    name: "100 emits in one turn, to five clients",
    async play(stage) {
      const all = [];
      for (let i = 0; i < 5; i++) all.push(await stage.joined(`client ${i}`));
      for (let i = 0; i < 100; i++) {
        if (i % 3 === 0) stage.io.emit("n", i);
        else if (i % 3 === 1) all[i % 5]?.[1].emit("n", i);
        else all[i % 5]?.[1].broadcast.emit("n", i, Buffer.from([i]));
      }
      for (const [raw] of all) await stage.fence(raw);
    },
  },
  ...over("a big event", async (stage, transport) => {
    const [raw, socket] = await stage.joined("client", "/", transport);
    socket.emit("big", "x".repeat(300_000), Buffer.alloc(200_000, 7));
    await stage.fence(raw);
  }),
  {
    name: "frames around the lengths at which the WebSocket header grows",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      for (const length of [125, 126, 127, 65_535, 65_536]) {
        const text = "y".repeat(length - '42["n",""]'.length);
        socket.emit("n", text);
        stage.io.emit("n", text);
        stage.io.emit("b", Buffer.alloc(length, 1));
      }
      await stage.fence(raw);
    },
  },
]);

compare("acks", [
  {
    name: "answers to the server: right, twice, unknown, late, with bytes",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      socket.emit("a", (...args: unknown[]) => stage.note("a", ...args));
      socket.emit("b", (...args: unknown[]) => stage.note("b", ...args));
      socket.timeout(3000).emit("d", (...args: unknown[]) => stage.note("d", ...args));
      await raw.send(
        '431["b",2]',
        '431["twice"]',
        "4377[]",
        `461-0["a",${placeholder(0)}]`,
        Buffer.from([1]),
        "432[]",
      );
      await until(() => stage.lane("server").length >= 4, "the answers are late");
      socket.timeout(30).emit("c", (...args: unknown[]) => stage.note("c", ...args));
      await until(() => stage.lane("server").length >= 5, "c is late");
      await raw.send('433["late"]');
      await stage.fence(raw);
    },
  },
  {
    name: "emitWithAck with and without time",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      const asked = [
        stage.attempt("a", () => socket.emitWithAck("a", 1)),
        stage.attempt("c", () => socket.timeout(2000).emitWithAck("c")),
      ];
      await raw.send('430["A",2]', '431["C"]');
      await Promise.all(asked);
      await stage.attempt("b", () => socket.timeout(20).emitWithAck("b"));
      await stage.fence(raw);
    },
  },
  ...(
    ["", "1", "0", "00", "007", "4294967296", "9007199254740991", "123456789012345"] as const
  ).map(
    (id): Scenario => ({
      name: `a client's ack id ${id || "that is not there"}`,
      async play(stage) {
        const [raw, socket] = await stage.joined();
        socket.on("ask", (...args: unknown[]) => {
          const cb = args.at(-1);
          if (typeof cb !== "function") return;
          cb(1, "two", null, undefined, { a: Buffer.from([1]) });
          cb("again");
        });
        await raw.send(`42${id}["ask",1]`, `451-${id}["ask",${placeholder(0)}]`, Buffer.from([5]));
        await stage.fence(raw);
      },
    }),
  ),
  ...(
    [
      "431[]",
      "430[]",
      "43[]",
      "430",
      "430{}",
      "430null",
      '430"x"',
      "4399[1]",
      "430[1",
      "460-[]",
      "461-0[]",
    ] as const
  ).map(
    (frame): Scenario => ({
      name: `an ACK as ${frame}`,
      async play(stage) {
        const [raw, socket] = await stage.joined();
        socket.emit("ask", (...args: unknown[]) => stage.note("answer", ...args));
        await raw.send(frame);
        await stage.fence(raw);
      },
    }),
  ),
  {
    name: "a broadcast that all answer",
    async play(stage) {
      const all = [await stage.joined("a"), await stage.joined("b")];
      const asked = stage.attempt("io", () =>
        stage.io.timeout(3000).emitWithAck("ask", Buffer.from([1])),
      );
      for (const [raw] of all) {
        await raw.until("451-0");
        await raw.send('430["same"]');
      }
      await asked;
      const room = stage.attempt("room", () =>
        stage.io.to("nobody").timeout(3000).emitWithAck("ask"),
      );
      await room;
      for (const [raw] of all) await stage.fence(raw);
    },
  },
  {
    name: "a broadcast that one does not answer, with late and unknown answers",
    async play(stage) {
      const [a] = await stage.joined("a");
      const [b] = await stage.joined("b");
      const asked = stage.attempt("io", () => stage.io.timeout(250).emitWithAck("ask"));
      await a.send('430["one"]', '430["again"]', "435[]");
      await asked;
      await b.send('430["late"]');
      await stage.fence(a);
      await stage.fence(b);
    },
  },
  {
    name: "a broadcast with a callback and flags",
    async play(stage) {
      const [a, socket] = await stage.joined("a");
      const [b] = await stage.joined("b");
      const answered = new Promise<void>((resolve) => {
        socket.broadcast.timeout(3000).emit("ask", 1, (...args: unknown[]) => {
          stage.note("answers", ...args);
          resolve();
        });
      });
      await b.until("420");
      await b.send('430["b"]');
      await answered;
      await stage.fence(a);
    },
  },
]);

compare("from the client", [
  ...over("arguments and bytes", async (stage, transport) => {
    const [raw] = await stage.joined("client", "/", transport);
    await raw.send(
      '42["a"]',
      '42["a",1,"é 😀",null,[],{},{"b":[true]}]',
      "42[7,8]",
      '42["__proto__",{"__proto__":{"x":1}}]',
      `451-["b",${placeholder(0)}]`,
      Buffer.from([1]),
      `452-["b",{"x":[${placeholder(1)},${placeholder(0)}]}]`,
      Buffer.from([1]),
      Buffer.from([2]),
      `451-["empty",${placeholder(0)}]`,
      Buffer.alloc(0),
      '42["placeholder in text",{"_placeholder":true,"num":0}]',
    );
    await stage.fence(raw);
  }),
  {
    name: "one attachment at two places",
    stricter: "placeholder-twice",
    async play(stage) {
      const [raw] = await stage.joined();
      await raw.send(`451-["same twice",${placeholder(0)},${placeholder(0)}]`, Buffer.from([3]));
      await stage.fence(raw);
    },
  },
  ...over("ten attachments", async (stage, transport) => {
    const [raw] = await stage.joined("client", "/", transport);
    const list = Array.from({ length: 10 }, (_each, i) => placeholder(i)).join(",");
    await raw.send(
      `4510-["ten",${list}]`,
      ...Array.from({ length: 10 }, (_each, i) => Buffer.from([i])),
    );
    await stage.fence(raw);
  }),
  ...over("eleven attachments", async (stage, transport) => {
    const [raw] = await stage.joined("client", "/", transport);
    const list = Array.from({ length: 11 }, (_each, i) => placeholder(i)).join(",");
    await raw.send(`4511-["eleven",${list}]`);
    await stage.fence(raw);
  }),
  ...over("a big event", async (stage, transport) => {
    const [raw, socket] = await stage.joined("client", "/", transport);
    socket.on("big", (text: string, bytes: Buffer) => stage.note(text.length, bytes.length));
    await raw.send(
      `451-["big","${"x".repeat(200_000)}",${placeholder(0)}]`,
      Buffer.alloc(300_000, 1),
    );
    await stage.fence(raw);
  }),
  {
    name: "events interleaved over two namespaces",
    async play(stage) {
      stage.watch(stage.io.of("/a"));
      const [raw] = await stage.joined();
      await raw.join("/a");
      await raw.send(
        '42["root",1]',
        '42/a,["a",1]',
        `451-/a,["a",${placeholder(0)}]`,
        Buffer.from([1]),
        '42["root",2]',
        '42/a,5["a",2]',
      );
      await stage.fence(raw, "/a");
    },
  },
  {
    name: "listeners of one event: on, once, prepend, any, in their order",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      socket.on("ev", () => stage.note("on"));
      socket.once("ev", () => stage.note("once"));
      socket.prependListener("ev", () => stage.note("prepended"));
      socket.prependAny((name: string) => stage.note("prependAny", name));
      socket.onAnyOutgoing((...args: unknown[]) => stage.note("outgoing", ...args));
      socket.prependAnyOutgoing((...args: unknown[]) => stage.note("prepended outgoing", ...args));
      await raw.send('42["ev"]', '42["ev"]');
      await stage.fence(raw);
      socket.emit("out", 1, () => undefined);
      stage.io.emit("out", 2);
      socket.volatile.emit("out", 3);
      socket.offAny();
      socket.offAnyOutgoing();
      socket.emit("out", 4);
      await raw.send('42["ev"]');
      await stage.fence(raw);
    },
  },
  {
    name: "a handler that answers, emits and broadcasts",
    async play(stage) {
      const [other] = await stage.joined("other");
      const [raw, socket] = await stage.joined("asker");
      socket.on("ask", (n: number, cb: (n: number) => void) => {
        socket.emit("echo", n);
        socket.broadcast.emit("heard", n);
        stage.io.emit("all", n);
        cb(n);
      });
      await raw.send('420["ask",1]', '421["ask",2]', '422["ask",3]');
      await stage.fence(raw);
      await stage.fence(other);
    },
  },
]);

compare("volatile", [
  {
    name: "to a poller that is away",
    async play(stage) {
      const [raw, socket] = await stage.joined("client", "/", "polling");
      socket.emit("1");
      socket.volatile.emit("dropped");
      stage.io.volatile.emit("dropped");
      socket.volatile.emit("dropped", Buffer.from([1]), () => undefined);
      stage.io.to(socket.id).volatile.emit("dropped");
      socket.emit("2");
      await stage.fence(raw);
    },
  },
  {
    name: "to a WebSocket that is idle",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      socket.volatile.emit("1", 1);
      await raw.until("42");
      stage.io.volatile.emit("2", Buffer.from([1]));
      await raw.next();
      await raw.next();
      stage.io.to(socket.id).volatile.emit("3");
      await raw.until("42");
      await stage.fence(raw);
    },
  },
]);

compare("rooms and broadcasts", [
  {
    name: "who hears what",
    async play(stage) {
      const all = [
        await stage.joined("a"),
        await stage.joined("b"),
        await stage.joined("c", "/", "polling"),
      ];
      const [a, b, c] = all.map(([, socket]) => socket);
      const adapter = stage.io.sockets.adapter as unknown as NodeJS.EventEmitter;
      for (const name of ["create-room", "delete-room", "join-room", "leave-room"]) {
        adapter.on(name, (...args: unknown[]) => stage.note(name, ...args));
      }
      await a?.join(["x", "y"]);
      await b?.join("x");
      await c?.join(["y", "z"]);
      stage.io.to("x").emit("to x");
      stage.io.to("x").to("y").emit("to x and y");
      stage.io.to(["x", "z"]).except("y").emit("x, z, not y");
      stage.io.except(["x", "y"]).emit("not x, y");
      stage.io.in([]).emit("to no rooms");
      a?.to("y").emit("a to y", Buffer.from([1]));
      a?.except("y").emit("a except y");
      a?.to(a.id).emit("a to itself");
      b?.broadcast.except("z").emit("b, not z");
      stage.io.in("x").socketsJoin("z");
      stage.io.in("z").socketsLeave(["x", "y"]);
      stage.io.to("x").emit("nobody");
      stage.io.to("z").emit("all of z");
      stage.note(
        (await stage.io.in("z").fetchSockets()).length,
        await stage.io.in("z").allSockets(),
      );
      void b?.leave("z");
      stage.io.to("z").emit("without b");
      stage.io.in("z").disconnectSockets();
      for (const [raw] of all) await raw.until("4").catch(() => undefined);
      await all[0]?.[0].until("41");
      await all[2]?.[0].until("41");
      if (all[1] !== undefined) await stage.fence(all[1][0]);
    },
  },
  {
    name: "joining and leaving within a handler",
    async play(stage) {
      const [raw, socket] = await stage.joined();
      socket.on("join", (room: string) => {
        void socket.join(room);
        stage.io.to(room).emit("joined", room);
        void socket.leave(room);
        stage.io.to(room).emit("never");
        stage.note([...socket.rooms]);
      });
      await raw.send('42["join","x"]', '42["join",""]', '42["join","__proto__"]');
      await stage.fence(raw);
    },
  },
  {
    name: "leaving one's own room, and joining another's",
    async play(stage) {
      const [a, socketA] = await stage.joined("a");
      const [b, socketB] = await stage.joined("b");
      await socketB.join(socketA.id);
      stage.io.to(socketA.id).emit("to a");
      await socketA.leave(socketA.id);
      stage.io.to(socketA.id).emit("to a, in name only");
      socketA.broadcast.emit("from a");
      await stage.fence(a);
      await stage.fence(b);
    },
  },
]);

compare("connection events", [
  {
    name: "packets as the conn tells them",
    async play(stage) {
      stage.io.engine.on("connection", (conn: NodeJS.EventEmitter) => {
        for (const name of ["packet", "packetCreate"]) {
          conn.on(name, ({ type, data }: { type: string; data?: unknown }) => {
            // A noop to release a poll is due by the clock.
            if (type !== "noop")
              stage.note(
                name,
                type,
                typeof data === "string" ? data : Buffer.from((data as Buffer) ?? ""),
              );
          });
        }
        conn.on("close", (reason: string) => stage.note("conn close", reason));
      });
      const [raw, socket] = await stage.joined("client", "/", "polling");
      socket.emit("a", Buffer.from([1]));
      stage.io.emit("b");
      await stage.fence(raw);
      const closed = next(socket.conn, "close");
      await raw.send("1");
      await closed;
    },
  },
]);
