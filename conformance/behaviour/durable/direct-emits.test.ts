/** Direct emits with a callback: they are not stored, so the end of the connection is the end of the wait (SEMANTICS 4b). */
import { expect, it } from "vitest";
import { collect, failureOf, next, pair, pass, start } from "../../support/clients.ts";
import { away, cut, reconnecting } from "../../support/durable.ts";

const durable = { store: "memory" };
const hour = 3_600_000;

it("callbacks that take an error get one when the connection ends, and the promise rejects", async () => {
  const server = await start(durable, "holdfast");
  const [socket, client] = await pair(server);
  const called = collect(client, "ask");
  const timed = failureOf(() => socket.timeout(hour).emitWithAck("ask", 1));
  const plain = failureOf(() => socket.emitWithAck("ask", 2));
  const callbacks: unknown[] = [];
  socket.timeout(hour).emit("ask", 3, (...args: unknown[]) => callbacks.push(args));
  // It has no place for an error, as in Socket.IO.
  socket.emit("ask", 4, (...args: unknown[]) => callbacks.push(args));
  await expect.poll(() => called.length).toBe(4);
  const gone = next(socket, "disconnect");
  cut(client);
  await gone;
  const codes = [(await timed).code, (await plain).code];
  expect(codes).toEqual(["HF_CONNECTION_ENDED", "HF_CONNECTION_ENDED"]);
  expect(callbacks).toEqual([[expect.objectContaining({ code: "HF_CONNECTION_ENDED" })]]);
  // Nor does anybody answer who is gone already.
  const late = await failureOf(() => socket.emitWithAck("ask", 5));
  expect(late.code).toBe("HF_CONNECTION_ENDED");
});

it("an answer that has come is the answer, once; a time-out comes in time", async () => {
  const server = await start(durable, "holdfast");
  const [socket, client] = await pair(server, "/", reconnecting);
  client.on("ask", (n: number, answer: (twice: number) => void) => n > 0 && answer(2 * n));
  const callbacks: unknown[] = [];
  socket.timeout(hour).emit("ask", 1, (...args: unknown[]) => callbacks.push(args));
  expect(await socket.emitWithAck("ask", 2)).toBe(4);
  expect(await socket.timeout(hour).emitWithAck("ask", 3)).toBe(6);
  const late = await failureOf(() => socket.timeout(20).emitWithAck("ask", 0));
  expect(late.message).toBe("operation has timed out");
  const again = await away(server.io, client, () => undefined);
  expect(await again.emitWithAck("ask", 4)).toBe(8);
  expect(callbacks).toEqual([[null, 2]]);
});

it("without a store they wait, as in Socket.IO", async () => {
  const server = await start({}, "holdfast");
  const [socket, client] = await pair(server);
  client.on("ask", () => undefined);
  const outcome = failureOf(() => socket.timeout(300).emitWithAck("ask"));
  let over = false;
  void outcome.then(() => {
    over = true;
  });
  const gone = next(socket, "disconnect");
  client.disconnect();
  await gone;
  await pass(50);
  expect(over).toBe(false);
  expect((await outcome).message).toBe("operation has timed out");
});
