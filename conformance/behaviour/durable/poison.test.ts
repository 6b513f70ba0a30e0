/** An entry that a client cannot take is set aside for its session, and the rest goes on. */
import { expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import {
  engineUrl,
  jsonOf,
  nextSocket,
  RawPolling,
  RawWebSocket,
  type Running,
  start,
  until,
} from "../../support/clients.ts";

/** The client leaves the namespace. */
async function leave(server: Running, raw: RawWebSocket): Promise<void> {
  const [socket] = server.io.sockets.sockets.values();
  await raw.send("41");
  await until(() => socket?.connected === false, "the socket to be disconnected");
}

it('WIRE 11f: after five connections that ended on it, replayed alone, with a gap "skipped"', async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const server = await start({ store: "memory" });
  server.io.on("connection", (socket) => {
    // At once, so that a poll that was not answered is not what ends it.
    void socket.join("room");
  });
  // A client that gives up on a packet answers nothing after it.
  const open = async () => {
    const raw = await RawWebSocket.open(server);
    raw.answersPings = false;
    return raw;
  };
  const first = await open();
  const { pid } = jsonOf(await first.join()) as { pid: string };
  for (const event of ["poison", "after"]) server.io.to("room").emit(event);

  const sent: string[][] = [];
  let raw = first;
  for (let connection = 0; connection < 8; connection++) {
    if (connection > 0) {
      raw = await open();
      await raw.send(`40${JSON.stringify({ pid })}`);
    }
    const frames = () => raw.received.map(String).filter((frame) => frame.startsWith('42["'));
    await until(
      () => frames().some((frame) => frame.includes("poison") || frame.includes("after")),
      "an entry",
    );
    sent.push(frames());
    if (!frames().some((frame) => frame.includes("poison"))) break;
    if (sent.length === 8) break;
    const socket = [...server.io.sockets.sockets.values()][0];
    raw.close();
    await until(() => socket?.connected !== true, "the end of the connection");
  }
  const poisoned = sent.filter((frames) => frames.some((frame) => frame.includes("poison")));
  expect(poisoned).toHaveLength(5);
  // From the second time on nothing follows it.
  for (const frames of poisoned.slice(1)) expect(frames.join()).not.toContain("after");
  const last = sent.at(-1)?.join() ?? "";
  expect(last).toContain("after");
  expect(last).toContain('"reason":"skipped"');
  // Nothing proves that it has been told: it is told again.
  const socket = [...server.io.sockets.sockets.values()][0];
  raw.close();
  await until(() => socket?.connected !== true, "the end of the connection");
  raw = await open();
  await raw.send(`40${JSON.stringify({ pid })}`);
  expect(await raw.until('42["hf:gap')).toContain('"reason":"skipped"');
  expect(await raw.until('42["')).toContain("after");
  expect(log).toHaveBeenCalledOnce();
  log.mockRestore();
});

it("S8: goes on behind an entry that is suspected and that the client has, also before CONNECT", async () => {
  // Connection state recovery over polling: what was missed may come in the payload with CONNECT.
  const server = await start({ store: "memory", connectionStateRecovery: {} });
  server.io.on("connection", (socket) => void socket.join("room"));
  const first = await RawPolling.open(server);
  first.answersPings = false;
  const { pid } = jsonOf(await first.join()) as { pid: string };
  server.io.to("room").emit("n", 1);
  const [, , offset] = jsonOf(await first.until('42["n",1')) as [string, number, string];
  // It is gone before it has confirmed the event, which is suspected for it.
  const [socket] = server.io.sockets.sockets.values();
  await first.post("1");
  await until(() => socket?.connected === false, "the end of the connection");
  for (let n = 2; n <= 5; n++) server.io.to("room").emit("n", n);

  const second = await RawPolling.open(server);
  await second.send(`40${JSON.stringify({ pid, offset })}`);
  // The next heartbeat is far away: nothing but the answer to a ping for it makes it go on.
  await second.until('42["n",5');
  const events = second.received.map(String).filter((frame) => frame.startsWith("42"));
  expect(events.map((frame) => frame.slice(0, 8))).toEqual([2, 3, 4, 5].map((n) => `42["n",${n}`));
});

