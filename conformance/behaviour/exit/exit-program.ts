/**
 * A server that lets go of everything, one way or another, and prints as JSON what still keeps the process alive. Then it
 * does nothing more. Bundled and started by exit.test.ts.
 */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type ServerOptions } from "holdfast";
import { io as connectStock, type Socket as StockSocket } from "socket.io-client";

export interface ExitSetup {
  readonly options: Partial<ServerOptions>;
  /** close: `io.close()`. drain: `io.drain()`, then that. http: only the HTTP server is closed. */
  readonly end: "close" | "drain" | "http";
  readonly transports: readonly string[];
}

const { options, end, transports } = JSON.parse(process.argv[2] ?? "") as ExitSetup;
const httpServer = http.createServer();
const io = new Server(httpServer, options);
await new Promise<void>((resolve) => httpServer.listen(0, "127.0.0.1", resolve));
const { port } = httpServer.address() as AddressInfo;

const clients: StockSocket[] = [];
for (const transport of transports) {
  const arrives = new Promise<void>((resolve) => {
    io.once("connection", async (socket) => {
      await socket.join("room");
      socket.data = { at: Date.now() };
      resolve();
    });
  });
  const url = `http://127.0.0.1:${port}`;
  clients.push(connectStock(url, { transports: [transport], reconnection: false, forceNew: true }));
  await arrives;
}
io.to("room").emit("n", 1);
if (io.store !== undefined) {
  await io.publish("n", 2, { id: "two" });
  await io.timeout(60_000).to("nobody").emitWithAck("n", 3);
}
// One leaves a session behind, which is looked after until it expires.
clients[0]?.io.engine.close();
await new Promise((resolve) => setTimeout(resolve, 50));

if (end === "drain") await io.drain({ over: "1h" });
if (end === "http") {
  for (const client of clients) client.close();
  httpServer.closeAllConnections();
  await new Promise((resolve) => httpServer.close(resolve));
} else {
  await io.close();
}
for (const client of clients) client.close();
await new Promise((resolve) => setTimeout(resolve, 50));
const left = process.getActiveResourcesInfo().filter((name) => !/^(Pipe|TTY)/.test(name));
process.stdout.write(`${JSON.stringify(left)}\n`);
