/**
 * Goal: no bytes make the decoder do anything but return packets or throw a ProtocolError, and where the bytes are cut
 * makes no difference. Method: the same bytes in one chunk, as the fuzzer cut them, and byte by byte.
 */
import assert from "node:assert/strict";
import { expect, it } from "vitest";
import type { ProtocolErrorCode } from "../errors.ts";
import { concatBytes, cut } from "../testing/arbitraries.ts";
import { codeOf } from "../testing/caught.ts";
import type { Chunk } from "../testing/corpus.ts";
import { fuzz, fuzzTimeoutMs } from "../testing/fuzz.ts";
import { makeFrames } from "../testing/grammar.ts";
import { mutateBytes } from "../testing/mutate.ts";
import type { Random } from "../testing/random.ts";
import type { EnginePacket } from "./packet.ts";
import { encodeWebTransportFrame, WebTransportFrameDecoder } from "./webtransport-frame.ts";

interface Outcome {
  readonly packets: EnginePacket[];
  readonly code: ProtocolErrorCode | undefined;
}

function decodeAll(chunks: readonly Uint8Array[]): Outcome {
  const decoder = new WebTransportFrameDecoder({ maxPayloadBytes: 300 });
  const packets: EnginePacket[] = [];
  const code = codeOf(() => {
    for (const chunk of chunks) packets.push(...decoder.push(chunk));
  });
  return { packets, code };
}

const whole = (input: readonly Chunk[]): Uint8Array =>
  concatBytes(input.filter((chunk) => typeof chunk !== "string"));

const cutAnywhere = (random: Random, bytes: Uint8Array): Uint8Array[] =>
  cut(
    bytes,
    random.list(4, () => random.below(bytes.length + 1)),
  );

it(
  "holds for 100,000 streams",
  () => {
    let count = 0;
    const result = fuzz({
      name: "webtransport-frame",
      inputCount: 100_000,
      make: (random) => cutAnywhere(random, makeFrames(random)),
      mutate: (random, input, other) =>
        cutAnywhere(random, mutateBytes(random, whole(input), whole(other))),
      check: (input) => {
        const bytes = whole(input);
        const atOnce = decodeAll([bytes]);
        const pieces = [input as Uint8Array[]];
        // The dearest way of all, so not every time.
        if (count++ % 10 === 0) pieces.push(Array.from(bytes, (byte) => Uint8Array.of(byte)));
        for (const chunks of pieces) {
          const asCut = decodeAll(chunks);
          assert.equal(asCut.code, atOnce.code);
          if (atOnce.code === undefined) assert.deepStrictEqual(asCut.packets, atOnce.packets);
        }
        if (atOnce.code !== undefined) return false;
        assert.deepStrictEqual(decodeAll(atOnce.packets.flatMap(encodeWebTransportFrame)), atOnce);
        return true;
      },
    });
    expect(result.accepted).toBeGreaterThan(result.inputs / 4);
    expect(result.accepted).toBeLessThan(result.inputs);
  },
  fuzzTimeoutMs,
);
