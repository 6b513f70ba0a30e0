/** What middlewares of the engine and listeners put into the head of a WebSocket's 101. */
import type http from "node:http";
import { expect, it } from "vitest";
import { inside, next, RawWebSocket, start } from "../../support/clients.ts";

interface Engine extends NodeJS.EventEmitter {
  use(middleware: (req: unknown, res: http.ServerResponse, nextFn: () => void) => void): void;
}

it("a header keeps the name that a middleware gave it, and listeners find it by that", async () => {
  const server = await start();
  const engine = inside<Engine>(server.io.engine);
  engine.use((_req, res, nextFn) => {
    res.setHeader("X-Kept", "as given");
    res.setHeader("X-Changed", "by the middleware");
    nextFn();
  });
  const seen: unknown[] = [];
  engine.on("headers", (headers: Record<string, unknown>) => {
    seen.push(headers["X-Changed"]);
    headers["X-Changed"] = "by the listener";
  });
  const [response] = await next(RawWebSocket.dial(server).socket, "upgrade");
  const { rawHeaders } = inside<http.IncomingMessage>(response);
  expect(seen).toEqual(["by the middleware"]);
  expect(rawHeaders.filter((part) => /^x-/i.test(part))).toEqual(["X-Kept", "X-Changed"]);
  expect(rawHeaders).toContain("by the listener");
});
