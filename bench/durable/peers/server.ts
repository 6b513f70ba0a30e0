/** Peer: our server with a store, and an app that publishes what its clients send. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type * as Holdfast from "holdfast";
import { closedLoop } from "../closed-loop.ts";
import { countedFlushes, countFlushes } from "../flush-counter.ts";
import {
  type DurableReply,
  type DurableRequest,
  optionsOfBench,
  serveRequests,
} from "../requests.ts";

/** As in the load generator. */
const chatText = "The quick brown fox jumps over the lazy dog, then writes a chat message of it";
const sequenceBase = 1_000_000_000;
/** `2["msg",{"n":…,"text":"…"}]` of 200 bytes. */
const sinkText = chatText.repeat(3).slice(0, 165);
const sink = "sink";
const missedInFlight = 500;

countFlushes();
const specifier = process.env["HOLDFAST_BENCH_MODULE"] ?? "holdfast";
const { Server } = (await import(specifier)) as typeof Holdfast;
const before = performance.now();
const http = createServer();
const io = new Server(http, optionsOfBench() as Partial<Holdfast.ServerOptions>);

io.on("connection", (socket) => {
  const { room, to = room } = socket.handshake.query;
  if (typeof room === "string") void socket.join(room);
  if (typeof to === "string") socket.on("msg", (event: unknown) => io.to(to).emit("msg", event));
  socket.on("publish", (event: { readonly n: number }, reply: (n: number) => void) => {
    // Answered only when it is committed. What is refused is never answered, and ends the run.
    io.to(sink)
      .publish("msg", event)
      .then(() => reply(event.n), fail);
  });
});

function fail(error: unknown): void {
  console.error("a publish was refused:", error);
  process.exit(1);
}

let published = 0;

async function publishEvent(event: object, done: () => void): Promise<void> {
  try {
    await io.to(sink).publish("msg", event, {});
  } catch (error) {
    fail(error);
  }
  done();
}

function publishToSink(done: () => void): void {
  const event = { n: sequenceBase + published++, text: sinkText };
  void publishEvent(event, done);
}

/** Publishes what the clients that are away miss: `entries` to each room, in turn. */
async function miss(rooms: number, entries: number): Promise<DurableReply> {
  while (io.of("/").sockets.size > 0) await sleep(20);
  for (let n = 0; n < entries; n++) {
    for (let first = 0; first < rooms; first += missedInFlight) {
      const some = Array.from({ length: Math.min(missedInFlight, rooms - first) }, (_, index) => {
        const room = `r${String(first + index).padStart(4, "0")}`;
        const event = { n: sequenceBase + n, room, text: chatText };
        return io.to(room).publish("msg", event, {});
      });
      await Promise.all(some);
    }
  }
  return { type: "missed" };
}

async function answer(request: DurableRequest): Promise<DurableReply> {
  switch (request.type) {
    case "loop":
      return { type: "looped", ...(await closedLoop(request, publishToSink)) };
    case "flushes":
      return { type: "flushed", count: countedFlushes() };
    case "miss":
      return miss(request.rooms, request.entries);
    case "close":
      await io.close();
      return { type: "closed" };
    case "fill":
      throw new Error("the journal alone is filled");
  }
}

// All clients of a storm knock at once: they wait in the kernel instead of trying again a second later.
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  const { port } = http.address() as AddressInfo;
  const openMs = performance.now() - before;
  serveRequests({ type: "ready", port, openMs, openCpuMs: 0 }, answer);
});
