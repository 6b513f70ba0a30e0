// Goal: each fault is what it says, and nothing else: the durability tests believe what this proxy does.
// Method: plain TCP on both sides, and what each side has seen is compared to the byte.
import { EventEmitter, once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { until, within } from "./clients.ts";
import { type FaultLink, FaultProxy, healthy } from "./fault-proxy.ts";

/** One end of a connection and what it has seen. */
class End {
  readonly socket: Socket;
  readonly segments: Buffer[] = [];
  ended: "fin" | "reset" | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => this.segments.push(bytes));
    socket.on("end", () => {
      this.ended ??= "fin";
    });
    socket.on("error", () => {
      this.ended = "reset";
    });
    onTestFinished(() => void socket.destroy());
  }

  get text(): string {
    return Buffer.concat(this.segments).toString("latin1");
  }

  async hears(text: string): Promise<void> {
    await until(() => this.text === text, `it hears ${JSON.stringify(text)}, not ${this.text}`);
  }

  async ends(how: "fin" | "reset"): Promise<void> {
    await until(() => this.ended !== undefined, `the end by ${how}`);
    expect(this.ended).toBe(how);
  }
}

interface Stage {
  readonly proxy: FaultProxy;
  open(): Promise<{ client: End; server: End; link: FaultLink }>;
}

async function stage(): Promise<Stage> {
  const servers = new EventEmitter();
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    servers.emit("end", new End(socket));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  onTestFinished(() => void listener.close());
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("not on a port");
  const proxy = await FaultProxy.start(address.port);
  onTestFinished(() => proxy.close());
  return {
    proxy,
    async open() {
      const accepted = once(servers, "end") as Promise<[End]>;
      const linked = proxy.nextLink();
      const client = new End(connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true }));
      const [[server], link] = await within(Promise.all([accepted, linked]), "a connection");
      return { client, server, link };
    },
  };
}

/** Goes there and back, so that what was sent before on the same way would have arrived. */
async function roundTrip(from: End, to: End): Promise<void> {
  from.socket.write("?");
  await until(() => to.text.endsWith("?"), "a question arrives");
  to.socket.write("!");
  await until(() => from.text.endsWith("!"), "an answer arrives");
}

it("passes bytes and orderly ends both ways, each on its own", async () => {
  const { open } = await stage();
  const { client, server, link } = await open();
  client.socket.end("one");
  await server.hears("one");
  await server.ends("fin");
  server.socket.write("two");
  await client.hears("two");
  expect(client.ended).toBeUndefined();
  server.socket.end();
  await client.ends("fin");
  await within(link.closed, "the end of the connection");
});

it("passes a reset on as a reset", async () => {
  const { open } = await stage();
  const { client, server } = await open();
  await roundTrip(client, server);
  client.socket.resetAndDestroy();
  await server.ends("reset");
});

it.each(["toServer", "toClient"] as const)(
  "blackholes %s only, and goes on after it",
  async (direction) => {
    const { open } = await stage();
    const { client, server, link } = await open();
    const [sender, receiver] = direction === "toServer" ? [client, server] : [server, client];
    link.shape({ blackhole: true }, direction);
    sender.socket.end("held");
    await link[direction].until((flow) => flow.received === 4, "the proxy has it");
    receiver.socket.write("other way");
    await sender.hears("other way");
    expect([receiver.text, receiver.ended]).toEqual(["", undefined]);
    link.shape(healthy);
    await receiver.hears("held");
    await receiver.ends("fin");
  },
);

it("keeps no more than its share of a blackholed flow: the sender feels it", async () => {
  const { open } = await stage();
  const { client, server, link } = await open();
  link.shape({ blackhole: true });
  const block = Buffer.alloc(64 * 1024, "x");
  const total = 512 * block.length;
  for (let sent = 0; sent < total; sent += block.length) client.socket.write(block);
  await link.toServer.until((flow) => flow.received > 1024 * 1024, "the proxy is full");
  expect(link.toServer.received).toBeLessThan(2 * 1024 * 1024);
  link.shape(healthy);
  await link.toServer.until((flow) => flow.delivered === total, "all of it passes");
  await until(() => server.text.length === total, "all of it arrives");
});

it.each(["client", "server"] as const)(
  "cuts the %s off; the other side is unaware",
  async (side) => {
    const { open } = await stage();
    const { client, server, link } = await open();
    await roundTrip(client, server);
    const [cut, unaware] = side === "client" ? [client, server] : [server, client];
    link.cut(side);
    await cut.ends("fin");
    const flow = side === "client" ? link.toClient : link.toServer;
    const before = flow.received;
    unaware.socket.write("into the void");
    await flow.until(({ received }) => received === before + 13, "the proxy swallows it");
    expect(unaware.ended).toBeUndefined();
    link.cut();
    await unaware.ends("fin");
  },
);

