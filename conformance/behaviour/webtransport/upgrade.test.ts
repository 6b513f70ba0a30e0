/** The move of a connection from long-polling to a WebTransport session, and the attempts that fail. */
import { describe, expect, it, onTestFinished } from "vitest";
import { next, RawPolling, until } from "../../support/clients.ts";
import {
  type EngineConnection,
  type EngineServer,
  type EngineServerOptions,
  startEngine,
} from "../../support/servers.ts";
import { targetName } from "../../support/target.ts";
import { frame, MemoryClient } from "./memory-session.ts";

interface Polling {
  readonly server: EngineServer;
  readonly raw: RawPolling;
  readonly connection: EngineConnection;
}

async function poll(options: EngineServerOptions = {}): Promise<Polling> {
  const server = await startEngine({
    transports: ["polling", "websocket", "webtransport"],
    ...options,
  });
  onTestFinished(() => server.close());
  const connected = next(server.engine, "connection");
  const raw = await RawPolling.open(server, { path: "/engine.io/" });
  const [connection] = (await connected) as [EngineConnection];
  return { server, raw, connection };
}

function session({ server }: Polling): MemoryClient {
  const client = new MemoryClient();
  onTestFinished(() => client.close());
  client.handTo(server.engine);
  return client;
}

const claim = ({ raw }: Polling): string => `0{"sid":"${raw.open.sid}"}`;

async function probe(polling: Polling): Promise<MemoryClient> {
  const client = session(polling);
  await client.send(claim(polling), "2probe");
  expect(await client.receive()).toBe("3probe");
  return client;
}

async function expectStillPolling({ raw, connection }: Polling): Promise<void> {
  expect(connection.transport.name).toBe("polling");
  const heard = next(connection, "message");
  await raw.send("4still here");
  expect(await heard).toEqual(["still here"]);
  connection.send("so am I");
  expect(await raw.until("4")).toBe("4so am I");
}

it("offers webtransport to a client that polls", async () => {
  const { raw } = await poll();
  expect(raw.open.upgrades).toEqual(["websocket", "webtransport"]);
});

it("moves the connection, in order, with nothing lost or twice", async () => {
  const polling = await poll();
  const { raw, connection, server } = polling;
  const heard: unknown[] = [];
  connection.on("message", (data: unknown) => heard.push(data));
  await raw.send("4one");
  const client = await probe(polling);
  expect(connection.upgrading).toBe(true);
  await raw.send("4two");
  const upgraded = next(connection, "upgrade");
  await client.send("5", "4three", Buffer.of(4));
  await upgraded;
  await until(() => heard.length === 4, "all are heard");
  expect(heard).toEqual(["one", "two", "three", Buffer.of(4)]);
  expect(connection.upgraded).toBe(true);
  expect(connection.transport.name).toBe("webtransport");
  connection.send("down");
  expect(await client.receive()).toBe("4down");
  expect(server.engine.clientsCount).toBe(1);
  const closed = next(connection, "close");
  client.close();
  expect((await closed)[0]).toBe("transport close");
});

it("sends on the new transport what waited for a poll", async () => {
  const polling = await poll();
  const client = await probe(polling);
  await polling.raw.get();
  polling.connection.send("waiting");
  await client.send("5");
  expect(await client.receive()).toBe("4waiting");
});

it("takes id, probe and upgrade in one chunk", async () => {
  const polling = await poll();
  const client = session(polling);
  const upgraded = next(polling.connection, "upgrade");
  await client.write(
    Buffer.concat([frame(claim(polling)), frame("2probe"), frame("5"), frame("4at once")]),
  );
  await upgraded;
  expect(await client.receive()).toBe("3probe");
});

describe("an attempt that fails leaves the connection where it is:", () => {
  const failures: [how: string, act: (client: MemoryClient) => void | Promise<void>][] = [
    ["no upgrade in time", () => undefined],
    ["a message instead", (client) => client.send("4too early")],
    ["the session is closed", (client) => client.close()],
  ];
  const ours: typeof failures = [
    ["a bad packet", (client) => client.write(Buffer.of(0))],
    ["the stream ends", (client) => client.endStream()],
    ["the stream is reset", (client) => client.resetStream()],
  ];
  it.each(targetName === "holdfast" ? [...failures, ...ours] : failures)(
    "%s",
    async (_how, act) => {
      const polling = await poll({ upgradeTimeout: 200 });
      const client = await probe(polling);
      await act(client);
      await until(() => !polling.connection.upgrading, "the attempt is over");
      await client.closed;
      await expectStillPolling(polling);
    },
  );

  it("a second session while the first is at it", async () => {
    const polling = await poll();
    const first = await probe(polling);
    const second = session(polling);
    await second.send(claim(polling));
    await second.closedByServer();
    await first.send("5");
    await until(() => polling.connection.upgraded, "the first moves it");
  });

  it("a session for a connection that has moved", async () => {
    const polling = await poll();
    const first = await probe(polling);
    await first.send("5");
    await until(() => polling.connection.upgraded, "the first moves it");
    const second = session(polling);
    await second.send(claim(polling));
    await second.closedByServer();
    polling.connection.send("here");
    expect(await first.receive()).toBe("4here");
  });
});

it("ends the attempt with the connection", async () => {
  const polling = await poll();
  const client = await probe(polling);
  polling.connection.close(true);
  await client.closedByServer();
  expect(polling.server.engine.clientsCount).toBe(0);
});
