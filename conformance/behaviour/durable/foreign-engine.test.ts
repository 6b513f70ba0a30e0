/** The engine of npm engine.io under a server with a store: no ping of ours proves anything there. */
import http from "node:http";
import { Server as EngineServer } from "engine.io";
import { Server } from "holdfast";
import { expect, it } from "vitest";
import { closeWithTest, collect, listen, pair, until } from "../../support/clients.ts";
import { away, numbers, reconnecting } from "../../support/durable.ts";

it("a client that comes back soon after an event gets the next one", async () => {
  const httpServer = http.createServer();
  const engine = new EngineServer();
  engine.attach(httpServer, { path: "/foreign" });
  const io = new Server({ store: "memory" });
  closeWithTest(io);
  io.bind(engine as never);
  const port = await listen(httpServer);
  const server = { io, httpServer, port, url: `http://127.0.0.1:${port}` };
  const [socket, client] = await pair(server, "/", { path: "/foreign", ...reconnecting });
  await socket.join("room");
  const heard = collect(client, "n");
  io.to("room").emit("n", 1);
  await until(() => heard.length === 1, "the first event");
  await away(io, client, () => io.to("room").emit("n", 2));
  await until(() => heard.length === 2, "the second event");
  expect(numbers(heard)).toEqual([1, 2]);
});
