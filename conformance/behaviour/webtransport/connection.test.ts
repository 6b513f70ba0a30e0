/** A connection on a WebTransport session: what goes over it, and each way in which it ends. */
import { randomBytes } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { collect, inside, next, until, within } from "../../support/clients.ts";
import type { Engine, EngineConnection, EngineServerOptions } from "../../support/servers.ts";
import { loadEngineIo, targetName } from "../../support/target.ts";
import { frame, MemoryClient } from "./memory-session.ts";

interface Connected {
  readonly engine: Engine;
  readonly client: MemoryClient;
  readonly connection: EngineConnection;
}

async function connect(options: EngineServerOptions = {}): Promise<Connected> {
  const { Server } = await loadEngineIo();
  const engine = new Server({ transports: ["polling", "webtransport"], ...options });
  onTestFinished(() => void engine.close());
  const connected = next(engine, "connection");
  const client = await MemoryClient.connect(engine);
  onTestFinished(() => client.close());
  const [connection] = (await connected) as [EngineConnection];
  return { engine, client, connection };
}

/** It comes out of npm engine.io as undefined. */
const empty: [string, string][] = targetName === "holdfast" ? [["no text", ""]] : [];

const contents: [what: string, content: string | Buffer][] = [
  ["text", "hello"],
  ...empty,
  ["text beyond ASCII", "€ 👋 \u0000 \u001e"],
  ["125 bytes of text", "a".repeat(124)],
  ["126 bytes of text", "a".repeat(125)],
  ["text of 65,536 bytes", "a".repeat(65_535)],
  ["one byte", Buffer.of(0)],
  ["125 bytes", randomBytes(125)],
  ["126 bytes", randomBytes(126)],
  ["65,536 bytes", randomBytes(65_536)],
  ["as much as the limit allows", randomBytes(1e6)],
];

it.each(contents)("carries %s both ways", async (_what, content) => {
  const { client, connection } = await connect();
  const heard = next(connection, "message");
  const packet = typeof content === "string" ? `4${content}` : content;
  await client.send(packet);
  const [data] = await heard;
  if (typeof content === "string") expect(data).toBe(content);
  else expect(content.equals(data as Buffer)).toBe(true);
  connection.send(content);
  const received = await client.receive();
  if (typeof packet === "string") expect(received).toBe(packet);
  else expect(packet.equals(received as Buffer)).toBe(true);
});

it("keeps the order of text and bytes", async () => {
  const { client, connection } = await connect();
  for (let n = 0; n < 50; n++) connection.send(n % 2 === 0 ? `${n}` : Buffer.of(n));
  for (let n = 0; n < 50; n++) {
    expect(await client.receive()).toEqual(n % 2 === 0 ? `4${n}` : Buffer.of(n));
  }
  const heard = collect(connection, "message");
  const packets = Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? `4${n}` : Buffer.of(n)));
  // Cut anywhere, as a network does.
  const bytes = Buffer.concat(packets.map(frame));
  for (let at = 0; at < bytes.length; at += 7) await client.write(bytes.subarray(at, at + 7));
  await until(() => heard.length === 50, "all are heard");
  expect(heard.map(([data]) => data)).toEqual(
    packets.map((packet) => (typeof packet === "string" ? packet.slice(1) : packet)),
  );
});

it("calls back when a message has been given to the network", async () => {
  const { client, connection } = await connect();
  const sent = new Promise((resolve) => connection.send("x", undefined, resolve));
  expect(await client.receive()).toBe("4x");
  await within(sent, "the callback");
});

it("pings, and goes on as long as it is answered", async () => {
  const { client, connection } = await connect({ pingInterval: 20, pingTimeout: 1000 });
  for (let n = 0; n < 3; n++) {
    expect(await client.receive()).toBe("2");
    await client.send("3");
  }
  expect(connection.readyState).toBe("open");
});

it("is closed when a ping is not answered", async () => {
  const { client, connection, engine } = await connect({ pingInterval: 20, pingTimeout: 20 });
  const closed = next(connection, "close");
  expect(await client.receive()).toBe("2");
  expect((await closed)[0]).toBe("ping timeout");
  await client.closedByServer();
  expect(engine.clientsCount).toBe(0);
});

describe("the client", () => {
  it("closes the session", async () => {
    const { client, connection, engine } = await connect();
    const closed = next(connection, "close");
    client.close();
    expect((await closed)[0]).toBe("transport close");
    expect(engine.clientsCount).toBe(0);
  });

  it("sends a ping, which only the server may", async () => {
    const { client, connection } = await connect();
    const closed = next(connection, "close");
    await client.send("2");
    expect((await closed)[0]).toBe("transport error");
    await client.closedByServer();
  });
});