it("is not what a page chokes on that goes, again and again, before it has asked for it", async () => {
  const server = await start({ store: "memory" });
  server.io.on("connection", (socket) => void socket.join("room"));
  const first = await RawPolling.open(server);
  const { pid } = jsonOf(await first.join()) as { pid: string };
  const ended = async (raw: RawPolling) => {
    const [socket] = server.io.sockets.sockets.values();
    await raw.post("1");
    await until(() => socket?.connected === false, "the end of the connection");
  };
  await ended(first);
  server.io.to("room").emit("n", 1);
  for (let reload = 0; reload < 8; reload++) {
    const raw = await RawPolling.open(server);
    await raw.post(`40${JSON.stringify({ pid })}`);
    const waits = () => [...server.io.sockets.sockets.values()][0]?.conn.writeBuffer ?? [];
    await until(() => waits().some(({ data }) => data === '2["n",1]'), "the event to wait");
    await ended(raw);
  }
  const last = await RawPolling.open(server);
  await last.send(`40${JSON.stringify({ pid })}`);
  expect(await last.until('42["n"')).toBe('42["n",1]');
});

it("is not what a client chokes on that takes its leave, again and again, before it has confirmed it", async () => {
  const server = await start({ store: "memory", identify: () => "device" });
  server.io.on("connection", (socket) => void socket.join("room"));
  const open = async (answers: boolean) => {
    const raw = await RawWebSocket.open(server);
    raw.answersPings = answers;
    await raw.send("40");
    return raw;
  };
  const first = await open(true);
  await first.until("40");
  await leave(server, first);
  server.io.to("room").emit("n", 1);
  for (let visit = 0; visit < 8; visit++) {
    const raw = await open(false);
    expect(await raw.until('42["n"')).toBe('42["n",1]');
    await leave(server, raw);
  }
});

it("is set aside also when the client ends the connection in the middle of it", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const server = await start({ store: "memory", identify: () => "device" });
  server.io.on("connection", (socket) => void socket.join("room"));
  const open = () => {
    const url = engineUrl(server, "websocket").replace(/^http/, "ws");
    const socket = new WebSocket(url, { maxPayload: 1024 * 1024 });
    onTestFinished(() => socket.terminate());
    const frames: string[] = [];
    socket.on("error", () => undefined);
    socket.on("message", (data: Buffer) => {
      const frame = data.toString("utf8");
      frames.push(frame);
      if (frame.startsWith("0")) socket.send("40");
      if (frame === "2") socket.send("3");
    });
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    return { frames, closed };
  };
  const [connected] = [nextSocket(server.io)];
  const first = open();
  const socket = await connected;
  await until(() => socket.rooms.has("room"), "the client to be in the room");
  server.io.to("room").emit("n", "x".repeat(32 * 1024 * 1024));
  server.io.to("room").emit("after");
  await first.closed;
  let seen: string[] = [];
  for (let connection = 1; connection < 8; connection++) {
    await until(() => server.io.sockets.sockets.size === 0, "the end of the connection");
    const { frames, closed } = open();
    const ended = closed.then(() => true);
    const after = until(() => frames.includes('42["after"]'), "what follows").then(() => false);
    after.catch(() => undefined);
    seen = frames;
    if (!(await Promise.race([ended, after]))) break;
  }
  expect(seen).toContain('42["after"]');
  log.mockRestore();
});

/** A server on which a client of two namespaces has missed an event in each. */
async function twoNamespaces() {
  const server = await start({ store: "memory", identify: () => "device" });
  const names = ["/", "/b"];
  for (const name of names) {
    server.io.of(name).on("connection", (socket) => void socket.join("room"));
  }
  const open = async (answersPings: boolean) => {
    const raw = await RawWebSocket.open(server);
    raw.answersPings = answersPings;
    await raw.send("40");
    await raw.send("40/b,");
    return raw;
  };
  const end = async (raw: RawWebSocket) => {
    raw.close();
    const connected = () => names.some((name) => server.io.of(name).sockets.size > 0);
    await until(() => !connected(), "the end of the connection");
  };
  const first = await open(true);
  await first.until("40/b,");
  await end(first);
  server.io.to("room").emit("poison");
  server.io.of("/b").to("room").emit("n", 1);
  return { open, end };
}

it("is that of its own namespace: those of others are not set aside with it", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const { open, end } = await twoNamespaces();
  for (let connection = 0; connection < 5; connection++) {
    const raw = await open(false);
    await raw.until('42["poison"]');
    await end(raw);
  }
  const last = await open(true);
  expect(await last.until('42/b,["n"')).toBe('42/b,["n",1]');
  expect(log).toHaveBeenCalledOnce();
  log.mockRestore();
});

it("lets the other namespaces of the connection go on when it has arrived", async () => {
  const { open, end } = await twoNamespaces();
  const raw = await open(false);
  await raw.until('42["poison"]');
  await raw.until('42/b,["n"');
  await end(raw);
  const last = await open(true);
  await last.until('42["poison"]');
  expect(await last.until('42/b,["n"')).toBe('42/b,["n",1]');
});
