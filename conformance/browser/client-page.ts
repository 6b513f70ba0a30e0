/** A page of a server of ours with one of the client bundles that it serves, and what the tests do in it. */
import type { Page } from "playwright-core";
import type { ManagerOptions, SocketOptions } from "socket.io-client";
import { onTestFinished } from "vitest";
import { type SocketIoTestServer, startSocketIo } from "../support/servers.ts";

/** The global that the bundles make. */
declare const io: typeof import("socket.io-client").io;

export type ServerOptions = Parameters<typeof startSocketIo>[0];
export type ClientOptions = Partial<ManagerOptions & SocketOptions>;

export const bundles = [
  "socket.io.js",
  "socket.io.min.js",
  "socket.io.esm.min.js",
  "socket.io.msgpack.min.js",
] as const;
export type Bundle = (typeof bundles)[number];

/** A server with an empty page at `/page`. */
export async function startWithPage(options: ServerOptions = {}): Promise<SocketIoTestServer> {
  const server = await startSocketIo(options);
  onTestFinished(() => server.close());
  server.httpServer.on("request", (request, response) => {
    if (request.url !== "/page") return;
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>page</title>");
  });
  return server;
}

/** Opens the page of the server and loads the client that it serves. */
export async function openClient(
  page: Page,
  server: SocketIoTestServer,
  bundle: Bundle = "socket.io.min.js",
): Promise<void> {
  await page.goto(`${server.url}/page`);
  const url = `${server.url}/socket.io/${bundle}`;
  if (bundle.includes(".esm.")) {
    const content = `import { io } from ${JSON.stringify(url)}; globalThis.io = io;`;
    await page.addScriptTag({ type: "module", content });
  } else {
    await page.addScriptTag({ url });
  }
  await page.waitForFunction(() => "io" in globalThis);
}

/** Connects once from the page: the transport that it is on, or why it failed. */
export function tryToConnect(page: Page, url: string, options: ClientOptions): Promise<string> {
  return page.evaluate(
    ([target, opts]) =>
      new Promise<string>((resolve) => {
        const socket = io(target, { forceNew: true, reconnection: false, ...opts });
        const end = (outcome: string) => {
          socket.disconnect();
          resolve(outcome);
        };
        socket.on("connect", () => end(socket.io.engine.transport.name));
        socket.on("connect_error", (error) => end(`refused: ${error.message}`));
      }),
    [url, options] as const,
  );
}
