/** The pid of another who comes back while it is being asked whose it is: nothing of his goes to who brought it. */
import { expect, it } from "vitest";
import {
  collect,
  inside,
  next,
  nextSocket,
  pair,
  start,
  stock,
  until,
} from "../../support/clients.ts";
import { away, marked, reconnecting } from "../../support/durable.ts";

it("gives no rooms and no events of one who comes back meanwhile (I20)", async () => {
  let answer: (name: string) => void = () => undefined;
  const asked = new Promise<string>((resolve) => {
    answer = resolve;
  });
  let waits = false;
  const server = await start({
    store: "memory",
    identify: (socket) => {
      const { name } = socket.handshake.auth;
      if (name !== "eve") return name;
      waits = true;
      return asked;
    },
  });
  const { io } = server;
  const [ann, client] = await pair(server, "/", { auth: { name: "ann" }, ...reconnecting });
  await ann.join("secret");
  const { _pid: pid } = inside<{ _pid: string }>(client);
  const thief = stock(server, "/", { auth: { name: "eve", pid }, autoConnect: false });
  const heard = collect(thief, "n");
  await away(io, client, async () => {
    thief.connect();
    await until(() => waits, "it is asked who brought the pid");
  });
  const came = nextSocket(io);
  const connected = next(thief, "connect");
  answer("eve");
  const [eve] = await Promise.all([came, connected]);
  io.to("secret").emit("n", 1);
  await marked(eve, thief);
  expect(heard).toEqual([]);
  expect(eve.rooms.has("secret")).toBe(false);
});
