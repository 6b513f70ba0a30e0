/**
 * The heartbeat of a connection whose network is full. Goal: a slow client that takes what waits is not ended, however
 * late its answer is, and one that takes nothing any more is ended in time. Method: an engine on a clock that the test
 * turns, and connections on networks that take what was written when the test says so.
 */
import { Duplex } from "node:stream";
import { WebTransportFrameDecoder } from "@holdfast/protocol";
import { expect, it, onTestFinished } from "vitest";
import type { OutboxNode } from "../delivery/outbox.ts";
import { type Host, nodeHost } from "../host/host.ts";
import { ManualHost } from "../host/manual-host.ts";
import { LateWebSockets } from "../transports/late-websocket.ts";
import { Transport } from "../transports/transport.ts";
import { TransportWebSocket, WebSocketTransport } from "../transports/websocket.ts";
import { WebTransportTransport } from "../transports/webtransport.ts";
import { BaseEngine } from "./base-engine.ts";
import type { Connection } from "./connection.ts";

const pingInterval = 25_000;
const pingTimeout = 20_000;

/** More than a network takes before it is full. */
const much = "m".repeat(4_000);

/** An engine without an HTTP server, whose connections the test makes. */
class BareEngine extends BaseEngine {
  protected override cleanup(): void {}

  open(transport: Transport): Connection {
    return this.connect("sid", transport, undefined);
  }
}

function setUp() {
  const clock = new ManualHost();
  const ends: (() => void)[] = [];
  const host: Host = {
    ...nodeHost,
    monotonicMs: () => clock.monotonicMs(),
    startTimer: (delayMs, run, background) => clock.startTimer(delayMs, run, background),
    afterTurn: (run) => void ends.push(run),
  };
  const engine = new BareEngine({ pingInterval, pingTimeout }, host);
  const endTurn = () => {
    for (const end of ends.splice(0)) end();
  };
  return { clock, engine, endTurn };
}

/** A network that takes what was written when it is told to. */
interface Network {
  readonly transport: Transport;
  /** Takes all that was written. */
  take(): void;
  /** From now on it takes everything at once. */
  widen(): void;
}

type MakeNetwork = (engine: BareEngine) => Network;

function webSocketNetwork(): Network {
  let taken: (() => void) | undefined;
  let wide = false;
  const socket = new Duplex({
    writableHighWaterMark: much.length,
    read() {},
    write(_bytes, _encoding, done) {
      if (wide) done();
      else taken = done;
    },
  });
  // `ws`, which joins to close the connection, would wait for the answer of the client.
  onTestFinished(() => void socket.destroy());
  const options = { noServer: true, clientTracking: false, WebSocket: TransportWebSocket };
  const transport = new WebSocketTransport({
    socket: new LateWebSockets(options),
    direct: socket,
    unread: false,
    maxMessageBytes: 0,
    base64: false,
    compressionThreshold: 0,
  });
  const take = () => {
    const done = taken;
    taken = undefined;
    done?.();
  };
  const widen = () => {
    wide = true;
    take();
  };
  return { transport, take, widen };
}

function webTransportNetwork({ wheel }: BareEngine): Network {
  const never = new Promise<never>(() => {});
  const reader = { read: () => never, cancel: () => never, releaseLock: () => {} };
  const taken: (() => void)[] = [];
  let wide = false;
  const write = () => (wide ? Promise.resolve() : new Promise<void>((done) => taken.push(done)));
  const transport = new WebTransportTransport({
    session: {
      incomingBidirectionalStreams: { getReader: () => reader },
      closed: never,
      close: () => {},
    },
    reader,
    writer: { write, close: () => Promise.resolve() },
    decoder: new WebTransportFrameDecoder({ maxPayloadBytes: 1_000_000 }),
    wheel,
  });
  const take = () => {
    for (const done of taken.splice(0)) done();
  };
  const widen = () => {
    wide = true;
    take();
  };
  return { transport, take, widen };
}

/** A connection that is open, and whose network is full. */
async function full(make: MakeNetwork) {
  const { clock, engine, endTurn } = setUp();
  const network = make(engine);
  const connection = engine.open(network.transport);
  const reasons: unknown[] = [];
  connection.on("close", (reason) => reasons.push(reason));
  let pings = 0;
  connection.on("packetCreate", ({ type }) => {
    if (type === "ping") pings++;
  });
  /** What was taken is told after some promises. */
  const settle = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    endTurn();
  };
  const take = async () => {
    network.take();
    await settle();
  };
  const widen = async () => {
    network.widen();
    await settle();
  };
  const send = (text: string) => {
    connection.send(text);
    endTurn();
  };
  endTurn();
  await take();
  send(much);
  expect(network.transport.ready).toBe(false);
  return { clock, connection, take, widen, send, reasons, pings: () => pings };
}

