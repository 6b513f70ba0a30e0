/**
 * A socket that the server disconnects while it is still given what it had missed: that was emitted before, so it comes,
 * and then the client is told.
 */
import { expect, it } from "vitest";
import { collect, next, nextSocket, pair, start } from "../../support/clients.ts";
import { cut, numbers } from "../../support/durable.ts";

const count = 60;

/** More than a connection takes at once. */
const bulk = "x".repeat(64 * 1024);

it.each([
  ["websocket", false],
  ["websocket", true],
  ["polling", false],
  ["polling", true],
] as const)("has all of it, and is told: %s, close: %s", async (transport, close) => {
  const server = await start({ store: "memory" });
  const [socket, client] = await pair(server, "/", { transports: [transport] });
  await socket.join("room");
  const heard = collect(client, "n");
  const gone = next(socket, "disconnect");
  cut(client);
  await gone;
  for (let n = 0; n < count; n++) server.io.to("room").emit("n", n, bulk);
  const sentAway = next(client, "disconnect");
  const back = nextSocket(server.io);
  client.connect();
  (await back).disconnect(close);
  expect(await sentAway).toEqual(["io server disconnect", undefined]);
  expect(numbers(heard)).toEqual(Array.from({ length: count }, (_, n) => n));
});
