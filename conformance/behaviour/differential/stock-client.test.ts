/** Differential: the stock client's view, packet by packet and event by event. */
import type { Socket } from "holdfast";
import type { Socket as StockSocket } from "socket.io-client";
import { type ClientOptions, next, until } from "../../support/clients.ts";
import { compare, type Scenario, type Stage } from "./stage.ts";

type Pair = (stage: Stage, nsp?: string, options?: ClientOptions) => Promise<[Socket, StockSocket]>;

const pair: Pair = async (stage, nsp = "/", options = {}) => {
  const serverSide = next(stage.io.of(nsp), "connection");
  const client = stage.client("stock", nsp, options);
  await next(client, "connect");
  const [socket] = await serverSide;
  return [socket as Socket, client];
};

async function fence(client: StockSocket): Promise<void> {
  await client.emitWithAck("fence");
}

function over(
  name: string,
  play: (stage: Stage, options: ClientOptions) => Promise<void>,
): Scenario[] {
  return (["websocket", "polling"] as const).map((transport) => ({
    name: `${name}, ${transport}`,
    play: (stage) => play(stage, { transports: [transport] }),
  }));
}

compare("the stock client", [
  ...over("events, bytes and acks both ways", async (stage, options) => {
    const [socket, client] = await pair(stage, "/", options);
    client.on("ask", (value: unknown, cb: (...args: unknown[]) => void) =>
      cb(value, Buffer.from([9])),
    );
    socket.on("ask", (value: unknown, cb: (...args: unknown[]) => void) =>
      cb(value, Buffer.from([8])),
    );
    socket.emit("plain", 1, { a: [null, "é"] });
    socket.emit("bytes", Buffer.from([1]), [new Uint8Array([2])]);
    await stage.attempt("server asks", () => socket.emitWithAck("ask", { b: Buffer.from([3]) }));
    stage
      .lane("stock")
      .push(["client asks", await client.emitWithAck("ask", [1, Buffer.from([4])])]);
    client.emit("last", undefined, null);
    await fence(client);
  }),
  ...over("leaving by the client", async (stage, options) => {
    const [socket, client] = await pair(stage, "/", options);
    const left = next(socket, "disconnect");
    client.emit("last words");
    client.disconnect();
    await left;
  }),
  ...over("leaving by the server", async (stage, options) => {
    const [socket, client] = await pair(stage, "/", options);
    const left = next(client, "disconnect");
    socket.emit("last words");
    socket.disconnect();
    await left;
  }),
  ...over("leaving by the server, with the connection", async (stage, options) => {
    const [socket, client] = await pair(stage, "/", options);
    const left = next(client, "disconnect");
    socket.emit("last words");
    socket.disconnect(true);
    await left;
  }),
  ...over("the server closes", async (stage, options) => {
    const [, client] = await pair(stage, "/", options);
    const left = next(client, "disconnect");
    await stage.io.close();
    await left;
  }),
  ...over("refused, with data", async (stage, options) => {
    stage.io.use((socket, nextFn) => {
      const { token } = socket.handshake.auth;
      nextFn(
        token === "yes" ? undefined : Object.assign(new Error("who are you?"), { data: { token } }),
      );
    });
    const client = stage.client("stock", "/", { ...options, auth: { token: "no" } });
    await next(client, "connect_error");
    client.auth = { token: "yes" };
    const connected = next(client, "connect");
    client.connect();
    await connected;
    await fence(client);
  }),
  {
    name: "an unknown namespace",
    async play(stage) {
      await next(stage.client("stock", "/nobody"), "connect_error");
    },
  },
  {
    name: "two namespaces on one connection, left one after the other",
    async play(stage) {
      stage.watch(stage.io.of("/a"));
      const [root, client] = await pair(stage);
      const manager = client.io;
      const sideA = next(stage.io.of("/a"), "connection");
      const a = manager.socket("/a");
      a.onAny((...args: unknown[]) => stage.lane("a").push(["event", ...args]));
      a.on("disconnect", (reason) => stage.lane("a").push(["disconnect", reason]));
      const [socketA] = (await sideA) as [Socket];
      root.emit("to /");
      socketA.emit("to /a");
      await fence(client);
      await a.emitWithAck("fence");
      const left = next(socketA, "disconnect");
      a.disconnect();
      await left;
      await fence(client);
      const gone = next(root, "disconnect");
      client.disconnect();
      await gone;
    },
  },
  {
    name: "events sent before the connection, and within its handler",
    async play(stage) {
      stage.io.on("connection", (socket) => {
        socket.emit("from the handler", 1);
        stage.io.emit("broadcast from the handler");
      });
      const client = stage.client();
      client.emit("early", 1);
      client.emit("early", Buffer.from([2]));
      client.volatile.emit("dropped");
      await next(client, "connect");
      await fence(client);
    },
  },
  {
    name: "time-outs on both sides",
    async play(stage) {
      const [socket, client] = await pair(stage);
      await stage.attempt("server", () => socket.timeout(20).emitWithAck("nobody"));
      try {
        await client.timeout(20).emitWithAck("nobody");
      } catch (error) {
        stage.lane("stock").push(["client", error]);
      }
      await fence(client);
    },
  },
  {
    name: "retries",
    async play(stage) {
      const [socket, client] = await pair(stage, "/", { retries: 1, ackTimeout: 150 });
      let asked = 0;
      socket.on("ask", (n: number, cb: (n: number) => void) => {
        if (++asked > 1) cb(n);
      });
      await new Promise<void>((resolve) => {
        client.emit("ask", 7, (...args: unknown[]) => {
          stage.lane("stock").push(["answer", ...args]);
          resolve();
        });
      });
    },
  },
  {
    name: "reconnection after the transport was closed",
    async play(stage) {
      const [socket, client] = await pair(stage, "/", {
        reconnection: true,
        reconnectionDelay: 10,
        randomizationFactor: 0,
      });
      const back = next(client, "connect");
      socket.conn.close();
      await back;
      stage.io.emit("after");
      await fence(client);
      const left = next([...stage.io.sockets.sockets.values()][0], "disconnect");
      client.disconnect();
      await left;
    },
  },
  {
    name: "compressed WebSocket messages",
    options: { perMessageDeflate: { threshold: 10 } },
    async play(stage) {
      const [socket, client] = await pair(stage);
      socket.emit("long", "x".repeat(500));
      stage.io.emit("long", "y".repeat(500), Buffer.alloc(300, 1));
      socket.compress(false).emit("long", "z".repeat(500));
      client.emit("long", "w".repeat(500));
      await fence(client);
    },
  },
  {
    name: "a crowd: broadcasts, rooms and acks among four",
    async play(stage) {
      const all: [Socket, StockSocket][] = [];
      for (let i = 0; i < 4; i++) {
        const serverSide = next(stage.io, "connection");
        const client = stage.client(`stock ${i}`, "/", {
          transports: [i % 2 === 0 ? "websocket" : "polling"],
        });
        client.on("ask", (cb: (n: number) => void) => cb(i % 2));
        await next(client, "connect");
        all.push([(await serverSide)[0] as Socket, client]);
      }
      all.forEach(([socket], i) => {
        void socket.join(i < 2 ? "low" : "high");
        socket.on("say", (text: string) => {
          socket.to("low").emit("said", text, i);
          socket.broadcast.emit("said to all", Buffer.from(text));
        });
      });
      for (const [, client] of all) {
        client.emit("say", "hello");
        await fence(client);
      }
      await stage.attempt("ask", async () =>
        ((await stage.io.timeout(3000).emitWithAck("ask")) as number[]).sort(),
      );
      await stage.attempt("ask low", async () =>
        ((await stage.io.to("low").timeout(3000).emitWithAck("ask")) as number[]).sort(),
      );
      stage.io.in("high").disconnectSockets();
      await until(() => stage.io.sockets.sockets.size === 2, "two are left");
      for (const [, client] of all.slice(0, 2)) await fence(client);
      for (const [, client] of all.slice(2)) await until(() => client.disconnected, "it knows");
    },
  },
]);
