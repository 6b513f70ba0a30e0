/**
 * F20: a server that goes ends every connection, and takes none meanwhile, whatever transport it is on (SEMANTICS 10).
 * Goal: long-polling and WebTransport clients are told and sent away like those on a WebSocket. Method: raw clients, so
 * that a poll is pending or not as the test says, and a WebTransport session in this process.
 */
import { expect, it, onTestFinished } from "vitest";
import {
  collect,
  fetchRaw,
  inside,
  next,
  nextSocket,
  pair,
  RawPolling,
  RawWebSocket,
  type Running,
  start,
  until,
  within,
} from "../../support/clients.ts";
import type { Engine } from "../../support/servers.ts";
import { MemoryClient } from "../webtransport/memory-session.ts";

const transports = ["polling", "websocket", "webtransport"] as const;

function startDurable(): Promise<Running> {
  return start({ store: "memory", transports: [...transports] }, "holdfast");
}

/** Socket.IO's text packets as what is in them. */
function eventsOf(frames: readonly unknown[]): unknown[] {
  return frames.filter((frame) => String(frame).startsWith("42")).map((frame) => eventOf(frame));
}

function eventOf(frame: unknown): unknown {
  return JSON.parse(String(frame).slice(2));
}

const notice = ["hf:draining", { over: 0 }];

it("F20: stock clients on long-polling are told, publish on, and see a transport close", async () => {
  const server = await startDurable();
  const [socket, client] = await pair(server, "/", { transports: ["polling"] });
  const [, last] = await pair(server, "/", { transports: ["polling"] });
  const taken: unknown[] = [];
  server.io.on("connection", () => expect.fail("a connection was taken"));
  for (const one of server.io.sockets.sockets.values()) {
    one.on("say", async (text: string, reply: (position: string) => void) => {
      taken.push(text);
      reply((await server.io.publish("said", text)).position);
    });
  }
  const told = collect(client, "hf:draining");
  const gone = Promise.all([next(client, "disconnect"), next(last, "disconnect")]);
  const left = next(socket, "disconnect");
  const drained = server.io.drain({ over: 400 });
  await left;
  // One is there for another while: its requests are served, new connections are not.
  expect(await last.timeout(5000).emitWithAck("say", "meanwhile")).toMatch(/^hp\./);
  const answer = await fetchRaw(`${server.url}/socket.io/?EIO=4&transport=polling`);
  expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
  await within(drained, "the server to drain");
  expect(taken).toEqual(["meanwhile"]);
  expect(told).toEqual([[{ over: 400 }]]);
  expect((await gone).map(([reason]) => reason)).toEqual(["transport close", "transport close"]);
  expect(server.io.engine.clientsCount).toBe(0);
});

it("F20: a poller between two polls is told with the next one, and then that it is over", async () => {
  const server = await startDurable();
  const raw = await RawPolling.open(server);
  await raw.join();
  const drained = server.io.drain({ over: 0 });
  await raw.get();
  expect(eventsOf(raw.received)).toContainEqual(notice);
  if (!raw.received.includes("1")) await raw.get();
  expect(raw.received.at(-1)).toBe("1");
  await within(drained, "the server to drain");
  expect(server.io.engine.clientsCount).toBe(0);
});

it.each([false, true])(
  "F20: a WebSocket client that went silent holds up neither drain() nor close(): compressed %s",
  async (perMessageDeflate) => {
    const server = await start({ store: "memory", perMessageDeflate }, "holdfast");
    const raw = await RawWebSocket.open(server, { perMessageDeflate });
    await raw.join();
    inside<{ _socket: { pause(): void } }>(raw.socket)._socket.pause();
    await within(server.io.drain({ over: 0 }), "the server to drain", 4000);
    await within(server.io.close(), "the server to close", 4000);
  },
);

it("F20: close() alone waits no longer for a silent client than some seconds", async () => {
  const server = await start({ store: "memory" }, "holdfast");
  const raw = await RawWebSocket.open(server);
  await raw.join();
  inside<{ _socket: { pause(): void } }>(raw.socket)._socket.pause();
  await within(server.io.close(), "the server to close", 15_000);
});

it("F20: a poller that never comes holds up nothing", async () => {
  const server = await startDurable();
  const raw = await RawPolling.open(server);
  await raw.join();
  await within(server.io.drain({ over: 0 }), "the server to drain", 4000);
  expect(server.io.engine.clientsCount).toBe(0);
});

it("F20: a WebTransport session is told and closed, and none is taken meanwhile", async () => {
  const server = await startDurable();
  const engine = inside<Engine>(server.io.engine);
  const connected = nextSocket(server.io);
  const client = await MemoryClient.connect(engine);
  onTestFinished(() => client.close());
  await client.send("40");
  const socket = await connected;
  const [, other] = await pair(server);
  other.on("hf:draining", () => undefined);
  const reason = next(socket, "disconnect");
  const drained = server.io.drain({ over: 0 });
  const seen: unknown[] = [];
  while (!seen.some((frame) => String(frame).includes("hf:draining"))) {
    seen.push(await client.receive());
  }
  expect(eventsOf(seen)).toContainEqual(notice);
  await client.closedByServer();
  // As in Socket.IO: nothing waits to be sent any more, and this transport closes at once.
  expect(await reason).toEqual(["forced close", undefined]);
  const late = new MemoryClient();
  onTestFinished(() => late.close());
  late.handTo(engine);
  await late.send("0");
  await late.closedByServer();
  await within(drained, "the server to drain");
  await until(() => engine.clientsCount === 0, "nobody is left");
});

it.each(transports)("F20: close() ends a connection over %s", async (transport) => {
  const server = await startDurable();
  const connected = nextSocket(server.io);
  if (transport === "webtransport") {
    const client = await MemoryClient.connect(inside<Engine>(server.io.engine));
    onTestFinished(() => client.close());
    await client.send("40");
    const socket = await connected;
    await within(server.io.close(), "the server to close");
    await client.closedByServer();
    expect(socket.connected).toBe(false);
  } else {
    const [, client] = await pair(server, "/", { transports: [transport] });
    const gone = next(client, "disconnect");
    await within(server.io.close(), "the server to close");
    // A poller may be between two polls. It comes back after either.
    const reasons = ["transport close", ...(transport === "polling" ? ["transport error"] : [])];
    expect(reasons).toContain((await gone)[0]);
  }
  expect(server.io.engine.clientsCount).toBe(0);
});
