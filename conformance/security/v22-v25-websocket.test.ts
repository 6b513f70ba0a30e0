/** V22 to V25: what `ws` guards against by its version and our options, through the whole server. */
import { deflateRawSync } from "node:zlib";
import { expect, it } from "vitest";
import {
  encodeFrame,
  handshakeHeaders,
  opcodes,
  rsv1,
  webSocketTarget,
} from "../support/raw-websocket.ts";
import {
  expectServed,
  inParallel,
  joinNamespace,
  mib,
  openTcp,
  openWebSocket,
  path,
  startVictim,
  text,
  useVictims,
} from "./victim.ts";

useVictims();

it.each([
  ["one byte", "x"],
  ["no byte", ""],
])("V22: fragments of %s close the connection at their limit", async (_what, payload) => {
  const victim = await startVictim();
  const before = await victim.report();
  const fragment = encodeFrame({ opcode: opcodes.continuation, fin: false, payload });
  const many = Buffer.concat(Array.from({ length: 5000 }, () => fragment));
  await inParallel(10, 5, async () => {
    const socket = await joinNamespace(victim);
    await socket.connection.write(encodeFrame({ opcode: opcodes.text, fin: false, payload }));
    for (let i = 0; i < 4; i++) await socket.connection.write(many);
    expect([1008, 1009]).toContain((await socket.closed()).code);
  });
  await victim.until(({ connections }) => connections === 0, "closed");
  // The fragments of one connection take more than that.
  await victim.letGo(before, 2 * mib);
  await expectServed(victim);
});

it("V22: chunks of one byte close the connection before they take a megabyte or four", async () => {
  const victim = await startVictim({ byteByByte: true });
  const before = await victim.report();
  const socket = await joinNamespace(victim);
  await socket.send({ opcode: opcodes.text, claimedLength: 900_000, payload: "42" });
  // 15,625 are taken.
  await socket.connection.write(Buffer.alloc(15_000));
  const full = await victim.until(({ bytesRead }) => bytesRead > 15_000, "read");
  expect(full.connections).toBe(1);
  expect(full.held - before.held).toBeLessThan(4 * mib);
  await socket.connection.write(Buffer.alloc(25_000));
  expect((await socket.closed()).code).toBe(1008);
  await expectServed(victim);
});

it("V23: an idle connection pins no buffer that something came in", async () => {
  const victim = await startVictim();
  const before = await victim.report();
  const count = 400;
  // A read takes as much as has come, up to 64 KiB, and a view of any of its bytes keeps it whole.
  const pong = encodeFrame({ opcode: opcodes.pong, payload: Buffer.alloc(125) });
  const chunk = Buffer.concat([...Array.from({ length: 450 }, () => pong), encodeFrame(text("3"))]);
  await inParallel(count, 20, async () => {
    const socket = await openWebSocket(victim);
    await socket.connection.write(chunk);
  });
  const after = await victim.report();
  expect(after.connections).toBe(count);
  expect((after.held - before.held) / count).toBeLessThan(15_000);
});

it("V24: pings whose pongs nobody reads take no more memory than sixty", async () => {
  const victim = await startVictim();
  const before = await victim.report();
  const ping = encodeFrame({ opcode: opcodes.ping, payload: Buffer.alloc(125) });
  const many = Buffer.concat(Array.from({ length: 8000 }, () => ping));
  const sockets = await Promise.all(Array.from({ length: 5 }, () => joinNamespace(victim)));
  await Promise.all(
    sockets.map(async ({ connection }) => {
      connection.socket.pause();
      // The kernel may stop taking them, which is as good.
      for (let i = 0; i < 20; i++) connection.socket.write(many);
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }),
  );
  const { held } = await victim.report();
  expect((held - before.held) / sockets.length).toBeLessThan(mib);
  for (const socket of sockets) socket.destroy();
  await expectServed(victim);
});

it("V25: compression is off unless asked for", async () => {
  const victim = await startVictim();
  const headers = { "Sec-WebSocket-Extensions": "permessage-deflate" };
  const socket = await openWebSocket(victim, { headers });
  expect(socket.answer.headers.has("sec-websocket-extensions")).toBe(false);
});

it("V25: what inflates to more than a message may have closes with 1009 and is not kept", async () => {
  const victim = await startVictim({ options: { perMessageDeflate: true } });
  const before = await victim.report();
  const bomb = deflateRawSync(Buffer.alloc(200 * mib), { finishFlush: 2 });
  await inParallel(4, 2, async () => {
    const headers = { "Sec-WebSocket-Extensions": "permessage-deflate" };
    const socket = await openWebSocket(victim, { headers, readsHandshake: false });
    await socket.send({ opcode: opcodes.text, rsv: rsv1, payload: bomb });
    expect((await socket.closed()).code).toBe(1009);
  });
  const after = await victim.report();
  expect(after.rss - before.rss).toBeLessThan(48 * mib);
  await victim.letGo(before, 4 * mib);
  await expectServed(victim);
});

it("V25: every value of every parameter of the extension is answered", async () => {
  const victim = await startVictim({ options: { perMessageDeflate: true } });
  const names = [
    "server_max_window_bits",
    "client_max_window_bits",
    "server_no_context_takeover",
    "client_no_context_takeover",
    "constructor",
  ];
  const values = [
    "",
    "=",
    "=0",
    "=7",
    "=8",
    "=15",
    "=16",
    "=-1",
    "=99999999999",
    '="15"',
    "=1e1",
    "=a",
    "=15; server_max_window_bits=10",
  ];
  for (const name of names) {
    for (const value of values) {
      for (const offer of [
        `permessage-deflate; ${name}${value}`,
        `permessage-deflate; ${name}${value}; ${name}${value}`,
      ]) {
        const connection = await openTcp(victim);
        const headers = handshakeHeaders({ "Sec-WebSocket-Extensions": offer });
        const answer = await connection.request({ target: webSocketTarget({ path }), headers });
        expect([101, 400]).toContain(answer.status);
        connection.destroy();
      }
    }
  }
  await expectServed(victim);
});
