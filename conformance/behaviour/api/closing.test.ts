/**
 * What comes while a server closes. Goal: close() ends whatever clients do meanwhile, and none of them is taken by a
 * server that goes. Socket.IO takes them, and waits for each TCP connection that is kept alive: so these are our own.
 * Method: an HTTP server that keeps connections for a minute, and requests that come over one that it has already.
 */
import http from "node:http";
import { Server } from "holdfast";
import { expect, it, onTestFinished } from "vitest";
import {
  closeWithTest,
  fetchRaw,
  inside,
  listen,
  next,
  RawPolling,
  RawWebSocket,
  stock,
  until,
  within,
} from "../../support/clients.ts";

const handshake = "/socket.io/?EIO=4&transport=polling";

interface Closing {
  readonly io: Server;
  readonly httpServer: http.Server;
  readonly url: string;
  /** Requests of the application that wait for their answer. */
  readonly pages: http.ServerResponse[];
  /** A GET over the client's only TCP connection. */
  get(path: string): ReturnType<typeof fetchRaw>;
}

async function startClosing(): Promise<Closing> {
  const pages: http.ServerResponse[] = [];
  const httpServer = http.createServer({ keepAliveTimeout: 60_000 }, (_request, response) => {
    pages.push(response);
  });
  const io = new Server(httpServer);
  closeWithTest(io);
  const url = `http://127.0.0.1:${await listen(httpServer)}`;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return { io, httpServer, url, pages, get: (path) => fetchRaw(`${url}${path}`, { agent }) };
}

/** Lets the server close only when it is told: resolves once it has begun to, with what lets it. */
async function beginToClose(io: Server): Promise<{ closed: Promise<void>; goOn: () => void }> {
  let goOn = () => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let begun = () => {};
  const asked = new Promise<void>((resolve) => {
    begun = resolve;
  });
  inside<{ close(): Promise<void> }>(io.sockets.adapter).close = () => {
    begun();
    return held;
  };
  const closed = io.close();
  await within(asked, "the server to begin to close");
  return { closed, goOn };
}

it.each([
  [503, handshake],
  [200, "/socket.io/socket.io.min.js"],
])(
  "ends though a client asks again and again over a connection that was busy: %d %s",
  async (status, path) => {
    const { io, httpServer, url, pages, get } = await startClosing();
    const page = get("/page");
    await until(() => pages.length === 1, "the request of the page");
    const closed = io.close();
    await until(() => !httpServer.listening, "the HTTP server to close");
    let open = true;
    void closed.then(() => {
      open = false;
    });
    pages[0]?.end("late");
    expect((await page).text).toBe("late");
    const answers: unknown[] = [];
    // As a page does that wants its connection back; each request keeps the TCP connection alive anew.
    while (open) {
      const answer = await get(path).catch((error: NodeJS.ErrnoException) => error.code);
      answers.push(
        typeof answer === "object" ? [answer.status, answer.headers.connection] : answer,
      );
      expect(answers.length).toBeLessThan(1000);
    }
    await closed;
    expect(answers[0]).toEqual([status, "close"]);
    await expect(fetchRaw(url + handshake)).rejects.toThrow("ECONNREFUSED");
    expect(io.engine.clientsCount).toBe(0);
  },
);

it("answers a pending poll with the last response of its TCP connection", async () => {
  const { io, url } = await startClosing();
  const raw = await RawPolling.open({ url }, { headers: { connection: "keep-alive" } });
  await raw.join();
  const poll = raw.get();
  const ready = () =>
    Object.values(inside<Record<string, { transport: { writable: boolean } }>>(io.engine.clients));
  await until(() => ready()[0]?.transport.writable === true, "the poll");
  const closed = io.close();
  const answer = await poll;
  expect([answer.text, answer.headers.connection]).toEqual(["1", "close"]);
  await within(closed, "the server to close");
});

it("refuses new connections from the beginning, and answers the application's requests", async () => {
  const { io, url, pages, get } = await startClosing();
  io.on("connection", () => expect.fail("a connection was taken"));
  const { closed, goOn } = await beginToClose(io);
  const polling = await get(handshake);
  expect([polling.status, polling.headers["retry-after"], polling.headers.connection]).toEqual([
    503,
    "1",
    "close",
  ]);
  await expect(RawWebSocket.open({ url })).rejects.toThrow("503");
  const page = get("/page");
  await until(() => pages.length === 1, "the request of the page");
  pages[0]?.end("still here");
  expect([(await page).text, (await page).headers.connection]).toEqual(["still here", "close"]);
  expect(io.engine.refusals.get("HF_DRAINING")).toBe(2);
  goOn();
  await within(closed, "the server to close");
});

it("takes connections again when its HTTP server listens again, drained before or not", async () => {
  const { io, httpServer } = await startClosing();
  for (const drained of [false, true]) {
    if (drained) await io.drain({ over: 0 });
    await within(io.close(), "the server to close");
    const url = `http://127.0.0.1:${await listen(httpServer)}`;
    await next(stock({ url }), "connect");
    const answer = await fetchRaw(`${url}${handshake}`, { headers: { connection: "keep-alive" } });
    expect([answer.status, answer.headers.connection]).toEqual([200, "keep-alive"]);
  }
});
