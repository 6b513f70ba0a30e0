/** WebTransport between Chromium, with the stock client, and a real HTTP/3 server that hands its sessions to ours. */
import type { Page } from "playwright-core";
import type { Socket as ClientSocket } from "socket.io-client";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { useChromium } from "../chromium.ts";
import { type DenoServer, startDeno } from "./deno.ts";

declare const io: typeof import("socket.io-client").io;
/** The test's socket in the page, and the reason why it was disconnected. */
declare let client: ClientSocket;
declare let ended: Promise<string>;

const chromium = useChromium({ quic: true });
let server: DenoServer;
let page: Page;

beforeAll(async () => {
  server = await startDeno();
});
afterAll(() => server.stop());

beforeEach(async () => {
  page = await chromium.page();
  await page.goto(server.url);
  await page.addScriptTag({ url: `${server.url}/socket.io/socket.io.min.js` });
});

/** Connects in the page; gives the transport that the client ends up on. */
function connect(transports: string[]): Promise<string> {
  return page.evaluate(
    ([names, hash]) =>
      new Promise<string>((resolve, reject) => {
        const value = new Uint8Array(hash);
        const serverCertificateHashes = [{ algorithm: "sha-256", value }];
        const socket = io({
          transports: [...names],
          reconnection: false,
          transportOptions: { webtransport: { serverCertificateHashes } },
        });
        const { engine } = socket.io;
        const done = () => resolve(engine.transport.name);
        if (names.length === 1) socket.on("connect", done);
        else engine.once("upgrade", done);
        socket.on("connect_error", reject);
        Object.assign(globalThis, {
          client: socket,
          ended: new Promise((over) => socket.on("disconnect", over)),
        });
      }),
    [transports, server.certificateHash] as const,
  );
}

/** Events both ways, with acknowledgements, text and bytes; gives what came back. */
function exercise() {
  return page.evaluate(async () => {
    const numbers = (value: unknown) => [...new Uint8Array(value as ArrayBuffer)];
    client.on("question", (bytes: unknown, text: unknown, ack: (answer: unknown) => void) => {
      ack([text, ...numbers(bytes)]);
    });
    const ask = client.timeout(5000);
    const large = new Uint8Array(300_000).map((_, index) => index % 251);
    const back = new Uint8Array(await ask.emitWithAck("echo", large.buffer));
    const many = Array.from({ length: 100 }, (_, n) => ask.emitWithAck("echo", n));
    return {
      text: await ask.emitWithAck("echo", "é€👋"),
      kind: await ask.emitWithAck("kind", new Blob([new Uint8Array([6, 7])])),
      asked: await ask.emitWithAck("ask me"),
      large: back.length === large.length && back.every((byte, index) => byte === large[index]),
      many: (await Promise.all(many)).every((answer, n) => answer === n),
    };
  });
}

const exercised = {
  text: "é€👋",
  kind: "Buffer 0607",
  asked: ["text", 1, 2, 3],
  large: true,
  many: true,
};

const id = () => page.evaluate(() => client.id);

it("connects directly, and carries text and bytes both ways", async () => {
  expect(await connect(["webtransport"])).toBe("webtransport");
  await server.tells({ connected: await id(), transport: "webtransport" });
  expect(await exercise()).toEqual(exercised);
});

it("is moved to from polling", async () => {
  expect(await connect(["polling", "webtransport"])).toBe("webtransport");
  await server.tells({ connected: await id(), transport: "polling" });
  await server.tells({ upgraded: "webtransport" });
  expect(await exercise()).toEqual(exercised);
});

it("is closed by the client", async () => {
  await connect(["webtransport"]);
  const socketId = await id();
  await page.evaluate(() => client.disconnect());
  await server.tells({ disconnected: socketId, reason: "client namespace disconnect" });
});

// Deno does not tell of a session whose page is gone: the heartbeat finds it.
it("ends when the page goes away", async () => {
  await connect(["webtransport"]);
  const socketId = await id();
  await page.close();
  await server.tells({ disconnected: socketId, reason: "ping timeout" });
});

// Deno's close() does not wait for what was written, so the page may or may not get the last packet.
it("is closed by the server", async () => {
  await connect(["webtransport"]);
  const socketId = await id();
  const reason = await page.evaluate(() => {
    client.emit("send me away");
    return ended;
  });
  expect(["io server disconnect", "transport close", "transport error"]).toContain(reason);
  await server.tells({ disconnected: socketId, reason: "server namespace disconnect" });
});
