/** Differential: connection state recovery. Offsets and pids are another each time, so they get names. */
import type { Socket } from "holdfast";
import { jsonOf, next } from "../../support/clients.ts";
import { compare, type Raw, type Scenario, type Stage } from "./stage.ts";

const options = { connectionStateRecovery: {} };

interface Session {
  readonly raw: Raw;
  readonly socket: Socket;
  readonly pid: string;
}

let names = 0;

/** Gives the offset at the end of an event a name in the transcript. */
function offsetIn(stage: Stage, frame: string): string {
  const offset = (jsonOf(frame) as unknown[]).at(-1);
  if (typeof offset !== "string") throw new Error(`no offset in ${frame}`);
  stage.hide(offset, "<offset>");
  return offset;
}

async function first(stage: Stage, nsp = "/"): Promise<Session> {
  const sockets: Socket[] = [];
  stage.io.of(nsp).once("connection", (socket) => sockets.push(socket));
  const raw = await stage.websocket("first");
  const { pid } = jsonOf(await raw.join(nsp)) as { pid: string };
  const [socket] = sockets;
  if (socket === undefined) throw new Error("no socket");
  return { raw, socket, pid };
}

/** One event, so that there is an offset; then the line is cut. */
async function cut(stage: Stage, { raw, socket }: Session): Promise<string> {
  socket.emit("before", 1);
  const offset = offsetIn(stage, await raw.until("42"));
  const left = next(socket, "disconnect");
  raw.close();
  await left;
  return offset;
}

/** Comes back and reads up to CONNECT, naming the offsets on the way. */
async function back(stage: Stage, auth: unknown, nsp = "/", transport = "websocket"): Promise<Raw> {
  const raw = await stage.open(transport, `back ${++names}`);
  await raw.send(`40${nsp === "/" ? "" : `${nsp},`}${JSON.stringify(auth)}`);
  const connect = nsp === "/" ? "40{" : `40${nsp},{`;
  for (;;) {
    const frame = await raw.next();
    if (typeof frame !== "string") continue;
    if (frame.startsWith(connect) || frame.startsWith("44")) return raw;
    offsetIn(stage, frame);
  }
}

function scenario(name: string, play: (stage: Stage) => Promise<void>, more = {}): Scenario {
  return {
    name,
    options: { connectionStateRecovery: { ...options.connectionStateRecovery, ...more } },
    async play(stage) {
      names = 0;
      await play(stage);
    },
  };
}