it("resets", async () => {
  const { open } = await stage();
  const { client, server, link } = await open();
  await roundTrip(client, server);
  link.cut("both", "reset");
  await Promise.all([client.ends("reset"), server.ends("reset")]);
});

it("closes also what is reset while it ends", async () => {
  const { open } = await stage();
  const { server, link } = await open();
  server.socket.end();
  // In this very turn the proxy begins to end the client's side.
  await link.toClient.until(({ ended }) => ended, "the end");
  link.cut("both", "reset");
  await within(link.closed, "the end of the connection");
});

it.each([0, 1, 7, 11])("resets both ends after exactly %i bytes", async (k) => {
  const { proxy, open } = await stage();
  proxy.shape({ resetAtByte: k }, "toServer");
  const { client, server } = await open();
  client.socket.write("hello world");
  await client.ends("reset");
  // libuv shows an RST that comes together with bytes as an orderly end.
  await until(() => server.ended !== undefined, "the end");
  expect(server.text).toBe("hello world".slice(0, k));
});

it("chops into segments of one byte, in order", async () => {
  const { proxy, open } = await stage();
  proxy.shape({ segmentBytes: 1 });
  const { client, server, link } = await open();
  client.socket.write("abcdefghij");
  await server.hears("abcdefghij");
  // Two segments may be read as one, but most are not.
  expect(server.segments.length).toBeGreaterThan(5);
  expect(link.toServer.delivered).toBe(10);
});

it("delays, and keeps the order", async () => {
  const { open } = await stage();
  const { client, server, link } = await open();
  link.shape({ delayMs: 150 }, "toServer");
  const begin = performance.now();
  client.socket.write("a");
  await server.hears("a");
  expect(performance.now() - begin).toBeGreaterThan(145);
  client.socket.write("b");
  await link.toServer.until((flow) => flow.received === 2, "the proxy has it");
  link.shape(healthy);
  client.socket.write("c");
  await server.hears("abc");
});

it("lets so many bytes a second through", async () => {
  const { open } = await stage();
  const { client, server, link } = await open();
  link.shape({ bytesPerSecond: 1000 }, "toServer");
  const begin = performance.now();
  client.socket.write("x".repeat(300));
  await until(() => server.text.length === 300, "all of it arrives");
  expect(performance.now() - begin).toBeGreaterThan(250);
});

it("has faults for all connections, also those to come, and ends them all", async () => {
  const { proxy, open } = await stage();
  const first = await open();
  proxy.shape({ blackhole: true });
  const second = await open();
  for (const { client, link } of [first, second]) {
    client.socket.write("held");
    await link.toServer.until((flow) => flow.received === 4, "the proxy has it");
  }
  expect([first.server.text, second.server.text]).toEqual(["", ""]);
  proxy.shape(healthy);
  for (const { server } of [first, second]) await server.hears("held");
  expect(proxy.links).toHaveLength(2);
  await proxy.close();
  for (const { server, client } of [first, second]) {
    await Promise.all([server.ends("fin"), client.ends("fin")]);
  }
  expect(proxy.links).toHaveLength(0);
});

it("refuses while it is told to, and again finds another server", async () => {
  const { proxy, open } = await stage();
  const there = await open();
  proxy.refusing = true;
  const refused = new End(connect({ port: proxy.port, host: "127.0.0.1" }));
  await refused.ends("reset");
  await roundTrip(there.client, there.server);
  expect(proxy.accepted).toBe(1);
  proxy.refusing = false;

  const other = createServer((socket) => socket.end("the other"));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => void other.close());
  const address = other.address();
  if (address === null || typeof address === "string") throw new Error("not on a port");
  proxy.target = address.port;
  const moved = new End(connect({ port: proxy.port, host: "127.0.0.1" }));
  await moved.hears("the other");
});

it("resets the client of a server that is not there", async () => {
  const { proxy } = await stage();
  const gone = createServer();
  gone.listen(0, "127.0.0.1");
  await once(gone, "listening");
  const address = gone.address();
  if (address === null || typeof address === "string") throw new Error("not on a port");
  gone.close();
  await once(gone, "close");
  proxy.target = address.port;
  const client = new End(connect({ port: proxy.port, host: "127.0.0.1" }));
  await client.ends("reset");
});
