/** Goal: decodePayload throws nothing, and what it gives of a payload is stable. */
import assert from "node:assert/strict";
import { expect, it } from "vitest";
import { ProtocolError } from "../errors.ts";
import { fuzz, fuzzTimeoutMs } from "../testing/fuzz.ts";
import { makePayload } from "../testing/grammar.ts";
import { mutateText } from "../testing/mutate.ts";
import { decodePayload, encodePayload } from "./payload.ts";

it(
  "holds for 100,000 payloads",
  () => {
    const result = fuzz({
      name: "engine-payload",
      inputCount: 100_000,
      make: (random) => [makePayload(random)],
      mutate: (random, [payload], [other]) => [mutateText(random, String(payload), String(other))],
      check: ([payload = ""]) => {
        const { packets, error } = decodePayload(String(payload), { maxPackets: 4 });
        assert.ok(packets.length <= 4);
        if (packets.length > 0) {
          assert.deepStrictEqual(decodePayload(encodePayload(packets)), { packets });
        }
        if (error === undefined) return true;
        assert.ok(error instanceof ProtocolError);
        return false;
      },
    });
    expect(result.accepted).toBeGreaterThan(result.inputs / 4);
    expect(result.accepted).toBeLessThan(result.inputs);
  },
  fuzzTimeoutMs,
);
