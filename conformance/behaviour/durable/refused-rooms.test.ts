/** Rooms that a session may not be in any more: nothing of them follows, also not what it was owed, or missed before. */
import { expect, it } from "vitest";
import {
  collect,
  next,
  nextSocket,
  pair,
  type Running,
  start,
  stock,
} from "../../support/clients.ts";
import { cut, marked } from "../../support/durable.ts";

/** Lets sessions back into the rooms that are not in `refused`. */
async function startRefusing(refused: Set<string>): Promise<Running> {
  return start({
    store: "memory",
    identify: (socket) => socket.handshake.auth["name"],
    authorizeRoom: (_socket, room) => !refused.has(room),
  });
}

const ann = { auth: { name: "ann" } };

it("gives no older events of a refused room that were owed", async () => {
  const refused = new Set<string>();
  const server = await startRefusing(refused);
  server.io.to("room").emit("n", 1);
  const [socket, client] = await pair(server, "/", ann);
  const gone = next(socket, "disconnect");
  const joined = socket.join("room", "start");
  cut(client);
  await Promise.all([joined, gone]);
  refused.add("room");
  const back = stock(server, "/", ann);
  const heard = collect(back, "n");
  const [again] = await Promise.all([nextSocket(server.io), next(back, "connect")]);
  await marked(again, back);
  expect(heard).toEqual([]);
});

it("gives nothing of a refused room from before it was left for a while", async () => {
  const refused = new Set<string>();
  const server = await startRefusing(refused);
  const [socket, client] = await pair(server, "/", ann);
  await socket.join("room");
  await marked(socket, client);
  const gone = next(socket, "disconnect");
  cut(client);
  await gone;
  server.io.to("room").emit("n", 1);
  server.io.in(socket.id).socketsLeave("room");
  server.io.in(socket.id).socketsJoin("room");
  refused.add("room");
  const back = stock(server, "/", ann);
  const heard = collect(back, "n");
  const [again] = await Promise.all([nextSocket(server.io), next(back, "connect")]);
  await marked(again, back);
  expect(heard).toEqual([]);
});