compare("recovery", [
  scenario("missed events of every kind come back, in order", async (stage) => {
    const session = await first(stage);
    await session.socket.join(["room", "other"]);
    session.socket.data = { user: "me", n: [1] };
    const offset = await cut(stage, session);
    stage.io.emit("all", 1, { a: null });
    stage.io.to("room").emit("room", Buffer.from([1, 2]));
    stage.io.to(["room", "other"]).emit("both");
    stage.io.to("elsewhere").emit("never");
    stage.io.except("room").emit("never");
    stage.io.to("room").except("other").emit("never");
    stage.io.volatile.emit("never");
    stage.io.local.emit("local");
    stage.io.compress(false).emit("uncompressed");
    stage.io.send("a message");
    stage.io.timeout(5).emit("never", () => undefined);
    const raw = await back(stage, { pid: session.pid, offset });
    const [socket] = [...stage.io.sockets.sockets.values()];
    stage.note(
      socket?.recovered,
      socket?.data,
      [...(socket?.rooms ?? [])],
      Object.keys(socket?.handshake.auth ?? {}),
    );
    stage.io.to("room").emit("live");
    offsetIn(stage, await raw.until("42"));
    await stage.fence(raw);
  }),
  scenario("over polling", async (stage) => {
    const session = await first(stage);
    const offset = await cut(stage, session);
    stage.io.emit("missed", Buffer.from([1]));
    await back(stage, { pid: session.pid, offset }, "/", "polling");
  }),
  scenario("in a namespace of its own", async (stage) => {
    stage.watch(stage.io.of("/a"));
    const session = await first(stage, "/a");
    session.socket.emit("before");
    const offset = offsetIn(stage, await session.raw.until("42/a,"));
    const left = next(session.socket, "disconnect");
    session.raw.close();
    await left;
    stage.io.emit("never");
    stage.io.of("/a").emit("missed");
    await back(stage, { pid: session.pid, offset }, "/a");
    await back(stage, { pid: session.pid, offset });
  }),
  scenario("three times in a row", async (stage) => {
    let session = await first(stage);
    for (let round = 0; round < 3; round++) {
      const offset = await cut(stage, session);
      stage.io.emit("missed", round);
      const raw = await back(stage, { pid: session.pid, offset });
      const [socket] = [...stage.io.sockets.sockets.values()];
      if (socket === undefined) throw new Error("no socket");
      session = { ...session, raw, socket };
    }
  }),
  scenario("with the latest offset nothing is replayed", async (stage) => {
    const session = await first(stage);
    stage.io.emit("one");
    offsetIn(stage, await session.raw.until("42"));
    const offset = await cut(stage, session);
    await back(stage, { pid: session.pid, offset });
  }),
  scenario("what carries an offset and what does not", async (stage) => {
    const { raw, socket } = await first(stage);
    const frames: (() => unknown)[] = [
      () => socket.emit("a"),
      () => socket.emit("a", "text"),
      () => stage.io.emit("a", { b: 1 }),
      () => socket.send("m"),
      () => stage.io.to(socket.id).emit("a", Buffer.from([1])),
    ];
    for (const emit of frames) {
      emit();
      const frame = await raw.until("4");
      offsetIn(stage, frame);
    }
    socket.emit("ask", "text", () => undefined);
    socket.volatile.emit("volatile", "text");
    stage.io.timeout(5).emit("ask", () => undefined);
    await stage.fence(raw);
  }),
  ...(
    [
      ["an unknown pid", (_pid: string, offset: string) => ({ pid: "a".repeat(19), offset })],
      ["an unknown offset", (pid: string) => ({ pid, offset: "nowhere" })],
      ["no pid", (_pid: string, offset: string) => ({ offset })],
      ["a number for a pid", (_pid: string, offset: string) => ({ pid: 1, offset })],
      ["a number for an offset", (pid: string) => ({ pid, offset: 1 })],
      ["null for an offset", (pid: string) => ({ pid, offset: null })],
    ] as const
  ).map(([what, auth]) =>
    scenario(`refused: ${what}`, async (stage) => {
      const session = await first(stage);
      const offset = await cut(stage, session);
      stage.io.emit("missed");
      const raw = await back(stage, auth(session.pid, offset));
      await stage.fence(raw);
    }),
  ),
  scenario("refused: the old connection lives", async (stage) => {
    const session = await first(stage);
    session.socket.emit("before");
    const offset = offsetIn(stage, await session.raw.until("42"));
    const raw = await back(stage, { pid: session.pid, offset });
    await stage.fence(raw);
    await stage.fence(session.raw);
  }),
  scenario(
    "refused: too late",
    async (stage) => {
      const session = await first(stage);
      const offset = await cut(stage, session);
      await new Promise((resolve) => setTimeout(resolve, 30));
      await back(stage, { pid: session.pid, offset });
    },
    { maxDisconnectionDuration: 10 },
  ),
  ...(
    [
      ["the client's DISCONNECT", ({ raw }: Session) => raw.send("41")],
      ["disconnect()", ({ socket }: Session) => socket.disconnect()],
      ["disconnect(true)", ({ socket }: Session) => socket.disconnect(true)],
      ["conn.close()", ({ socket }: Session) => socket.conn.close()],
      ["a ping", ({ raw }: Session) => raw.send("2")],
      ["a bad Engine.IO packet", ({ raw }: Session) => raw.send("x")],
      ["a bad Socket.IO packet", ({ raw }: Session) => raw.send("42{}")],
    ] as const
  ).map(([what, end]) =>
    scenario(`after ${what}`, async (stage) => {
      const session = await first(stage);
      session.socket.emit("before");
      const offset = offsetIn(stage, await session.raw.until("42"));
      const left = next(session.socket, "disconnect");
      await end(session);
      await left;
      stage.io.emit("missed");
      await back(stage, { pid: session.pid, offset });
    }),
  ),
  scenario(
    "with middlewares",
    async (stage) => {
      let tries = 0;
      stage.io.use((socket, nextFn) => {
        stage.note("middleware", socket.recovered, [...socket.rooms].length);
        nextFn(++tries === 3 ? new Error("no") : undefined);
      });
      const session = await first(stage);
      const offset = await cut(stage, session);
      stage.io.emit("missed");
      const raw = await back(stage, { pid: session.pid, offset });
      raw.close();
      await next([...stage.io.sockets.sockets.values()][0], "disconnect");
      await back(stage, { pid: session.pid, offset });
    },
    { skipMiddlewares: false },
  ),
  scenario("without middlewares", async (stage) => {
    stage.io.use((_socket, nextFn) => {
      stage.note("middleware");
      nextFn();
    });
    const session = await first(stage);
    const offset = await cut(stage, session);
    await back(stage, { pid: session.pid, offset });
  }),
]);
