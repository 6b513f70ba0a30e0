/** What the application is asked while a client is let in, and never answers: the client goes, and holds nothing. */
import type { ServerOptions } from "holdfast";
import { expect, it } from "vitest";
import {
  next,
  nextSocket,
  pair,
  RawWebSocket,
  type Running,
  start,
  until,
} from "../../support/clients.ts";
import { cut } from "../../support/durable.ts";

const never = new Promise<never>(() => undefined);

/** A client that is not let in goes. */
async function comeAndGo(server: Running, isAsked: () => boolean): Promise<void> {
  const client = await RawWebSocket.open(server);
  await client.send(`40${JSON.stringify({ name: "ann" })}`);
  await until(isAsked, "the application is asked");
  client.close();
  await client.finished();
}

const identify = (socket: { handshake: { auth: { [key: string]: unknown } } }) =>
  socket.handshake.auth["name"] as string | undefined;

it("a session is free again when its client goes while authorizeRoom decides", async () => {
  let waits = false;
  let asked = 0;
  const authorizeRoom = () => {
    if (!waits) return true;
    asked++;
    return never;
  };
  const server = await start({ store: "memory", identify, authorizeRoom });
  const [socket, client] = await pair(server, "/", { auth: { name: "ann" } });
  await socket.join("room");
  const gone = next(socket, "disconnect");
  cut(client);
  await gone;
  waits = true;
  await comeAndGo(server, () => asked === 1);
  waits = false;
  const back = nextSocket(server.io);
  const again = await RawWebSocket.open(server);
  await again.join("/", { name: "ann" });
  expect((await back).rooms.has("room")).toBe(true);
});

const askers: [what: string, options: Partial<ServerOptions>, middleware: boolean][] = [
  ["identify", { identify: () => never }, false],
  ["a middleware", {}, true],
];

it.each(askers)(
  "no socket is left of a client that goes while %s decides",
  async (_what, options, middleware) => {
    const server = await start({ store: "memory", ...options });
    const { _preConnectSockets: waiting } = server.io.sockets;
    if (middleware) server.io.use(() => undefined);
    await comeAndGo(server, () => waiting.size === 1);
    await until(() => waiting.size === 0, "its socket has gone");
  },
);
