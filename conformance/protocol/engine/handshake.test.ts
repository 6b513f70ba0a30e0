/** The handshake packet, over polling and over WebSocket. */
import { describe, expect, it } from "vitest";
import { expectId } from "../../support/clients.ts";
import { FrameSocket, opcodes } from "../../support/raw-websocket.ts";
import type { EngineServerOptions } from "../../support/servers.ts";
import { ask, openPolling, openWebSocket, serve } from "./session.ts";

const rows: [what: string, options: EngineServerOptions, polling: object, websocket: object][] = [
  [
    "the defaults",
    {},
    { upgrades: ["websocket"], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 },
    { upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 },
  ],
  [
    "other times and sizes",
    { pingInterval: 1234, pingTimeout: 567, maxHttpBufferSize: 89 },
    { upgrades: ["websocket"], pingInterval: 1234, pingTimeout: 567, maxPayload: 89 },
    { upgrades: [], pingInterval: 1234, pingTimeout: 567, maxPayload: 89 },
  ],
  [
    "allowUpgrades: false",
    { allowUpgrades: false },
    { upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 },
    { upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 },
  ],
  [
    "webtransport too",
    { transports: ["polling", "websocket", "webtransport"] },
    {
      upgrades: ["websocket", "webtransport"],
      pingInterval: 25_000,
      pingTimeout: 20_000,
      maxPayload: 1_000_000,
    },
    { upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 },
  ],
];

describe.each(rows)("with %s", (_what, options, polling, websocket) => {
  it("over polling", async () => {
    const server = await serve(options);
    const answer = await ask(server);
    expect(answer.status).toBe(200);
    expect(answer.text.at(0)).toBe("0");
    const { sid, ...rest } = JSON.parse(answer.text.slice(1));
    expectId(sid);
    expect(rest).toEqual(polling);
  });

  it("over WebSocket", async () => {
    const server = await serve(options);
    const socket = await FrameSocket.open(server);
    const { opcode, payload } = await socket.message();
    expect(opcode).toBe(opcodes.text);
    const { sid, ...rest } = JSON.parse(payload.toString("utf8", 1));
    expectId(sid);
    expect(rest).toEqual(websocket);
    socket.destroy();
  });
});

it("has its keys in the order of the protocol", async () => {
  const server = await serve();
  const { text } = await ask(server);
  const keys = Object.keys(JSON.parse(text.slice(1)));
  expect(keys).toEqual(["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
});

it("offers no upgrades when only polling is enabled", async () => {
  const server = await serve({ transports: ["polling"] });
  const { client } = await openPolling(server);
  expect(client.open.upgrades).toEqual([]);
});

it("gives each session an id of its own, by which the engine knows it", async () => {
  const server = await serve();
  const ids = new Set<string>();
  for (let i = 0; i < 20; i++) {
    const { sid, connection } = await openPolling(server);
    ids.add(sid);
    expect(connection.id).toBe(sid);
    expect(server.engine.clients[sid]).toBe(connection);
  }
  expect(ids.size).toBe(20);
  expect(server.engine.clientsCount).toBe(20);
});

it.each(["custom id", Promise.resolve("promised id")])(
  "takes the id that generateId() gives",
  async (id) => {
    const server = await serve();
    server.engine.generateId = () => id;
    const { sid, connection } = await openPolling(server);
    expect([sid, connection.id]).toEqual([await id, await id]);
  },
);

describe("initialPacket", () => {
  it("comes in the payload of the handshake", async () => {
    const server = await serve({ initialPacket: "welcome" });
    const { text } = await ask(server);
    expect(text.split("\x1e")).toEqual([expect.stringMatching(/^0\{.*\}$/), "4welcome"]);
  });

  it("comes after the handshake on a WebSocket", async () => {
    const server = await serve({ initialPacket: "welcome" });
    const { socket } = await openWebSocket(server);
    expect((await socket.message()).payload.toString()).toBe("4welcome");
  });

  it("may be binary", async () => {
    const server = await serve({ initialPacket: Buffer.from([1, 2, 3]) });
    const { text } = await ask(server);
    expect(text.split("\x1e")).toEqual([expect.stringMatching(/^0\{.*\}$/), "bAQID"]);
  });
});

it("shows the transport, the protocol and where the client is", async () => {
  const server = await serve();
  const polling = await openPolling(server, { headers: { "X-Test": "yes" } });
  const websocket = await openWebSocket(server, { headers: { "X-Test": "yes" } });
  for (const { connection } of [polling, websocket]) {
    expect(connection.protocol).toBe(4);
    expect(connection.readyState).toBe("open");
    expect(connection.remoteAddress).toBe("127.0.0.1");
    expect(connection.request.headers["x-test"]).toBe("yes");
    expect([connection.upgraded, connection.upgrading]).toEqual([false, false]);
  }
  expect(polling.connection.transport.name).toBe("polling");
  expect(websocket.connection.transport.name).toBe("websocket");
});
