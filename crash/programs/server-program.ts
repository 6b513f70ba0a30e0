/**
 * The server that is killed: clients join and leave rooms and publish over it. Started by support/server-process.ts.
 *
 * The original has no `publish`. There the program does what an application would: it writes the event to a file of its
 * own before it emits and acknowledges, so that what is acknowledged is kept, and what is missing was lost on the way.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { Server as HoldfastServer, type Namespace, type Socket } from "holdfast";
import { hashOf } from "../history/recorder.ts";
import { dumpJournal } from "./journal-dump.ts";
import {
  auditRoom,
  type FromServer,
  type PublishAnswer,
  type PublishRequest,
  type ServerSetup,
  type ToServer,
} from "./messages.ts";

type Reply = (answer?: unknown) => void;

const setup = JSON.parse(process.argv[2] ?? "{}") as ServerSetup;
const httpServer = http.createServer();
const io = await createServer();

async function createServer(): Promise<HoldfastServer> {
  const common = {
    pingInterval: setup.pingIntervalMs,
    pingTimeout: setup.pingTimeoutMs,
    serveClient: false,
  };
  if (setup.target === "socket.io") {
    const options = { ...common, connectionStateRecovery: { skipMiddlewares: true } };
    const { Server: OriginalServer } = await import("socket.io");
    return new OriginalServer(httpServer, options) as unknown as HoldfastServer;
  }
  return new HoldfastServer(httpServer, {
    ...common,
    store: setup.folder,
    durability: setup.durability,
    offsets: setup.offsets,
    failFast: setup.failFast ?? true,
    identify: (socket: Socket) => socket.handshake.auth["device"],
  });
}

// --- the handlers ---

function serve(nsp: Namespace): void {
  nsp.on("connection", (socket) => {
    // The original forgets the rooms of whoever comes back after a restart: its clients bring them along.
    if (setup.target === "socket.io") void socket.join(socket.handshake.auth["rooms"] ?? []);
    socket.on("join", async (room: string, reply: Reply) => {
      await socket.join(room);
      reply();
    });
    socket.on("leave", async (room: string, reply: Reply) => {
      await socket.leave(room);
      reply();
    });
    socket.on("publish", async (request: PublishRequest, reply: Reply) => {
      reply(await publish(nsp, socket, request));
    });
    if (setup.effectsFile !== undefined) payOnce(socket, setup.effectsFile);
  });
}

/** A handler whose effect is a line of a file, which is there before anything else happens. */
function payOnce(socket: Socket, file: string): void {
  const once = ({ id }: { id: string }) => id;
  socket.on("pay", { once }, async ({ id, hangs }: { id: string; hangs: boolean }) => {
    const attempt = socket.onceAttempt;
    appendFileSync(file, `${JSON.stringify([id, attempt])}\n`);
    if (hangs) await new Promise(() => undefined);
    return { receipt: id, attempt };
  });
}

/** The part of the API that is used here, of the server and of a socket. */
interface Target {
  emit(event: string, ...args: unknown[]): boolean;
  publish(event: string, ...args: unknown[]): Promise<Result>;
}

interface Result {
  readonly position: string;
  readonly duplicate: boolean;
  readonly durability: string;
}

