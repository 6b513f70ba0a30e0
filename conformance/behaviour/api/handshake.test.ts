/** socket.handshake: what a server is told about the connection and its client. */
import { describe, expect, it } from "vitest";
import {
  inside,
  next,
  nextSocket,
  pair,
  RawPolling,
  RawWebSocket,
  start,
  stock,
  until,
} from "../../support/clients.ts";

async function handshakeOf(
  server: Awaited<ReturnType<typeof start>>,
  open: () => Promise<RawPolling | RawWebSocket>,
  auth?: unknown,
) {
  const serverSide = nextSocket(server.io);
  const raw = await open();
  await raw.join("/", auth);
  return (await serverSide).handshake;
}

describe.each([
  ["polling", RawPolling],
  ["websocket", RawWebSocket],
] as const)("over %s", (transport, Raw) => {
  it("has headers, url, query and address of the first request", async () => {
    const server = await start();
    const handshake = await handshakeOf(server, () =>
      Raw.open(server, { headers: { "x-custom": "yes" }, query: { token: "a b", list: "1" } }),
    );
    expect(handshake.headers["x-custom"]).toBe("yes");
    expect(handshake.headers.host).toBe(`127.0.0.1:${server.port}`);
    expect(handshake.url).toBe(`/socket.io/?EIO=4&transport=${transport}&token=a+b&list=1`);
    expect({ ...handshake.query }).toEqual({ EIO: "4", transport, token: "a b", list: "1" });
    expect(handshake.address).toBe("127.0.0.1");
  });

  it("query keeps names that an object has of itself, and the last value of a repeated one", async () => {
    const server = await start();
    const path = "/socket.io/?__proto__=1&constructor=2&twice=a&twice=b&empty=";
    const serverSide = nextSocket(server.io);
    const raw = await Raw.open(server, { path });
    await raw.join();
    const { query } = (await serverSide).handshake;
    expect(Object.entries(query)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
      ["twice", "b"],
      ["empty", ""],
      ["EIO", "4"],
      ["transport", transport],
    ]);
  });

  it("time and issued tell when", async () => {
    const server = await start();
    const before = Date.now();
    const handshake = await handshakeOf(server, () => Raw.open(server));
    expect(handshake.issued).toBeGreaterThanOrEqual(before);
    expect(handshake.issued).toBeLessThanOrEqual(Date.now());
    expect(handshake.time).toBeTypeOf("string");
    expect(Math.abs(new Date(handshake.time).getTime() - handshake.issued)).toBeLessThan(1001);
    expect(handshake.time).toBe(String(new Date(handshake.issued)));
  });

  it("secure is false over http; xdomain says whether there is an Origin", async () => {
    const server = await start({ cors: { origin: "http://other.example" } });
    const plain = await handshakeOf(server, () => Raw.open(server));
    expect([plain.secure, plain.xdomain]).toEqual([false, false]);
    const cross = await handshakeOf(server, () =>
      Raw.open(server, { headers: { origin: "http://other.example" } }),
    );
    expect([cross.secure, cross.xdomain]).toEqual([false, true]);
    expect(cross.headers.origin).toBe("http://other.example");
  });

  it.each<[string, unknown, unknown]>([
    ["an object", { token: "abc", n: 1 }, { token: "abc", n: 1 }],
    ["nothing", undefined, {}],
    ["an empty object", {}, {}],
    ["nested values", { a: [1, { b: null }] }, { a: [1, { b: null }] }],
  ])("auth is %s", async (_what, sent, seen) => {
    const server = await start();
    expect((await handshakeOf(server, () => Raw.open(server), sent)).auth).toEqual(seen);
  });
});

it("the stock client's auth arrives, also from a function", async () => {
  const server = await start();
  const [socket] = await pair(server, "/", { auth: { a: 1 } });
  expect(socket.handshake.auth).toEqual({ a: 1 });
  const [second] = await pair(server, "/", { auth: (cb: (data: object) => void) => cb({ b: 2 }) });
  expect(second.handshake.auth).toEqual({ b: 2 });
});

it("auth is per namespace, the rest is per connection", async () => {
  const server = await start();
  server.io.of("/x");
  const raw = await RawWebSocket.open(server, { query: { q: "1" } });
  const root = nextSocket(server.io);
  await raw.join("/", { for: "root" });
  const x = nextSocket(server.io.of("/x"));
  await raw.join("/x", { for: "x" });
  const [first, second] = [(await root).handshake, (await x).handshake];
  expect([first.auth, second.auth]).toEqual([{ for: "root" }, { for: "x" }]);
  expect(first.url).toBe(second.url);
  expect(first.query["q"]).toBe("1");
  expect(second.query["q"]).toBe("1");
});

it("is that of the first request after an upgrade", async () => {
  const server = await start();
  const serverSide = nextSocket(server.io);
  const client = stock(server, "/", { transports: ["polling", "websocket"] });
  await next(client, "connect");
  const socket = await serverSide;
  await until(() => inside<{ upgraded: boolean }>(socket.conn).upgraded, "the upgrade");
  expect(socket.handshake.query["transport"]).toBe("polling");
});
