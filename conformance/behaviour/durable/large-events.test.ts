/**
 * What follows an event that is larger than may wait for a client. Goal: a client that reads gets it in its place, on the
 * connection that it has. Method: a handler that sends a large event and answers behind it, as it would without a store.
 */
import { expect, it } from "vitest";
import {
  collect,
  nextSocket,
  RawPolling,
  RawWebSocket,
  type Running,
  start,
  stock,
  until,
} from "../../support/clients.ts";
import { newFolder } from "../../support/folder.ts";

const large = Buffer.alloc(8_000_000, "x");

const stores = ["memory", "folder"] as const;

async function startWithFiles(store: (typeof stores)[number]): Promise<Running> {
  const server = await start({ store: store === "memory" ? "memory" : newFolder() }, "holdfast");
  server.io.on("connection", (socket) => {
    socket.on("get", (reply: (answer: string) => void) => {
      socket.emit("file", large);
      reply("ok");
      socket.emit("asked", () => undefined);
      socket.emit("kept");
      socket.transient.emit("transient");
    });
  });
  return server;
}

it.each(stores)(
  "an answer behind a large event comes, and the connection stays: %s",
  async (store) => {
    const server = await startWithFiles(store);
    for (const transport of ["websocket", "polling"]) {
      const client = stock(server, "/", { transports: [transport] });
      const ends = collect(client, "disconnect");
      const order: string[] = [];
      client.onAny((event: string) => {
        if (event !== "hf:position") order.push(event);
      });
      for (let n = 1; n <= 3; n++) {
        client.emit("get", (answer: string) => order.push(`answer ${answer}`));
        await until(() => order.includes("kept"), "what follows the answer");
        // A transient one may find the connection full, and is dropped then.
        const stored = order.splice(0).filter((event) => event !== "transient");
        expect(stored).toEqual(["file", "answer ok", "asked", "kept"]);
      }
      expect(ends).toEqual([]);
      client.disconnect();
    }
  },
);

it("more than may wait behind it ends the connection, and nothing that is stored is lost", async () => {
  const server = await start({ store: "memory", highWater: "64KiB" }, "holdfast");
  server.io.on("connection", (socket) => {
    socket.on("get", (reply: (answer: string) => void) => {
      socket.emit("file", large);
      reply("x".repeat(40_000));
      socket.emit("asked", "x".repeat(40_000), () => undefined);
    });
  });
  const client = stock(server, "/", { reconnection: true, reconnectionDelay: 5 });
  const files = collect(client, "file");
  const ends = collect(client, "disconnect");
  await until(() => client.connected, "the client to connect");
  client.emit("get", () => undefined);
  await until(() => ends.length > 0 && files.length > 0, "the end, and the event");
  expect(ends[0]?.[0]).toBe("transport close");
});

it("what waited for room while a connection moved to another transport comes at once, not with the next ping", async () => {
  const server = await start({ store: "memory" }, "holdfast");
  const connected = nextSocket(server.io);
  const polling = await RawPolling.open(server);
  await polling.join();
  const socket = await connected;
  const upgrade = RawWebSocket.dial(server, { query: { sid: polling.open.sid } });
  await upgrade.opened();
  await upgrade.send("2probe");
  await upgrade.until("3probe");
  // While it is asked about the new transport it does not poll.
  socket.emit("file", "x".repeat(600_000));
  await server.io.to(socket.id).publish("next", 1);
  await server.io.to(socket.id).publish("next", 2);
  await upgrade.send("5");
  await upgrade.until('42["next",2');
});
