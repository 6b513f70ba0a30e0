/** What the Engine.IO protocol tests share: a server that ends with the test, its refusals, and sessions over polling. */
import { onTestFinished } from "vitest";
import {
  type Answer,
  collect,
  fetchRaw,
  next,
  type RawOptions,
  RawPolling,
  type RequestInit,
  within,
} from "../../support/clients.ts";
import { type RawAnswer, rawRequest } from "../../support/raw-http.ts";
import { FrameSocket, handshakeHeaders, type OpenOptions } from "../../support/raw-websocket.ts";
import {
  type EngineConnection,
  type EngineServer,
  type EngineServerOptions,
  startEngine,
} from "../../support/servers.ts";

export const path = "/engine.io/";

/** An Engine.IO server that closes with the test. */
export async function serve(options: EngineServerOptions = {}): Promise<EngineServer> {
  const server = await startEngine(options);
  onTestFinished(() => server.close());
  return server;
}

export interface ConnectionError {
  readonly req: unknown;
  readonly code: number;
  readonly message: string;
  readonly context: Record<string, unknown>;
}

/** The refusals of a server, as they come. */
export function refusalsOf(server: EngineServer): { all(): ConnectionError[] } {
  const calls = collect(server.engine, "connection_error");
  return { all: () => calls.map(([error]) => error as ConnectionError) };
}

/** `EIO=4&transport=polling` with changes; `undefined` leaves a parameter out. */
export function queryOf(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const all: Record<string, string | undefined> = { EIO: "4", transport: "polling", ...changes };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(all)) if (value !== undefined) query.set(name, value);
  return query.toString();
}

/** One plain request. */
export function ask(
  server: EngineServer,
  changes: Readonly<Record<string, string | undefined>> = {},
  init: RequestInit = {},
): Promise<Answer> {
  return fetchRaw(`${server.url}${path}?${queryOf(changes)}`, init);
}

/** One upgrade request, and its answer when that is not 101 (or the head of the 101). */
export function askUpgrade(
  server: EngineServer,
  changes: Readonly<Record<string, string | undefined>> = {},
  init: { method?: string; headers?: Readonly<Record<string, string | undefined>> } = {},
): Promise<RawAnswer> {
  return rawRequest(server, {
    method: init.method ?? "GET",
    target: `${path}?${queryOf({ transport: "websocket", ...changes })}`,
    headers: handshakeHeaders(init.headers),
  });
}

export interface OpenSession {
  readonly client: RawPolling;
  readonly sid: string;
  readonly connection: EngineConnection;
  /** The reasons of its "close" events: one at most. */
  readonly reasons: () => unknown[];
  /** Its messages. */
  readonly messages: () => unknown[];
}

/** An open polling session, both ends of it. Pings stay unanswered unless the test answers them. */
export async function openPolling(
  server: EngineServer,
  options: RawOptions = {},
): Promise<OpenSession> {
  const coming = nextConnection(server);
  const client = await RawPolling.open(server, { path, ...options });
  client.answersPings = false;
  return { client, sid: client.open.sid, ...(await coming) };
}

export interface OpenWebSocket extends Omit<OpenSession, "client"> {
  readonly socket: FrameSocket;
}

/** An open session over WebSocket, both ends of it. */
export async function openWebSocket(
  server: EngineServer,
  options: OpenOptions = {},
): Promise<OpenWebSocket> {
  const coming = nextConnection(server);
  const socket = await FrameSocket.openEngine(server, options);
  onTestFinished(() => socket.destroy());
  const both = await coming;
  return { socket, sid: both.connection.id, ...both };
}

async function nextConnection(
  server: EngineServer,
): Promise<Pick<OpenSession, "connection" | "reasons" | "messages">> {
  const [connection] = (await next(server.engine, "connection")) as [EngineConnection];
  const closes = collect(connection, "close");
  const messages = collect(connection, "message");
  return {
    connection,
    reasons: () => closes.map(([reason]) => reason),
    messages: () => messages.map(([data]) => data),
  };
}

/** Starts a GET and waits until the server has it: from then on it is pending. */
export async function pendingGet({
  client,
  connection,
}: OpenSession): Promise<{ readonly answer: Promise<Answer> }> {
  const transport = connection.transport as unknown as { writable: boolean };
  const answer = client.get();
  let answered = false;
  const look = async () => {
    while (!transport.writable && !answered) await new Promise((resolve) => setImmediate(resolve));
  };
  const finished = () => {
    answered = true;
  };
  answer.then(finished, finished);
  await within(look(), "the GET to arrive");
  // In an object: awaiting this function must not await the answer too.
  return { answer };
}