async function publish(
  nsp: Namespace,
  socket: Socket,
  request: PublishRequest,
): Promise<PublishAnswer> {
  const { mid, rooms, hash, content, binary, trailing, how } = request;
  const event = { mid, hash, content: binary ? Buffer.from(content) : content };
  const args: unknown[] = trailing ? [event, "ends in a string"] : [event];
  const from = how === "publish-others" ? socket : nsp;
  const target = from.to([...rooms]) as unknown as Target;
  if (how === "emit") {
    keepForOriginal(nsp, mid, hash);
    target.emit("event", ...args);
    return { ok: false, code: "emitted" };
  }
  if (setup.target === "socket.io") return publishForOriginal(nsp, target, mid, args);
  try {
    const options = how === "publish-others" ? { id: mid, by: socket } : { id: mid };
    const { position, duplicate, durability } = await target.publish("event", ...args, options);
    return { ok: true, position, duplicate, durability };
  } catch (error) {
    const { code, retryAfterMs } = error as { code?: string; retryAfterMs?: number };
    if (code === undefined) throw error;
    return { ok: false, code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
}

// --- what an application of the original would do ---

const kept = new Map<string, Map<string, number>>();
const keptFile = join(setup.folder, "kept.jsonl");

function keepForOriginal(nsp: Namespace, mid: string, hash: string): number {
  const ofNamespace = kept.get(nsp.name) ?? new Map<string, number>();
  kept.set(nsp.name, ofNamespace);
  const known = ofNamespace.get(mid);
  if (known !== undefined || setup.target !== "socket.io") return known ?? 0;
  const offset = ofNamespace.size + 1;
  ofNamespace.set(mid, offset);
  const line = { kind: "entry", stream: nsp.name, offset, position: `${offset}`, mid, hash };
  appendFileSync(keptFile, `${JSON.stringify({ at: 0, ...line })}\n`);
  return offset;
}

function publishForOriginal(
  nsp: Namespace,
  target: Target,
  mid: string,
  args: readonly unknown[],
): PublishAnswer {
  const duplicate = kept.get(nsp.name)?.has(mid) === true;
  const { hash } = args[0] as { hash: string };
  const position = `${keepForOriginal(nsp, mid, hash)}`;
  if (!duplicate) target.emit("event", ...args);
  return { ok: true, position, duplicate, durability: setup.durability };
}

function readKept(): void {
  if (setup.target !== "socket.io") return;
  mkdirSync(setup.folder, { recursive: true });
  if (!existsSync(keptFile)) return;
  for (const text of readFileSync(keptFile, "utf8").split("\n")) {
    if (text === "") continue;
    const { stream, mid, offset } = JSON.parse(text);
    kept.set(stream, (kept.get(stream) ?? new Map()).set(mid, offset));
  }
}

// --- what the tests ask for ---

async function answer(message: ToServer): Promise<FromServer> {
  if (message.type === "dump") {
    if (setup.target === "socket.io") appendFileSync(message.file, readFileSync(keptFile));
    else await dumpJournal(io, setup.namespaces, message.file);
    return { type: "dumped" };
  }
  if (message.type === "memory") {
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { type: "memory", rss, held: heapUsed + external };
  }
  await flood(message);
  return { type: "flooded" };
}

const floodBatch = 500;

/** As an application does it that awaits its publishes, a batch at a time. */
async function flood({ room, count, bytes }: ToServer & { type: "flood" }): Promise<void> {
  const content = "x".repeat(bytes);
  const hash = hashOf(content);
  const target = io.to([room, auditRoom]) as unknown as Target;
  for (let sent = 0; sent < count; sent += floodBatch) {
    const batch = Array.from({ length: Math.min(floodBatch, count - sent) }, async (_, i) => {
      const event = { mid: `${sent + i}`, hash, content };
      if (setup.target === "holdfast") await target.publish("event", event);
      else target.emit("event", event);
    });
    await Promise.all(batch);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function tell(message: FromServer): void {
  process.send?.(message);
}

readKept();
for (const name of setup.namespaces) serve(io.of(name));
process.on("message", (message) => void answer(message as ToServer).then(tell));
// Whoever started it is gone: nobody would end it.
process.on("disconnect", () => process.exit());
// A server that is ready has read its journal.
if (setup.target === "holdfast") {
  for (const name of setup.namespaces) await io.of(name).room(auditRoom).position();
}
httpServer.listen(0, "127.0.0.1", () => {
  const address = httpServer.address();
  if (address === null || typeof address === "string") throw new Error("not on a port");
  tell({ type: "ready", port: address.port });
});
