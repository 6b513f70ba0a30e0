/**
 * The server that the security tests attack: a Socket.IO server in a process of its own, so that a test sees whether
 * it stays up, and what an attack costs it. Bundled and started by victim.ts, which gives it its setup.
 */
import http from "node:http";
import type { Socket as TcpSocket } from "node:net";
import { Server, type Socket } from "holdfast";
import type { VictimReport, VictimSetup } from "./victim.ts";

const setup = JSON.parse(process.argv[2] ?? "{}") as VictimSetup;
if (setup.freezePrototype) Object.freeze(Object.prototype);
// Bytes that nobody wrote would show as these.
if (setup.canary) for (let i = 0; i < 64; i++) Buffer.allocUnsafe(4000).fill(0xca);

let bytesRead = 0;
let copiedBytes = 0;
if (setup.countCopies) countCopies();

const warnings: string[] = [];
process.on("warning", (warning) => warnings.push(warning.message));

const httpServer = http.createServer();
if (setup.byteByByte) httpServer.on("connection", deliverByteByByte);
const io = new Server(httpServer, setup.options);
const { slowMiddlewareMs } = setup;
if (slowMiddlewareMs !== undefined) {
  io.engine.use((_request: unknown, _response: unknown, next: () => void) => {
    setTimeout(next, slowMiddlewareMs);
  });
}

const events: unknown[] = [];
const disconnects: Record<string, number> = {};

function serve(socket: Socket): void {
  socket.onAny((...args: unknown[]) => {
    if (events.length < 100) events.push(args.map(shown));
  });
  socket.on("echo", (...args: unknown[]) => {
    const ack = args.at(-1);
    if (typeof ack === "function") ack(...args.slice(0, -1));
    else socket.emit("echo", ...args);
  });
  socket.on("join", (...rooms: string[]) => void socket.join(rooms));
  const joining: Promise<void>[] = [];
  socket.on("join since", (...rooms: string[]) => {
    joining.push(socket.join(rooms, "start"));
  });
  socket.on("joined", async (done: () => void) => {
    await Promise.all(joining);
    done();
  });
  socket.on("flood", (count: number, bytes: number) => {
    const text = "x".repeat(bytes);
    for (let i = 0; i < count; i++) socket.emit("flood", text);
  });
  socket.on("disconnect", (reason: string) => {
    disconnects[reason] = (disconnects[reason] ?? 0) + 1;
  });
}

function shown(value: unknown): unknown {
  return typeof value === "object" || typeof value === "function" ? `[${typeof value}]` : value;
}

io.on("connection", serve);
for (const name of setup.namespaces ?? []) io.of(name).on("connection", serve);
if (setup.dynamicNamespaces) io.of(/^\/dynamic-/).on("connection", serve);

/** As from a network that is so slow: each byte in memory of its own. A test that writes single bytes cannot make the kernel deliver them one by one. */
function deliverByteByByte(socket: TcpSocket): void {
  const push = socket.push.bind(socket);
  socket.push = (chunk: unknown) => {
    if (!(chunk instanceof Uint8Array)) return push(chunk);
    let wantsMore = true;
    for (const byte of chunk) wantsMore = push(Uint8Array.of(byte));
    bytesRead += chunk.length;
    return wantsMore;
  };
}

/** Node's `concat` copies by means of its own. */
function countCopies(): void {
  const { concat } = Buffer;
  Buffer.concat = (list, length) => {
    const whole = concat(list, length);
    copiedBytes += whole.length;
    return whole;
  };
  const set = Uint8Array.prototype.set;
  Uint8Array.prototype.set = function countingSet(from, at) {
    copiedBytes += from.length;
    set.call(this, from, at);
  };
}

async function report(): Promise<VictimReport> {
  const copied = copiedBytes;
  copiedBytes = 0;
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const tcpSockets = await new Promise<number>((resolve, reject) => {
    httpServer.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
  return {
    refusals: Object.fromEntries(io.engine.refusals),
    connections: io.engine.clientsCount,
    sockets: io.of("/").sockets.size,
    socketsAnywhere: [...io._nsps.values()].reduce((sum, { sockets }) => sum + sockets.size, 0),
    rooms: Math.max(0, ...[...io.of("/").sockets.values()].map(({ rooms }) => rooms.size)),
    tcpSockets,
    bytesRead,
    rss,
    held: heapUsed + arrayBuffers,
    arrayBuffers,
    cpuMicros: user + system,
    copiedBytes: copied,
    warnings,
    events,
    disconnects,
    polluted: "polluted" in {},
  };
}

process.on("message", () => {
  void report().then((answer) => process.send?.(answer));
});
process.on("disconnect", () => process.exit());
httpServer.listen(0, "127.0.0.1", () => process.send?.({ port: portOf(httpServer.address()) }));

function portOf(address: unknown): number {
  return (address as { port: number }).port;
}
