/** Server.close(): what clients, sockets, adapters and the http server see of it. */
import http from "node:http";
import { describe, expect, it, vi } from "vitest";
import {
  collect,
  fetchRaw,
  inside,
  listen,
  next,
  nextSocket,
  pair,
  RawPolling,
  RawWebSocket,
  start,
  stock,
  within,
} from "../../support/clients.ts";
import { loadSocketIo } from "../../support/target.ts";

const { Server } = await loadSocketIo();

describe("close()", () => {
  it("ends WebSocket connections without a DISCONNECT, so that clients come back", async () => {
    const server = await start();
    const raw = await RawWebSocket.open(server);
    await raw.join();
    const count = raw.received.length;
    await server.io.close();
    expect(await raw.finished()).toBe("close 1005");
    expect(raw.received).toHaveLength(count);
  });

  it("ends a pending poll", async () => {
    const server = await start();
    const serverSide = nextSocket(server.io);
    const raw = await RawPolling.open(server);
    await raw.join();
    const socket = await serverSide;
    const poll = raw.get();
    const transport = () => inside<{ writable: boolean }>(socket.conn.transport);
    while (!transport().writable) await new Promise((resolve) => setTimeout(resolve, 2));
    const closed = server.io.close();
    expect((await poll).text).toBe("1");
    await within(closed, "close");
  });

  it("sockets get their disconnect before it resolves; the tables are empty", async () => {
    const server = await start();
    const [socket] = await pair(server);
    const [inX] = await pair(server, "/x");
    const reasons = [collect(socket, "disconnect"), collect(inX, "disconnect")];
    await server.io.close();
    expect(reasons.map(([call]) => call?.[0])).toEqual([
      "server shutting down",
      "server shutting down",
    ]);
    expect(server.io.engine.clientsCount).toBe(0);
    expect(server.io.sockets.sockets.size).toBe(0);
  });

  it("closes the http server; no new connection is taken", async () => {
    const server = await start();
    await server.io.close();
    expect(server.httpServer.listening).toBe(false);
    await expect(fetchRaw(`${server.url}/socket.io/?EIO=4&transport=polling`)).rejects.toThrow();
  });

  it("calls back, and gives a promise that waits for the adapters", async () => {
    const server = await start();
    let adapterClosed = false;
    vi.spyOn(
      inside<{ close(): Promise<void> }>(server.io.of("/x").adapter),
      "close",
    ).mockImplementation(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      adapterClosed = true;
    });
    const callback = vi.fn(() => expect(adapterClosed).toBe(true));
    const result = server.io.close(callback);
    expect(result).toBeInstanceOf(Promise);
    expect(await result).toBeUndefined();
    expect(callback).toHaveBeenCalledTimes(1);
    expect(callback.mock.calls[0]).toEqual([undefined]);
  });

  it("resolves though an adapter fails to close", async () => {
    const server = await start();
    vi.spyOn(
      inside<{ close(): Promise<void> }>(server.io.sockets.adapter),
      "close",
    ).mockRejectedValue(new Error("on purpose"));
    await within(server.io.close(), "close");
  });

  it("the second time gives the http server's error to the callback and does not reject", async () => {
    const server = await start();
    await server.io.close();
    const error = await new Promise<unknown>((resolve) => {
      void server.io.close(resolve);
    });
    expect(inside<{ code: string }>(error).code).toBe("ERR_SERVER_NOT_RUNNING");
    await server.io.close();
  });

  it("before listen() says that the http server was not running", async () => {
    const io = new Server(http.createServer());
    const error = await new Promise<unknown>((resolve) => {
      void io.close(resolve);
    });
    expect(inside<{ code: string }>(error).code).toBe("ERR_SERVER_NOT_RUNNING");
  });

  it("works when the http server was closed by itself", async () => {
    const server = await start();
    await pair(server);
    const closed = new Promise((resolve) => server.httpServer.close(resolve));
    server.httpServer.closeAllConnections();
    await server.io.close();
    await within(closed, "the http server");
  });
});

describe("around it", () => {
  it("closing the http server closes the engine's connections once it has closed", async () => {
    const server = await start();
    const raw = await RawWebSocket.open(server);
    await raw.join();
    const closed = new Promise((resolve) => server.httpServer.close(resolve));
    raw.close();
    await within(closed, "the http server");
    expect(server.io.engine.clientsCount).toBe(0);
  });

  it("the same http server can listen again and serve the same io", async () => {
    const server = await start();
    await pair(server);
    await server.io.close();
    const port = await listen(server.httpServer);
    const client = stock({ url: `http://127.0.0.1:${port}` });
    await next(client, "connect");
    expect(server.io.engine.clientsCount).toBe(1);
  });

  it("a client that reconnects finds the next server", async () => {
    const server = await start();
    const client = stock(server, "/", {
      reconnection: true,
      reconnectionDelay: 20,
      randomizationFactor: 0,
    });
    await next(client, "connect");
    const left = next(client, "disconnect");
    await server.io.close();
    expect((await left)[0]).toBe("transport close");
    const httpServer = http.createServer();
    const io = new Server(httpServer);
    const back = next(client, "connect");
    await new Promise<void>((resolve) => httpServer.listen(server.port, "127.0.0.1", resolve));
    await back;
    client.disconnect();
    await io.close();
  });

  it("emitting after close() throws nothing", async () => {
    const server = await start();
    const [socket] = await pair(server);
    await server.io.close();
    expect(server.io.emit("ev")).toBe(true);
    expect(socket.emit("ev", 1)).toBe(true);
    expect(socket.to("x").emit("ev")).toBe(true);
  });
});
