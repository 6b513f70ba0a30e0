/**
 * Much that is read at once, from memory. Goal: everybody else has a turn between its pages. Method: turns of the event
 * loop are counted while it is read.
 */
import { expect, it } from "vitest";
import { collect, next, nextSocket, start, stock, until } from "../../support/clients.ts";
import { away, marked, reconnecting } from "../../support/durable.ts";

const count = 10_000;

/** @returns what stops it, and gives how many turns there were */
function countTurns(): () => number {
  let turns = 0;
  let counting = true;
  const turn = () => {
    turns++;
    if (counting) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    counting = false;
    return turns;
  };
}

it("history() leaves turns between its pages", async () => {
  const { io } = await start({ store: "memory" }, "holdfast");
  for (let n = 1; n < count; n++) io.to("room").emit("n", n);
  await io.to("room").publish("n", count);
  const turns = countTurns();
  let entries = 0;
  for await (const _entry of io.room("room").history()) entries++;
  // A page has at most 500.
  expect(turns()).toBeGreaterThanOrEqual(count / 500);
  expect(entries).toBe(count);
});

it("a client that has missed much leaves turns between the pages", async () => {
  const { io, url } = await start({ store: "memory" }, "holdfast");
  const serverSide = nextSocket(io);
  const client = stock({ url }, "/", reconnecting);
  const heard = collect(client, "n");
  const [socket] = await Promise.all([serverSide, next(client, "connect")]);
  await socket.join("room");
  io.to("room").emit("n", 0);
  await marked(socket, client);
  let turns = () => 0;
  const back = await away(io, client, async () => {
    for (let n = 1; n <= count; n++) io.to("room").emit("n", n);
    await io.publish("other");
    io.once("connection", () => {
      turns = countTurns();
    });
  });
  await back.resume.done;
  // A page has at most 2,000, and the first comes at once.
  expect(turns()).toBeGreaterThanOrEqual(count / 2_000 - 2);
  await until(() => heard.length === count + 1, "all that was missed");
  expect(heard.map(([n]) => n)).toEqual(Array.from({ length: count + 1 }, (_, n) => n));
});
