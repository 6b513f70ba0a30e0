/** Payloads of long-polling: several packets in one text. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { enginePacket } from "../testing/arbitraries.ts";
import type { EnginePacket } from "./packet.ts";
import { decodePayload, encodePayload } from "./payload.ts";

// Examples of the Engine.IO v4 specification, so a failure is a protocol break.
const wire: [what: string, packets: EnginePacket[], payload: string][] = [
  [
    "text",
    [{ type: "message", data: "hello" }, { type: "ping" }, { type: "message", data: "world" }],
    "4hello\x1e2\x1e4world",
  ],
  [
    "text and bytes",
    [
      { type: "message", data: "hello" },
      { type: "message", data: Uint8Array.of(1, 2, 3, 4) },
    ],
    "4hello\x1ebAQIDBA==",
  ],
  ["one packet", [{ type: "message", data: "hello" }], "4hello"],
  [
    "an empty message between",
    [{ type: "noop" }, { type: "message", data: "" }, { type: "noop" }],
    "6\x1e4\x1e6",
  ],
];

it.each(wire)("encodes and decodes %s", (_what, packets, payload) => {
  expect(encodePayload(packets)).toBe(payload);
  expect(decodePayload(payload)).toStrictEqual({ packets });
});

it("encodes no packets as nothing", () => {
  expect(encodePayload([])).toBe("");
});

it("lets the platform make base64", () => {
  const packets: EnginePacket[] = [{ type: "ping" }, { type: "message", data: new Uint8Array(4) }];
  expect(encodePayload(packets, (bytes) => `${bytes.length} bytes`)).toBe("2\x1eb4 bytes");
});

describe("a payload with a bad packet", () => {
  it.each([
    ["nothing", "", [], "HF_PACKET_EMPTY"],
    ["only separators", "\x1e\x1e", [], "HF_PACKET_EMPTY"],
    ["an empty packet at the end", "2\x1e", [{ type: "ping" }], "HF_PACKET_EMPTY"],
    ["an unknown type", "2\x1e7\x1e3", [{ type: "ping" }], "HF_PACKET_TYPE_UNKNOWN"],
    ["bad base64", "2\x1ebA\x1e3", [{ type: "ping" }], "HF_BASE64_INVALID"],
  ] as const)("gives what stands before it: %s", (_what, payload, packets, code) => {
    const decoded = decodePayload(payload);
    expect(decoded.packets).toStrictEqual(packets);
    expect(decoded.error?.code).toBe(code);
  });
});

describe("the limit on packets", () => {
  it("lets that many through", () => {
    const decoded = decodePayload("2\x1e2\x1e2", { maxPackets: 3 });
    expect(decoded).toStrictEqual({
      packets: [{ type: "ping" }, { type: "ping" }, { type: "ping" }],
    });
  });

  it("stops at one more", () => {
    const decoded = decodePayload("2\x1e2\x1e2", { maxPackets: 2 });
    expect(decoded.packets).toHaveLength(2);
    expect(decoded.error?.code).toBe("HF_PAYLOAD_PACKETS_TOO_MANY");
  });

  it("is 65,536 unless told otherwise", () => {
    const most = Array.from({ length: 65_536 }, () => "2").join("\x1e");
    expect(decodePayload(most).error).toBeUndefined();
    const decoded = decodePayload(`${most}\x1e2`);
    expect(decoded.packets).toHaveLength(65_536);
    expect(decoded.error?.code).toBe("HF_PAYLOAD_PACKETS_TOO_MANY");
  });
});

it("gives back any packets that it was given", () => {
  fc.assert(
    fc.property(fc.array(enginePacket, { minLength: 1, maxLength: 8 }), (packets) => {
      expect(decodePayload(encodePayload(packets))).toStrictEqual({ packets });
    }),
  );
});