const networks: readonly (readonly [name: string, make: MakeNetwork])[] = [
  ["websocket", webSocketNetwork],
  ["webtransport", webTransportNetwork],
];

it.each(networks)("%s: a slow client that takes what waits is not ended", async (_name, make) => {
  const client = await full(make);
  const { clock, connection, take, send, reasons } = client;
  clock.advance(pingInterval);
  // The ping waits behind the first of them, and is answered when all of this has been read.
  for (let taken = 0; taken < 20; taken++) {
    clock.advance(pingTimeout - 1);
    expect([taken, reasons]).toEqual([taken, []]);
    // What else it sends restarts the wait once; that it goes on taking counts each time.
    if (taken === 5) connection.received({ type: "message", data: "not the answer" });
    send(much);
    await take();
  }
  expect(client.pings()).toBe(1);

  // Then it is as any other.
  connection.received({ type: "pong" });
  clock.advance(pingInterval - 1);
  expect(client.pings()).toBe(1);
  clock.advance(1);
  expect(client.pings()).toBe(2);
  clock.advance(pingTimeout - 1);
  expect(reasons).toEqual([]);
  clock.advance(1);
  expect(reasons).toEqual(["ping timeout"]);
});

it.each(networks)("%s: one that takes nothing is ended in time", async (_name, make) => {
  const { clock, send, reasons } = await full(make);
  for (let seconds = 0; seconds < (pingInterval + pingTimeout) / 1_000; seconds++) {
    expect([seconds, reasons]).toEqual([seconds, []]);
    send("the application goes on");
    clock.advance(1_000);
  }
  expect(reasons).toEqual(["ping timeout"]);
});

it.each(networks)("%s: one that takes no more is ended in time", async (_name, make) => {
  const { clock, take, send, reasons } = await full(make);
  clock.advance(pingInterval + pingTimeout / 2);
  send(much);
  await take();
  clock.advance(pingTimeout - 1);
  expect(reasons).toEqual([]);
  clock.advance(1);
  expect(reasons).toEqual(["ping timeout"]);
});

it.each(networks)("%s: one that takes all and answers nothing is, too", async (_name, make) => {
  const { clock, widen, reasons } = await full(make);
  clock.advance(pingInterval + pingTimeout / 2);
  await widen();
  clock.advance(pingTimeout - 1);
  expect(reasons).toEqual([]);
  clock.advance(1);
  expect(reasons).toEqual(["ping timeout"]);
});

it.each(networks)("%s: what is taken before a ping does not put it off", async (_name, make) => {
  const client = await full(make);
  client.clock.advance(pingInterval - 1);
  await client.take();
  expect(client.pings()).toBe(0);
  client.clock.advance(1);
  expect(client.pings()).toBe(1);
});

it.each(networks)("%s: what never waited proves nothing", async (_name, make) => {
  const { clock, widen, send, reasons } = await full(make);
  await widen();
  clock.advance(pingInterval);
  for (let seconds = 0; seconds < pingTimeout / 1_000; seconds++) {
    expect([seconds, reasons]).toEqual([seconds, []]);
    // The kernel takes it although nobody may ever read it.
    send("small");
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1_000);
  }
  expect(reasons).toEqual(["ping timeout"]);
});

/** Long-polling with a request that waits: it is ready after each, and the client has to ask again. */
class PollingAlone extends Transport {
  override readonly name = "polling";
  override ready = true;

  override sendPending(_pending: OutboxNode): void {
    this.ready = false;
  }

  override send(): void {}

  protected override doClose(done: () => void): void {
    done();
  }

  polls(): void {
    this.ready = true;
    this.onReady();
  }
}

it("polling: who asks for more has not answered", () => {
  const { clock, engine, endTurn } = setUp();
  const transport = new PollingAlone();
  const connection = engine.open(transport);
  const reasons: unknown[] = [];
  connection.on("close", (reason) => reasons.push(reason));
  for (let seconds = 0; seconds < (pingInterval + pingTimeout) / 1_000; seconds++) {
    expect([seconds, reasons]).toEqual([seconds, []]);
    connection.send("more");
    endTurn();
    transport.polls();
    clock.advance(1_000);
  }
  expect(reasons).toEqual(["ping timeout"]);
});
