/**
 * A store that was restored from a copy, and its clients (SEMANTICS 5a). Goal: a client that has seen more than the copy has
 * is told, and is given all that is new, however much that is by then: the offsets of the copy mean other events. Method: a
 * copy of a server that is closed, or of one that runs; the client sees more; the copy gets more than that, in one life or
 * several, before the client is back.
 */
import http from "node:http";
import { Server } from "holdfast";
import { expect, it } from "vitest";
import { closeWithTest, next, nextSocket, portOf, stock } from "../../support/clients.ts";
import { marked } from "../../support/durable.ts";
import { copyStore, newFolder } from "../../support/folder.ts";

async function startOn(store: string, port: number): Promise<{ io: Server; port: number }> {
  const httpServer = http.createServer();
  const io = new Server(httpServer, { store });
  closeWithTest(io);
  await io.ready;
  await new Promise<void>((resolve) => httpServer.listen(port, "127.0.0.1", resolve));
  return { io, port: portOf(httpServer) };
}

async function publish(io: Server, text: string, count: number): Promise<string[]> {
  const all = Array.from({ length: count }, (_, index) => `${text} ${index}`);
  for (const n of all) await io.to("room").publish("n", n);
  return all;
}

it.each([
  ["a backup", 0, 1],
  ["a backup", 40, 1],
  ["a backup", 40, 3],
  ["a snapshot", 0, 1],
  ["a snapshot", 40, 1],
  ["a snapshot", 40, 3],
])(
  "%s: a client is told, and given the %i new events of each of %i lives",
  async (copy, count, lives) => {
    const folder = newFolder();
    const copied = `${newFolder()}/copy`;
    let server = await startOn(folder, 0);
    const { port } = server;
    const options = { reconnection: true, reconnectionDelay: 5, reconnectionDelayMax: 20 };
    const serverSide = nextSocket(server.io);
    const client = stock({ url: `http://127.0.0.1:${port}` }, "/", options);
    const heard: string[] = [];
    client.on("n", (n: string) => heard.push(n));
    client.on("hf:gap", ({ reason }: { reason: string }) => heard.push(`gap ${reason}`));
    let [socket] = await Promise.all([serverSide, next(client, "connect")]);
    await socket.join("room");
    const seen = await publish(server.io, "shared", 10);
    await marked(socket, client);
    if (copy === "a backup") await server.io.close();
    copyStore(folder, copied);
    if (copy === "a backup") {
      server = await startOn(folder, port);
      socket = await nextSocket(server.io);
    }
    seen.push(...(await publish(server.io, "lost", 10)));
    await marked(socket, client);
    expect(heard).toEqual(seen);

    client.io.reconnection(false);
    await server.io.close();
    const added: string[] = [];
    for (let life = 0; life < lives; life++) {
      if (life > 0) await server.io.close();
      server = await startOn(copied, port);
      added.push(...(await publish(server.io, `new ${life}`, count)));
    }
    const back = nextSocket(server.io);
    client.io.reconnection(true);
    client.connect();
    socket = await back;
    await marked(socket, client);
    const [gap, ...rest] = heard.slice(seen.length);
    expect([gap, socket.resume.kind, client.recovered]).toEqual([
      expect.stringMatching(/^gap (reset|ahead)$/),
      "gap",
      false,
    ]);
    // Events that both have may come again.
    expect(rest.filter((n) => !n.startsWith("shared"))).toEqual(added);
  },
);

it("restarts alone are no copies: a client misses nothing and is told of nothing, wherever it was", async () => {
  const folder = newFolder();
  let server = await startOn(folder, 0);
  const { port } = server;
  const serverSide = nextSocket(server.io);
  const client = stock({ url: `http://127.0.0.1:${port}` }, "/");
  const heard: string[] = [];
  client.on("n", (n: string) => heard.push(n));
  client.on("hf:gap", ({ reason }: { reason: string }) => heard.push(`gap ${reason}`));
  const [socket] = await Promise.all([serverSide, next(client, "connect")]);
  await socket.join("room");
  const all = await publish(server.io, "first", 3);
  await marked(socket, client);
  const { position } = await server.io.to("room").publish("n", "last", { id: "last" });
  await server.io.close();
  all.push("last");
  for (let life = 0; life < 5; life++) {
    server = await startOn(folder, port);
    all.push(...(await publish(server.io, `life ${life}`, life)));
    if (life < 4) await server.io.close();
  }
  const back = nextSocket(server.io);
  client.connect();
  const again = await back;
  await marked(again, client);
  expect([again.resume.kind, client.recovered]).toEqual(["full", true]);
  expect(new Set(heard)).toEqual(new Set(all));
  const history: unknown[] = [];
  const room = server.io.room("room");
  for await (const { args } of room.history({ after: position })) history.push(args[0]);
  expect(history).toEqual(all.slice(4));
  // The position of an event stays what it was.
  for await (const event of room.history())
    if (event.id === "last") expect(event.position).toBe(position);
  const repeat = await server.io.to("room").publish("n", "last", { id: "last" });
  expect([repeat.duplicate, repeat.position]).toEqual([true, position]);
});
