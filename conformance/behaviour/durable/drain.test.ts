/** A server that another takes over from: nobody misses anything, and nothing ends unknown (SEMANTICS 10, I19). */
import http from "node:http";
import { Server } from "holdfast";
import { expect, it } from "vitest";
import {
  closeWithTest,
  collect,
  failureOf,
  fetchRaw,
  next,
  nextSocket,
  pair,
  pairs,
  portOf,
  RawWebSocket,
  start,
  stock,
  until,
  within,
} from "../../support/clients.ts";
import { marked } from "../../support/durable.ts";
import { newFolder } from "../../support/folder.ts";

it("tells clients, and sends them away one after the other", async () => {
  const server = await start({ store: "memory" }, "holdfast");
  const all = await pairs(server, 4);
  const told = all.map(([, client]) => collect(client, "hf:draining"));
  const gone = all.map(([, client]) => next(client, "disconnect"));
  const left: number[] = [];
  for (const [socket] of all) {
    socket.on("disconnect", () => left.push(server.io.sockets.sockets.size));
  }
  expect(server.io.draining).toBe(false);
  const drained = server.io.drain({ over: 200 });
  expect(server.io.draining).toBe(true);
  expect(server.io.drain()).toBe(drained);
  await within(drained, "the server to drain");
  expect(left).toEqual([3, 2, 1, 0]);
  expect(told).toEqual(all.map(() => [[{ over: 200 }]]));
  // With this reason stock clients come back by themselves.
  expect((await Promise.all(gone)).map(([reason]) => reason)).toEqual(
    all.map(() => "transport close"),
  );
  expect(server.io.engine.clientsCount).toBe(0);
  await server.io.close();
});

it.each([1, 3])(
  "tells each of %d clients, also while events are on their way to the disk",
  async (count) => {
    const server = await start({ store: newFolder() }, "holdfast");
    const all = await pairs(server, count);
    const told = all.map(([, client]) => collect(client, "hf:draining"));
    const events = all.map(([, client]) => collect(client, "n"));
    for (let n = 0; n < 20; n++) server.io.emit("n", n);
    const gone = all.map(([, client]) => next(client, "disconnect"));
    await within(server.io.drain({ over: 50 }), "the server to drain");
    await Promise.all(gone);
    expect(told).toEqual(all.map(() => [[{ over: 50 }]]));
    expect(events.map((got) => got.length)).toEqual(all.map(() => 20));
  },
);

it("refuses new connections with 503, and goes on with those it has", async () => {
  const server = await start({ store: "memory" }, "holdfast");
  const [socket, client] = await pair(server);
  const [second] = await pair(server);
  socket.on("ask", (answer: (text: string) => void) => answer("yes"));
  second.on("ask", (answer: (text: string) => void) => answer("yes"));
  const gone = next(client, "disconnect");
  const drained = server.io.drain({ over: 2000 });
  await gone;
  const answer = await fetchRaw(`${server.url}/socket.io/?EIO=4&transport=polling`);
  expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "2"]);
  expect(await RawWebSocket.dial(server).finished()).toMatch(/^refused 503/);
  expect(server.io.engine.refusals.get("HF_DRAINING")).toBe(2);
  expect(second.connected).toBe(true);
  second.disconnect(true);
  // Nobody is left to wait for.
  await within(drained, "the server to drain", 1500);
});

