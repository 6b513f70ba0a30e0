/** Goal: no frame makes decodePacket do anything but return a packet that is stable, or throw a ProtocolError. */
import assert from "node:assert/strict";
import { expect, it } from "vitest";
import { codeOf } from "../testing/caught.ts";
import { fuzz, fuzzTimeoutMs } from "../testing/fuzz.ts";
import { makeEngineText } from "../testing/grammar.ts";
import { mutateText } from "../testing/mutate.ts";
import { decodePacket, type EnginePacket, encodePacket, encodePacketAsText } from "./packet.ts";

it(
  "holds for 120,000 frames",
  () => {
    const result = fuzz({
      name: "engine-packet",
      inputCount: 120_000,
      make: (random) => [random.once(20) ? random.bytes(20) : makeEngineText(random)],
      mutate: (random, [frame = ""], [other]) => [
        typeof frame === "string" ? mutateText(random, frame, String(other)) : random.bytes(20),
      ],
      check: ([frame = ""]) => {
        let packet: EnginePacket | undefined;
        if (codeOf(() => (packet = decodePacket(frame))) !== undefined) return false;
        assert.ok(packet);
        assert.deepStrictEqual(decodePacket(encodePacket(packet)), packet);
        assert.deepStrictEqual(decodePacket(encodePacketAsText(packet)), packet);
        return true;
      },
    });
    expect(result.accepted).toBeGreaterThan(result.inputs / 4);
    expect(result.accepted).toBeLessThan(result.inputs);
  },
  fuzzTimeoutMs,
);
