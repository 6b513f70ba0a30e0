/** V1 to V5: hostile packets, sent to a whole server. The codecs alone: packages/protocol/src/vulnerabilities.test.ts. */
import { expect, it } from "vitest";
import { requestBytes } from "../support/raw-http.ts";
import { opcodes } from "../support/raw-websocket.ts";
import {
  binary,
  expectClosedFor,
  expectServed,
  growth,
  growthMax,
  inParallel,
  joinNamespace,
  mib,
  openPolling,
  openTcp,
  pollingTarget,
  startVictim,
  text,
  useVictims,
} from "./victim.ts";

useVictims();

it("V1: a body or a message in pieces of one byte costs in proportion to its length", async () => {
  let victim = await startVictim();
  const body = async (bytes: number) => {
    const connection = await openTcp(victim);
    const target = pollingTarget(`sid=${await openPolling(victim)}`);
    const headers: [string, string][] = [["Transfer-Encoding", "chunked"]];
    const packet = `4${"x".repeat(bytes)}`;
    const chunks = [...packet].map((character) => `1\r\n${character}\r\n`).join("");
    await connection.write(requestBytes({ method: "POST", target, headers }));
    await connection.write(`${chunks}0\r\n\r\n`);
    expect((await connection.answer()).status).toBe(200);
    connection.destroy();
  };
  expect(await growth(victim, body, 60_000)).toBeLessThan(growthMax);

  const fragments = async (count: number) => {
    const socket = await joinNamespace(victim);
    const parts = Array.from(`421["echo","${"x".repeat(count)}"]`, (character, i) => ({
      opcode: i === 0 ? opcodes.text : opcodes.continuation,
      fin: false,
      payload: character,
    }));
    await socket.send([...parts, { opcode: opcodes.continuation, payload: "" }]);
    expect((await socket.message()).payload.length).toBe(count + 7);
    socket.destroy();
  };
  expect(await growth(victim, fragments, 7000)).toBeLessThan(growthMax);
  await expectServed(victim);

  // Copies are so fast that a square of them may hide behind the cost of the pieces: they are counted.
  victim = await startVictim({ countCopies: true });
  for (const [attack, size] of [
    [body, 60_000],
    [fragments, 7000],
  ] as const) {
    await victim.report();
    await attack(size);
    const { copiedBytes } = await victim.report();
    expect(copiedBytes).toBeGreaterThan(size);
    expect(copiedBytes).toBeLessThan(5 * size);
  }
});

it("V2: a placeholder that is none of the packet's attachments closes the connection", async () => {
  const victim = await startVictim();
  const nums = ["-1", "1.5", '"0"', "1e9", '"length"', '"__proto__"', '"push"', "null"];
  for (const num of nums) {
    const packet = text(`451-["echo",{"_placeholder":true,"num":${num}}]`);
    await expectClosedFor(victim, packet, binary(Buffer.from("a")));
  }
  const socket = await joinNamespace(victim);
  await socket.send(text('421["echo",{"_placeholder":true,"num":"__proto__"}]'));
  const { payload } = await socket.message();
  expect(payload.toString()).toBe('431[{"_placeholder":true,"num":"__proto__"}]');
  const report = await victim.report();
  expect(report.refusals).toEqual({ HF_PACKET_INVALID: nums.length });
  expect(report.events).toHaveLength(1);
});

it("V3: an event whose name is neither text nor number closes the connection", async () => {
  const victim = await startVictim();
  const names = [
    "{}",
    '{"toString":{},"valueOf":1}',
    '{"length":1}',
    "[]",
    '["a"]',
    "null",
    "true",
  ];
  for (const name of names) {
    for (const head of ["42", "421"]) await expectClosedFor(victim, text(`${head}[${name},1]`));
    await expectClosedFor(victim, text(`451-[${name}]`));
  }
  const report = await victim.report();
  expect(report.refusals).toEqual({ HF_PACKET_INVALID: names.length * 3 });
  expect(report.events).toEqual([]);
  await expectServed(victim);
});

it("V4: more than ten attachments, or a count that is none, closes the connection", async () => {
  const victim = await startVictim();
  const heads = ["4511-", "4599999-", "459e9-", "45 1-", "4501-", "45Infinity-", "46-1-"];
  for (const head of heads) await expectClosedFor(victim, text(`${head}["a"]`));
  await expectClosedFor(victim, text("451-"));
  expect((await victim.report()).refusals).toEqual({ HF_PACKET_INVALID: heads.length + 1 });
});

it("V4: attachments that do not come close the connection in time, and their bytes are let go", async () => {
  const victim = await startVictim({ options: { limits: { attachmentsTimeout: 500 } } });
  const before = await victim.report();
  const attachment = binary(Buffer.alloc(900_000));
  await inParallel(12, 4, async () => {
    const socket = await joinNamespace(victim);
    await socket.send([text('4510-["a"]'), ...Array.from({ length: 9 }, () => attachment)]);
    // The client reads what comes, so that it learns of the end.
    void socket.closed().catch(() => undefined);
  });
  const after = await victim.until(({ connections }) => connections === 0, "closed");
  expect(after.refusals).toEqual({ HF_ATTACHMENTS_TIMEOUT: 12 });
  await victim.until(({ tcpSockets }) => tcpSockets === 0, "without sockets");
  await victim.letGo(before, 8 * mib);
});

it("V4: the option limits.pendingBytes bounds the incomplete packets of all clients", async () => {
  const victim = await startVictim({ options: { limits: { pendingBytes: 4_000_000 } } });
  const before = await victim.report();
  await inParallel(10, 2, async () => {
    const socket = await joinNamespace(victim);
    await socket.send([text('4510-["a"]'), binary(Buffer.alloc(900_000))]);
    void socket.closed().catch(() => undefined);
  });
  const { held } = await victim.until(({ refusals }) => {
    return (refusals["HF_PENDING_BYTES"] ?? 0) >= 6;
  }, "six refused");
  expect(held - before.held).toBeLessThan(8 * mib);
});

it("V5: a packet that announces no attachments closes its own connection and leaves nothing behind", async () => {
  const victim = await startVictim();
  for (const head of ["450-", "460-", "4500-"]) {
    await expectClosedFor(victim, text(`${head}["echo",1]`), text('42["echo",2]'));
  }
  const report = await victim.report();
  expect(report.refusals).toEqual({ HF_PACKET_INVALID: 3 });
  expect(report.events).toEqual([]);
  await expectServed(victim);
});