it("takes what is published until the last client has gone, and loses nothing of it (I19)", async () => {
  const folder = newFolder();
  const startOn = async (port: number) => {
    const httpServer = http.createServer();
    const io = new Server(httpServer, { store: folder });
    closeWithTest(io);
    await new Promise<void>((resolve) => httpServer.listen(port, "127.0.0.1", resolve));
    return { io, port: portOf(httpServer) };
  };
  const first = await startOn(0);
  const serverSide = nextSocket(first.io);
  const url = `http://127.0.0.1:${first.port}`;
  const options = { reconnection: true, reconnectionDelay: 5, reconnectionDelayMax: 50 };
  const client = stock({ url }, "/", options);
  const heard = collect(client, "n");
  const [socket] = await Promise.all([serverSide, next(client, "connect")]);
  await socket.join("room");
  await pair({ ...first, url, httpServer: http.createServer() });

  const codes = new Set<string | undefined>();
  const kept: number[] = [];
  let ended = false;
  const publishing = (async () => {
    for (let n = 1; !ended; n++) {
      const failed = first.io
        .to("room")
        .publish("n", n)
        .then(
          () => void kept.push(n),
          (error: Error & { code?: string }) => void codes.add(error.code),
        );
      if (n % 10 === 0) await Promise.all([failed, new Promise(setImmediate)]);
    }
  })();
  await first.io.drain({ over: 1200 });
  const during = kept.length;
  expect((await failureOf(() => first.io.publish("n", 0))).code).toBe("HF_DRAINING");
  const refused = next(first.io, "emit_refused");
  first.io.to("room").emit("n", 0);
  expect((await refused)[0]).toMatchObject({ code: "HF_DRAINING", rooms: ["room"] });
  ended = true;
  await publishing;
  expect(kept.length).toBe(during);
  expect(during).toBeGreaterThan(10);
  expect([...codes]).toEqual(["HF_DRAINING"]);
  await first.io.close();

  const second = await startOn(first.port);
  const again = await nextSocket(second.io);
  await marked(again, client);
  expect(heard.map(([n]) => n)).toEqual(kept);
  expect(client.recovered).toBe(true);
});

it("waits for handlers with once, and takes what they publish", async () => {
  const server = await start({ store: "memory" }, "holdfast");
  const [socket, client] = await pair(server);
  let published: Promise<unknown> | undefined;
  const begun = new Promise<void>((resolve) => {
    socket.on("pay", { once: (id: string) => id }, async () => {
      resolve();
      await next(socket, "disconnect");
      published = server.io.publish("paid", 1);
      await published;
      return "paid";
    });
  });
  client.emit("pay", "a", () => {});
  await begun;
  await within(server.io.drain({ over: 0 }), "the server to drain");
  expect(await published).toMatchObject({ duplicate: false });
});

it("refuses what is for namespaces that are made while it drains, and afterwards", async () => {
  const server = await start({ store: "memory" }, "holdfast");
  const { io } = server;
  const [socket, client] = await pair(server);
  const taken: unknown[] = [];
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  socket.on("pay", { once: (id: string) => id }, async () => {
    const gone = next(socket, "disconnect");
    begin();
    await gone;
    // Nobody is left but this handler.
    await new Promise((resolve) => setImmediate(resolve));
    taken.push(await io.of("/meanwhile").publish("n", 1));
  });
  client.emit("pay", "a", () => {});
  await begun;
  await within(io.drain({ over: 0 }), "the server to drain");
  expect(taken).toHaveLength(1);
  const refused = collect(io, "emit_refused");
  for (const name of ["/meanwhile", "/afterwards"]) {
    expect((await failureOf(() => io.of(name).publish("n", 2))).code).toBe("HF_DRAINING");
    io.of(name).emit("n", 3);
  }
  await until(() => refused.length === 2, "both are refused");
  expect(refused).toMatchObject([[{ code: "HF_DRAINING" }], [{ code: "HF_DRAINING" }]]);
});

it("works without a store, without clients, and without a server to listen", async () => {
  const plain = await start({}, "holdfast");
  const [, client] = await pair(plain);
  const told = next(client, "hf:draining");
  await plain.io.drain({ over: 0 });
  expect(await told).toEqual([{ over: 0 }]);
  await new Server().drain({ over: "1h" });
  const error = await failureOf(() => new Server().drain({ over: "soon" }));
  expect(error.code).toBe("HF_OPTION_INVALID");
});