describe.runIf(targetName === "holdfast")(
  "the client, in ways that npm engine.io does not see,",
  () => {
    const bad: [what: string, bytes: Buffer][] = [
      ["an empty frame", Buffer.of(0)],
      ["an unknown packet type", frame("9")],
      ["no UTF-8", Buffer.of(2, 0x34, 0xff)],
      ["a frame that is too large", Buffer.of(127, 0, 0, 0, 0, 0, 15, 66, 65)],
      ["a frame of 2^63 bytes", Buffer.of(255, 0x7f, 255, 255, 255, 255, 255, 255, 255)],
    ];
    it.each(bad)("V11: sends %s", async (_what, bytes) => {
      const { client, connection, engine } = await connect();
      const closed = next(connection, "close");
      await client.write(bytes);
      expect((await closed)[0]).toBe("parse error");
      await client.closedByServer();
      expect(engine.refusals).toEqual(new Map([["HF_PACKET_INVALID", 1]]));
      expect(engine.clientsCount).toBe(0);
    });

    it.each([
      ["ends", (client: MemoryClient) => client.endStream()],
      ["resets", (client: MemoryClient) => client.resetStream()],
    ])("%s its stream, but keeps the session", async (_how, act) => {
      const { client, connection, engine } = await connect();
      const closed = next(connection, "close");
      await act(client);
      expect((await closed)[0]).toBe("transport close");
      await client.closedByServer();
      expect(engine.clientsCount).toBe(0);
    });

    it("stops reading, but keeps the session", async () => {
      const { client, connection, engine } = await connect();
      await client.stopReading();
      const closed = next(connection, "close");
      connection.send("to nobody");
      expect((await closed)[0]).toBe("transport close");
      await client.closedByServer();
      expect(engine.clientsCount).toBe(0);
    });

    it("does not read, and more waits than may", async () => {
      const { client, connection, engine } = await connect({ limits: { bufferedBytes: "100KiB" } });
      const closed = next(connection, "close");
      while (connection.readyState === "open") {
        connection.send(Buffer.alloc(50_000));
        await new Promise(setImmediate);
      }
      expect((await closed)[0]).toBe("transport error");
      expect(engine.refusals).toEqual(new Map([["HF_OUTBOX_FULL", 1]]));
      await client.closedByServer();
    });
  },
);

describe("the server", () => {
  it("closes the connection", async () => {
    const { client, connection, engine } = await connect();
    const closed = next(connection, "close");
    connection.close();
    expect((await closed)[0]).toBe("forced close");
    await client.closedByServer();
    expect(engine.clientsCount).toBe(0);
  });

  it("closes the engine", async () => {
    const { client, connection, engine } = await connect();
    const closed = next(connection, "close");
    engine.close();
    expect((await closed)[0]).toBe("forced close");
    await client.closedByServer();
    expect(engine.clientsCount).toBe(0);
  });

  it.runIf(targetName === "holdfast")("sends what waits before it closes", async () => {
    const { client, connection } = await connect();
    connection.send("one");
    connection.send(Buffer.alloc(100_000));
    connection.send("three");
    connection.close();
    expect(await client.receive()).toBe("4one");
    expect((await client.receive()).length).toBe(100_000);
    expect(await client.receive()).toBe("4three");
    await client.closedByServer();
  });
});

describe.runIf(targetName === "holdfast")("a client that does not read", () => {
  /** More than the stream takes: the write does not settle. */
  async function stalled(options?: EngineServerOptions): Promise<Connected> {
    const connected = await connect(options);
    for (let n = 0; n < 3; n++) connected.connection.send(Buffer.alloc(100_000));
    await until(() => !connected.connection.transport.writable, "the stream is full");
    return connected;
  }

  it("does not keep the session open when it does not answer", async () => {
    const { client, connection } = await stalled({ pingInterval: 20, pingTimeout: 20 });
    expect((await next(connection, "close"))[0]).toBe("ping timeout");
    await client.closedByServer();
  });

  it("does not keep the session open when what waits is dropped", async () => {
    const { client, connection } = await stalled();
    connection.close(true);
    await client.closedByServer();
    expect(connection.readyState).toBe("closed");
  });

  it("does not keep the session open for ever when the connection is closed", async () => {
    const { client, connection } = await stalled();
    inside<{ closeTimeout: number }>(connection.transport).closeTimeout = 30;
    connection.close();
    expect(client.closings).toBe(0);
    await client.closedByServer();
    expect(connection.readyState).toBe("closed");
  });
});
