/** What a server leaves out is counted: `io.counters` (SEMANTICS 2 and 9). */
import { expect, it } from "vitest";
import {
  collect,
  inside,
  next,
  nextSocket,
  pair,
  pass,
  RawPolling,
  start,
} from "../../support/clients.ts";

it.each([[undefined], ["memory"]])("volatile events, store: %s", async (store) => {
  const server = await start(store === undefined ? {} : { store }, "holdfast");
  const serverSide = nextSocket(server.io);
  const raw = await RawPolling.open(server);
  await raw.join();
  // Between two polls nothing can leave at once.
  const socket = await serverSide;
  const { counters } = server.io;
  expect(counters).toEqual({ volatileDropped: 0, transientDropped: 0, emitsRefused: 0 });
  socket.volatile.emit("n", 1);
  server.io.volatile.emit("n", 2);
  expect(counters.volatileDropped).toBe(2);
  // One for each client: this one could take it.
  const [, client] = await pair(server);
  const heard = collect(client, "n");
  server.io.volatile.emit("n", 3);
  await expect.poll(() => heard).toEqual([[3]]);
  expect(counters).toEqual({ volatileDropped: 3, transientDropped: 0, emitsRefused: 0 });
});

it("transient events above highWater: each is given or counted", async () => {
  const server = await start({ store: "memory", highWater: "64KiB" }, "holdfast");
  const [socket, client] = await pair(server);
  const heard = collect(client, "t");
  const { transport } = inside<{
    transport: { ws: { _socket: { pause(): void; resume(): void } } };
  }>(client.io.engine);
  const tcp = transport.ws._socket;
  tcp.pause();
  const count = 400;
  for (let n = 0; n < count; n++) {
    socket.transient.emit("t", n, "x".repeat(64 * 1024));
    if (n % 10 === 0) await pass(1);
  }
  const end = next(client, "end");
  socket.emit("end");
  tcp.resume();
  await end;
  const { transientDropped } = server.io.counters;
  expect(transientDropped).toBeGreaterThan(0);
  expect(heard.length + transientDropped).toBe(count);
  expect(socket.connected).toBe(true);
});
