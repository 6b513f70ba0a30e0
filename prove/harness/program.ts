/**
 * The server that is judged, in a process of its own: the same application on npm socket.io and on Holdfast. A client
 * names its room; numbered events go to rooms; orders of clients have an effect. Started by server-process.ts with a
 * `ServerSetup` as its argument.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Server as HoldfastServer, Socket as HoldfastSocket } from "holdfast";
import type { Call, FromServer, NumberedCall, Order, Publish, ServerSetup } from "./messages.ts";

type Ack = (n: number) => void;

/** What Holdfast has and Socket.IO has not. */
interface Durable {
  on(
    event: string,
    options: { once(order: Order): string },
    handler: (order: Order) => number,
  ): void;
  publish(event: string, content: object): Promise<Published>;
}

interface Published {
  /** The sessions that have not confirmed it. */
  missing(): Promise<readonly unknown[]>;
}

/** The last one in each room. */
const published = new Map<string, Published>();

const setup = JSON.parse(process.argv[2] ?? "{}") as ServerSetup;

function tell(message: FromServer): void {
  process.send?.(message);
}

async function makeServer(http: ReturnType<typeof createServer>): Promise<HoldfastServer> {
  const recovery = { connectionStateRecovery: {}, pingInterval: 25_000, pingTimeout: 20_000 };
  if (setup.system === "holdfast") {
    const { Server } = await import("holdfast");
    return new Server(http, {
      ...recovery,
      ...(setup.store === undefined ? {} : { store: setup.store }),
      ...(setup.offsets === undefined ? {} : { offsets: setup.offsets }),
      ...(setup.identify === true
        ? { identify: (socket: HoldfastSocket) => String(socket.handshake.auth["device"]) }
        : {}),
    });
  }
  const { Server } = await import("socket.io");
  const io = new Server(http, recovery);
  if (setup.redis !== undefined) {
    const { createClient } = await import("redis");
    const { createAdapter } = await import("@socket.io/redis-streams-adapter");
    const client = createClient({ socket: { path: setup.redis, tls: false } });
    await client.connect();
    io.adapter(createAdapter(client));
  }
  // The application below uses what both have; `publish` and `once` are asked for by name.
  return io as unknown as HoldfastServer;
}

function serve(io: HoldfastServer): void {
  io.on("connection", async (socket) => {
    const room = String(socket.handshake.auth["room"]);
    await socket.join(room);
    const effect = ({ n }: Order): number => {
      tell({ type: "effect", room, n });
      return n;
    };
    if (setup.system === "holdfast") {
      const durable = socket as unknown as Durable;
      durable.on("order", { once: ({ id }) => id }, effect);
    } else {
      socket.on("order", (order: Order, ack?: Ack) => {
        const n = effect(order);
        ack?.(n);
      });
    }
    socket.on("here", (ack: () => void) => ack());
    socket.on("disconnect", (reason) => tell({ type: "left", room, reason }));
    tell({ type: "joined", room, recovered: socket.recovered });
  });
}

async function publishOne(io: HoldfastServer, { room, how }: Publish, n: number): Promise<void> {
  if (setup.system === "holdfast" && how === "publish") {
    const durable = io.to(room) as unknown as Durable;
    published.set(room, await durable.publish("event", { n }));
  } else io.to(room).emit("event", { n });
}

async function publishAll(io: HoldfastServer, publish: Publish): Promise<number> {
  const { room, from, to, everyMs, report } = publish;
  for (let n = from; n <= to; n++) {
    if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
    await publishOne(io, publish, n);
    if (report === true) tell({ type: "published", room, n });
  }
  return to - from + 1;
}

/** It ends with the time limit of whoever asked, at the latest. */
async function reachable(io: HoldfastServer, room: string): Promise<number> {
  for (;;) {
    const ids = [...(io.of("/").adapter.rooms.get(room) ?? [])];
    const sockets = ids.map((id) => io.of("/").sockets.get(id));
    if (sockets.every((socket) => socket?.conn.transport.writable === true)) return ids.length;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** It ends with the time limit of whoever asked, at the latest. */
async function confirmed(room: string): Promise<number> {
  const last = published.get(room);
  while (last !== undefined && (await last.missing()).length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return 0;
}

async function answer(io: HoldfastServer, call: Call): Promise<number> {
  switch (call.name) {
    case "publish":
      return publishAll(io, call.publish);
    case "volatile":
      io.to(call.room).volatile.emit("presence", call.text);
      return 0;
    case "connected":
      return io.of("/").adapter.rooms.get(call.room)?.size ?? 0;
    case "reachable":
      return reachable(io, call.room);
    case "confirmed":
      return confirmed(call.room);
    case "end":
      await io.close();
      return 0;
  }
}

const http = createServer();
const io = await makeServer(http);
serve(io);
if (setup.system === "holdfast") {
  io.on("emit_refused", (refusal: { readonly code: string }) => {
    tell({ type: "failed", message: `emit refused: ${refusal.code}` });
  });
}
process.on("message", ({ number, call }: NumberedCall) => {
  answer(io, call).then(
    (value) => {
      tell({ type: "answer", number, value });
      if (call.name === "end") process.disconnect();
    },
    (error: unknown) => tell({ type: "failed", message: `${call.name}: ${String(error)}` }),
  );
});
// Whoever judges has gone: nobody needs the server.
process.on("disconnect", () => process.exit(0));
http.listen(0, "127.0.0.1", () => {
  tell({ type: "listening", port: (http.address() as AddressInfo).port });
});
