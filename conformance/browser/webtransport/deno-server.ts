/**
 * A server in Deno, which has what Node lacks: HTTP/3 with WebTransport. The built package serves polling over TCP, and
 * sessions from the UDP port of the same number. It says in lines of JSON on its output what happens to its sockets.
 *
 * Arguments: the files of a certificate and of its key.
 */
import { readFileSync } from "node:fs";
import http from "node:http";
import process from "node:process";
import { Server } from "holdfast";

/** The part of Deno's interface that is used here; its own types are not installed. */
declare const Deno: {
  readonly QuicEndpoint: new (options: {
    hostname: string;
    port: number;
  }) => {
    listen(options: { cert: string; key: string; alpnProtocols: string[] }): AsyncIterable<{
      accept(): Promise<unknown>;
    }>;
  };
  upgradeWebTransport(connection: unknown): Promise<{ readonly ready: Promise<unknown> }>;
};

const tell = (line: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(line)}\n`);
const [certFile = "", keyFile = ""] = process.argv.slice(2);
const hostname = "127.0.0.1";

const httpServer = http.createServer((_request, response) => {
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><title>page</title>");
});
const io = new Server(httpServer, {
  transports: ["polling", "webtransport"],
  pingInterval: 1000,
  pingTimeout: 2000,
});

io.on("connection", (socket) => {
  tell({ connected: socket.id, transport: socket.conn.transport.name });
  socket.conn.on("upgrade", (transport: { name: string }) => tell({ upgraded: transport.name }));
  socket.on("echo", (value: unknown, ack: (value: unknown) => void) => ack(value));
  socket.on("kind", (value: unknown, ack: (kind: string) => void) => {
    ack(Buffer.isBuffer(value) ? `Buffer ${value.toString("hex")}` : typeof value);
  });
  socket.on("ask me", async (ack: (answer: unknown) => void) => {
    ack(await socket.timeout(5000).emitWithAck("question", Buffer.of(1, 2, 3), "text"));
  });
  socket.on("send me away", () => socket.disconnect(true));
  socket.on("disconnect", (reason) => tell({ disconnected: socket.id, reason }));
});

async function serveSessions(port: number): Promise<void> {
  const endpoint = new Deno.QuicEndpoint({ hostname, port });
  const listener = endpoint.listen({
    cert: readFileSync(certFile, "utf8"),
    key: readFileSync(keyFile, "utf8"),
    alpnProtocols: ["h3"],
  });
  tell({ port });
  for await (const incoming of listener) {
    acceptSession(incoming).catch((error) => tell({ failed: String(error) }));
  }
}

async function acceptSession(incoming: { accept(): Promise<unknown> }): Promise<void> {
  const session = await Deno.upgradeWebTransport(await incoming.accept());
  await session.ready;
  await io.engine.onWebTransportSession(session);
}

// The program of the npm package may be a wrapper: a signal would end that alone.
process.stdin.on("end", () => process.exit()).resume();

httpServer.listen(0, hostname, () => {
  const address = httpServer.address();
  if (address === null || typeof address === "string") throw new Error("not on a port");
  void serveSessions(address.port);
});
