/** Middlewares: of a namespace (who may connect), of a socket (which events pass). */
import { describe, expect, it } from "vitest";
import {
  collect,
  inside,
  next,
  nextSocket,
  pair,
  RawWebSocket,
  roundTrip,
  start,
  stock,
  until,
} from "../../support/clients.ts";

describe("use() of a namespace", () => {
  it("runs in order, each after the one before called next", async () => {
    const server = await start();
    const order: number[] = [];
    server.io
      .use((_socket, nextFn) => {
        order.push(1);
        setImmediate(nextFn);
      })
      .use((_socket, nextFn) => {
        order.push(2);
        nextFn();
      });
    server.io.on("connection", () => order.push(3));
    await pair(server);
    expect(order).toEqual([1, 2, 3]);
  });

  it("gets the socket before it is connected: handshake, id, data, join", async () => {
    const server = await start();
    server.io.use((socket, nextFn) => {
      expect(socket.connected).toBe(false);
      expect(socket.handshake.auth).toEqual({ token: "abc" });
      socket.data.checked = true;
      nextFn();
    });
    const [socket] = await pair(server, "/", { auth: { token: "abc" } });
    expect(socket.data).toEqual({ checked: true });
  });

  it("is per namespace", async () => {
    const server = await start();
    const ran: string[] = [];
    server.io.use((_socket, nextFn) => {
      ran.push("/");
      nextFn();
    });
    server.io.of("/x").use((_socket, nextFn) => {
      ran.push("/x");
      nextFn();
    });
    await pair(server, "/x");
    expect(ran).toEqual(["/x"]);
  });

  it("the error's message and data reach the client", async () => {
    const server = await start();
    server.io.of("/x").use((_socket, nextFn) => {
      nextFn(Object.assign(new Error("no entry"), { data: { code: "E_NO", list: [1] } }));
    });
    const connections = collect(server.io.of("/x"), "connection");
    const raw = await RawWebSocket.open(server);
    expect(await raw.join("/x")).toBe(
      '44/x,{"message":"no entry","data":{"code":"E_NO","list":[1]}}',
    );
    const client = stock(server, "/x");
    const [error] = await next(client, "connect_error");
    expect((error as Error).message).toBe("no entry");
    expect(inside<{ data: unknown }>(error).data).toEqual({ code: "E_NO", list: [1] });
    expect(connections).toEqual([]);
  });

  it("without data the packet has the message alone", async () => {
    const server = await start();
    server.io.use((_socket, nextFn) => nextFn(new Error("no")));
    const raw = await RawWebSocket.open(server);
    expect(await raw.join()).toBe('44{"message":"no"}');
  });

  it("an error ends the chain; the connection stays open and may try again", async () => {
    const server = await start();
    let tries = 0;
    const second: number[] = [];
    server.io.use((_socket, nextFn) => nextFn(tries++ === 0 ? new Error("first time") : undefined));
    server.io.use((_socket, nextFn) => {
      second.push(tries);
      nextFn();
    });
    const raw = await RawWebSocket.open(server);
    expect(await raw.join()).toBe('44{"message":"first time"}');
    expect(second).toEqual([]);
    expect(await raw.join()).toMatch(/^40\{/);
    expect(second).toEqual([2]);
  });

  it("a socket that never gets next() is never connected, and goes with its connection", async () => {
    const server = await start();
    const held = nextInMiddleware(server);
    const raw = await RawWebSocket.open(server);
    await raw.send("40");
    const socket = await held;
    raw.close();
    await until(() => server.io.engine.clientsCount === 0, "the connection is gone");
    expect(socket.socket.connected).toBe(false);
    const connections = collect(server.io, "connection");
    socket.go();
    await new Promise((resolve) => setImmediate(resolve));
    expect(connections).toEqual([]);
    expect(
      inside<{ _preConnectSockets: Map<string, unknown> }>(server.io.sockets)._preConnectSockets
        .size,
    ).toBe(0);
  });

  it("added later counts for later clients", async () => {
    const server = await start();
    await pair(server);
    server.io.use((_socket, nextFn) => nextFn(new Error("closed now")));
    const [error] = await next(stock(server), "connect_error");
    expect((error as Error).message).toBe("closed now");
  });

  it("events that arrive while a middleware waits close the connection", async () => {
    const server = await start();
    const held = nextInMiddleware(server);
    const raw = await RawWebSocket.open(server);
    await raw.send("40", '42["too early"]');
    await held;
    expect(await raw.finished()).toBe("close 1005");
  });
});

/** The socket that waits in a middleware of /, and the function that lets it go on. */
function nextInMiddleware(server: Awaited<ReturnType<typeof start>>) {
  return new Promise<{ socket: import("holdfast").Socket; go: () => void }>((resolve) => {
    server.io.use((socket, nextFn) => resolve({ socket, go: () => nextFn() }));
  });
}

describe("use() of a socket", () => {
  it("sees each event as an array, may change it, and lets it pass", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const seen: unknown[] = [];
    expect(
      socket.use((event, nextFn) => {
        seen.push(event.slice(0, 2));
        event[1] = `${event[1]}!`;
        nextFn();
      }),
    ).toBe(socket);
    socket.on("ev", (arg: string, cb: (arg: string) => void) => cb(arg));
    expect(await roundTrip(client, "ev", "x")).toBe("x!");
    expect(seen).toEqual([["ev", "x"]]);
  });

  it("runs in order; an error ends the chain and fires error on the socket", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const order: unknown[] = [];
    socket.use(([name], nextFn) => {
      order.push(1);
      nextFn(name === "bad" ? new Error("not allowed") : undefined);
    });
    socket.use((_event, nextFn) => {
      order.push(2);
      nextFn();
    });
    socket.on("bad", () => order.push("bad"));
    socket.on("good", (cb: () => void) => cb());
    const failed = next(socket, "error");
    client.emit("bad");
    expect((await failed)[0]).toEqual(new Error("not allowed"));
    await roundTrip(client, "good");
    expect(order).toEqual([1, 1, 2]);
    expect(socket.connected).toBe(true);
  });

  it("without an error listener a refusal crashes nothing", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    socket.use(([name], nextFn) => nextFn(name === "bad" ? new Error("no") : undefined));
    socket.on("good", (cb: () => void) => cb());
    client.emit("bad");
    await roundTrip(client, "good");
  });

  it("may hold an event and let it go later", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const waiting: (() => void)[] = [];
    socket.use(([name], nextFn) => {
      if (name === "slow") waiting.push(nextFn);
      else nextFn();
    });
    const order: string[] = [];
    socket.on("slow", () => order.push("slow"));
    socket.on("fast", (cb: () => void) => {
      order.push("fast");
      cb();
    });
    client.emit("slow");
    await roundTrip(client, "fast");
    const came = next(socket, "slow");
    waiting[0]?.();
    await came;
    expect(order).toEqual(["fast", "slow"]);
  });

  it("the catch-all listeners see an event before it, refused or not", async () => {
    const server = await start();
    const [socket, client] = await pair(server);
    const order: string[] = [];
    socket.onAny((name: string) => order.push(`any ${name}`));
    socket.use(([name], nextFn) => {
      order.push(`use ${name}`);
      nextFn(new Error("no"));
    });
    const failed = next(socket, "error");
    client.emit("ev");
    await failed;
    expect(order).toEqual(["any ev", "use ev"]);
  });
});

it("a client may have its socket refused in one namespace and accepted in another", async () => {
  const server = await start();
  server.io.of("/closed").use((_socket, nextFn) => nextFn(new Error("no")));
  const serverSide = nextSocket(server.io);
  const raw = await RawWebSocket.open(server);
  expect(await raw.join("/closed")).toBe('44/closed,{"message":"no"}');
  await raw.join();
  expect((await serverSide).connected).toBe(true);
});
