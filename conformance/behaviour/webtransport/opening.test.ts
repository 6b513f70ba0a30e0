/** The opening of a WebTransport session: which first bytes make a connection, and what becomes of the others. */
import { describe, expect, it, onTestFinished } from "vitest";
import { expectId, next, until } from "../../support/clients.ts";
import type { Engine, EngineConnection, EngineServerOptions } from "../../support/servers.ts";
import { loadEngineIo, targetName } from "../../support/target.ts";
import { frame, MemoryClient } from "./memory-session.ts";

async function startEngine(options: EngineServerOptions = {}): Promise<Engine> {
  const { Server } = await loadEngineIo();
  const engine = new Server({ transports: ["polling", "websocket", "webtransport"], ...options });
  onTestFinished(() => void engine.close());
  return engine;
}

function hand(engine: Engine, options?: { opensStream: boolean }): MemoryClient {
  const client = new MemoryClient(options);
  onTestFinished(() => client.close());
  client.handTo(engine);
  return client;
}

describe("a session that opens as the protocol says", () => {
  it("becomes a connection with a handshake", async () => {
    const engine = await startEngine({ pingInterval: 1234, pingTimeout: 567 });
    const connected = next(engine, "connection");
    const client = hand(engine);
    await client.send("0");
    const open = String(await client.receive());
    expect(open[0]).toBe("0");
    const handshake: unknown = JSON.parse(open.slice(1));
    const [connection] = (await connected) as [EngineConnection];
    expectId(connection.id);
    expect(handshake).toEqual({
      sid: connection.id,
      upgrades: [],
      pingInterval: 1234,
      pingTimeout: 567,
      maxPayload: 1e6,
    });
    expect(connection.transport.name).toBe("webtransport");
    expect(engine.clientsCount).toBe(1);
    expect(client.closings).toBe(0);
  });

  it("gets the initial packet", async () => {
    const engine = await startEngine({ initialPacket: "first" });
    const client = await MemoryClient.connect(engine);
    expect(await client.receive()).toBe("4first");
  });

  it("may send the first packet byte by byte", async () => {
    const engine = await startEngine();
    const client = hand(engine);
    await client.write(...[...frame("0")].map((byte) => Buffer.of(byte)));
    expect(String(await client.receive())).toMatch(/^0\{/);
  });

  it("may send more in the chunk of the first packet", async () => {
    const engine = await startEngine();
    const heard: unknown[] = [];
    engine.on("connection", (connection: EngineConnection) => {
      connection.on("message", (data: unknown) => heard.push(data));
    });
    const client = hand(engine);
    await client.write(
      Buffer.concat([
        frame("0"),
        frame("4one"),
        frame(Buffer.of(2)),
        frame("4three").subarray(0, 3),
      ]),
      frame("4three").subarray(3),
    );
    await until(() => heard.length === 3, "all three are heard");
    expect(heard).toEqual(["one", Buffer.of(2), "three"]);
  });

  it("does not wait for the session to end", async () => {
    const engine = await startEngine();
    const client = hand(engine);
    await client.send("0");
    await client.opening;
    expect(client.closings).toBe(0);
  });
});

describe.runIf(targetName === "holdfast")("a session that does not open", () => {
  async function expectRefused(client: MemoryClient, engine: Engine): Promise<void> {
    await client.closedByServer();
    await client.opening;
    expect(client.closings).toBe(1);
    expect(engine.clientsCount).toBe(0);
    expect(engine.refusals).toEqual(new Map([["HF_WEBTRANSPORT_HANDSHAKE", 1]]));
  }

  const wrong: [what: string, bytes: Buffer][] = [
    ["a message", frame("4hello")],
    ["a probe", frame("2probe")],
    ["bytes", frame(Buffer.of(1, 2))],
    ["an unknown packet type", frame("9")],
    ["an id that is unknown", frame('0{"sid":"unknown"}')],
    ["an id that every object has", frame('0{"sid":"constructor"}')],
    ["an id that is no text", frame('0{"sid":1}')],
    ["no id", frame("0{}")],
    ["null", frame("0null")],
    ["no JSON", frame("0not json")],
    ["an empty frame", Buffer.of(0)],
    ["no UTF-8", Buffer.of(2, 0x30, 0xff)],
    ["a frame that is too large", Buffer.of(127, 0, 0, 0, 0, 0, 15, 66, 65)],
    ["a frame of 2^63 bytes", Buffer.of(127, 0x7f, 255, 255, 255, 255, 255, 255, 255)],
    ["a good packet and a bad one", Buffer.concat([frame("0"), Buffer.of(0)])],
  ];
  it.each(wrong)("is closed at once: %s", async (_what, bytes) => {
    const engine = await startEngine();
    const client = hand(engine);
    await client.write(bytes);
    await expectRefused(client, engine);
  });

  it("is closed when its stream ends before the first packet", async () => {
    const engine = await startEngine();
    const client = hand(engine);
    await client.endStream();
    await expectRefused(client, engine);
  });

  it("is closed when its stream ends within the first packet", async () => {
    const engine = await startEngine();
    const client = hand(engine);
    await client.write(frame('0{"sid":"x"}').subarray(0, 5));
    await client.endStream();
    await expectRefused(client, engine);
  });

  it("is closed when its stream is reset", async () => {
    const engine = await startEngine();
    const client = hand(engine);
    await client.resetStream();
    await expectRefused(client, engine);
  });

  it("is closed when it will have no stream", async () => {
    const engine = await startEngine();
    const client = hand(engine, { opensStream: false });
    client.opensNoMore();
    await expectRefused(client, engine);
  });

  it("is closed when no stream comes in time", async () => {
    const engine = await startEngine({ upgradeTimeout: 30 });
    const client = hand(engine, { opensStream: false });
    await client.closedByServer();
    client.opensNoMore();
    await expectRefused(client, engine);
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["half of a packet", frame("0").subarray(0, 1)],
  ])("is closed when no packet comes in time, only %s", async (_what, bytes) => {
    const engine = await startEngine({ upgradeTimeout: 30 });
    const client = hand(engine);
    await client.write(bytes);
    await expectRefused(client, engine);
  });

  it("is counted when the client leaves before it has opened", async () => {
    const engine = await startEngine();
    const client = hand(engine);
    client.close();
    await expectRefused(client, engine);
  });

  it("is closed when the engine has middlewares, which it would go around", async () => {
    const engine = await startEngine();
    engine.use((_request, _response, next) => next());
    const client = hand(engine);
    await expectRefused(client, engine);
  });

  it("does not make a connection of a packet that comes after the time", async () => {
    const engine = await startEngine({ upgradeTimeout: 30 });
    const client = new MemoryClient();
    onTestFinished(() => client.close());
    // A session may take its time to end its streams.
    const session = { ...client.session, close: () => void client.closings++ };
    client.opening = engine.onWebTransportSession(session);
    await client.closedByServer();
    await client.send("0");
    await expectRefused(client, engine);
  });
});

it("gives the caller what a listener of the connection throws", async () => {
  const engine = await startEngine();
  engine.on("connection", () => {
    throw new Error("of the application");
  });
  const client = new MemoryClient();
  onTestFinished(() => client.close());
  client.handTo(engine);
  const failed = expect(client.opening).rejects.toThrow("of the application");
  await client.send("0");
  await failed;
});
