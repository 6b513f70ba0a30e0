/** The client bundles that the server serves, in Chromium: every transport, text and bytes, acknowledgements both ways. */
import type { Page } from "playwright-core";
import type { Socket as ClientSocket } from "socket.io-client";
import msgpackParser from "socket.io-msgpack-parser";
import { expect, it } from "vitest";
import { next } from "../support/clients.ts";
import type { SocketIoTestServer } from "../support/servers.ts";
import { useChromium } from "./chromium.ts";
import { type Bundle, bundles, openClient, startWithPage } from "./client-page.ts";

declare const io: typeof import("socket.io-client").io;

const chromium = useChromium();

const routes = [
  { name: "polling", transports: ["polling"] },
  { name: "websocket", transports: ["websocket"] },
  { name: "the upgrade", transports: ["polling", "websocket"] },
];

/** Sends back what it gets, and says what bytes came as. */
async function startEcho(bundle: Bundle): Promise<SocketIoTestServer> {
  const parser = bundle.includes("msgpack") ? { parser: msgpackParser } : {};
  const server = await startWithPage(parser);
  server.io.on("connection", (socket) => {
    socket.on("echo", (...args: unknown[]) => {
      const ack = args.pop() as (...answer: unknown[]) => void;
      ack(...args);
    });
    socket.on("kind", (value: unknown, ack: (kind: string) => void) => {
      ack(Buffer.isBuffer(value) ? `Buffer ${value.toString("hex")}` : typeof value);
    });
    socket.on("ask me", async (ack: (answer: unknown) => void) => {
      ack(await socket.timeout(5000).emitWithAck("question", Buffer.of(1, 2, 3), "text"));
    });
  });
  return server;
}

/** What a client in the page gets back, with bytes as `bytes 0102`. */
function exercise(page: Page, transports: readonly string[], stockParser: boolean) {
  return page.evaluate(
    async ({ names, stock }) => {
      const show = (value: unknown): unknown => {
        if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
          const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(value)
            ? value
            : { buffer: value, byteOffset: 0, byteLength: value.byteLength };
          const bytes = [...new Uint8Array(buffer, byteOffset, byteLength)];
          return `bytes ${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
        }
        if (Array.isArray(value)) return value.map(show);
        if (typeof value !== "object" || value === null) return value;
        return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, show(part)]));
      };
      const bytesOf = (...bytes: number[]): ArrayBuffer => new Uint8Array(bytes).buffer;
      const socket: ClientSocket = io({ transports: [...names], forceNew: true });
      const { engine } = socket.io;
      const upgraded = new Promise<void>((resolve) => {
        if (names.length === 1) resolve();
        else engine.once("upgrade", () => resolve());
      });
      socket.on("question", (bytes: unknown, text: unknown, ack: (answer: unknown) => void) => {
        ack({ bytes: show(bytes), text, back: bytesOf(9, 8) });
      });
      // Some of it goes out before the upgrade, some during it, some after it.
      const early = Promise.all(
        Array.from({ length: 20 }, (_, n) => socket.emitWithAck("echo", n)),
      );
      await upgraded;
      const ask = socket.timeout(5000);
      const nested = { list: [new ArrayBuffer(2), { deep: bytesOf(7) }], text: "é€👋" };
      const kinds = [await ask.emitWithAck("kind", bytesOf(4, 5))];
      if (stock) {
        kinds.push(await ask.emitWithAck("kind", new Blob([bytesOf(6)])));
        kinds.push(await ask.emitWithAck("kind", new Uint8Array([0, 7]).subarray(1)));
      }
      const results = {
        early: await early,
        text: show(await ask.emitWithAck("echo", "text")),
        bytes: show(await ask.emitWithAck("echo", bytesOf(1, 2, 255))),
        nested: show(await ask.emitWithAck("echo", nested)),
        large: (await ask.emitWithAck("echo", "x".repeat(300_000))).length,
        kinds,
        asked: show(await ask.emitWithAck("ask me")),
        transport: engine.transport.name,
      };
      socket.disconnect();
      return results;
    },
    { names: transports, stock: stockParser },
  );
}

// One page for all routes: a page costs more than what is done in it.
it.each(bundles)("%s carries text, bytes and acknowledgements both ways", async (bundle) => {
  const server = await startEcho(bundle);
  const page = await chromium.page();
  await openClient(page, server, bundle);
  // The other one knows no bytes but an ArrayBuffer.
  const stockParser = !bundle.includes("msgpack");
  for (const { name, transports } of routes) {
    const left = new Promise((resolve) => {
      server.io.once("connection", (socket) => socket.on("disconnect", resolve));
    });
    const results = await exercise(page, transports, stockParser);
    expect({ name, ...results }).toEqual({
      name,
      early: Array.from({ length: 20 }, (_, n) => n),
      text: "text",
      bytes: "bytes 0102ff",
      nested: { list: ["bytes 0000", { deep: "bytes 07" }], text: "é€👋" },
      large: 300_000,
      kinds: ["Buffer 0405", ...(stockParser ? ["Buffer 06", "Buffer 07"] : [])],
      asked: { bytes: "bytes 010203", text: "text", back: "bytes 0908" },
      transport: transports.at(-1),
    });
    expect(await left).toBe("client namespace disconnect");
  }
});

it("tells the server when the page goes away", async () => {
  const server = await startEcho("socket.io.js");
  const page = await chromium.page();
  await openClient(page, server, "socket.io.js");
  const connected = next(server.io, "connection");
  await page.evaluate(() => {
    io({ transports: ["websocket"] });
  });
  const [socket] = await connected;
  const left = next(socket, "disconnect");
  await page.close();
  expect((await left)[0]).toBe("transport close");
});
