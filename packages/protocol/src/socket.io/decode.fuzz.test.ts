/**
 * Goal: no chunks make the decoder do anything but return packets that are stable, or throw a ProtocolError and hold
 * nothing. Stable: what is encoded again and decoded is encoded as the same a second time.
 */
import assert from "node:assert/strict";
import { expect, it } from "vitest";
import { codeOf } from "../testing/caught.ts";
import { fuzz, fuzzTimeoutMs } from "../testing/fuzz.ts";
import { makeSocketChunks } from "../testing/grammar.ts";
import { mutateChunks } from "../testing/mutate.ts";
import { SocketPacketDecoder } from "./decode.ts";
import { encodeSocketPacket } from "./encode.ts";
import type { SocketPacket } from "./packet.ts";

/** JSON can say 1e999, but what it means it cannot: it is written as null, which is no name. */
function hasInfiniteName({ data }: SocketPacket): boolean {
  const name: unknown = Array.isArray(data) ? data[0] : undefined;
  return typeof name === "number" && !Number.isFinite(name);
}

function checkStable(packet: SocketPacket): void {
  if (hasInfiniteName(packet)) return;

  const chunks = encodeSocketPacket(packet);
  const decoder = new SocketPacketDecoder();
  const again = chunks.map((chunk) => decoder.add(chunk)).pop();
  assert.ok(again);
  const { type, nsp, id } = again;
  assert.deepStrictEqual({ type, nsp, id }, { type: packet.type, nsp: packet.nsp, id: packet.id });
  assert.deepStrictEqual(encodeSocketPacket(again), chunks);
}

it(
  "holds for 120,000 connections",
  () => {
    const result = fuzz({
      name: "socket-packet",
      inputCount: 120_000,
      make: makeSocketChunks,
      mutate: mutateChunks,
      check: (input) => {
        const decoder = new SocketPacketDecoder({ maxAttachmentBytes: 40 });
        const packets: SocketPacket[] = [];
        const code = codeOf(() => {
          for (const chunk of input) {
            const packet = decoder.add(chunk);
            if (packet !== undefined) packets.push(packet);
          }
        });
        // Outside, for there no error is one that may be thrown.
        for (const packet of packets) checkStable(packet);
        if (code === undefined) return true;
        assert.equal(decoder.pendingAttachments, 0);
        return false;
      },
    });
    expect(result.accepted).toBeGreaterThan(result.inputs / 8);
    expect(result.accepted).toBeLessThan(result.inputs);
    expect(Object.keys(Object.prototype)).toEqual([]);
  },
  fuzzTimeoutMs,
);
