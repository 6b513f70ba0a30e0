/** Engine.IO packets, row by row as the specification gives them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { enginePacket } from "../testing/arbitraries.ts";
import { codeOf } from "../testing/caught.ts";
import { decodePacket, type EnginePacket, encodePacket, encodePacketAsText } from "./packet.ts";

// Types and examples of the Engine.IO v4 specification, so a failure is a protocol break.
const wire: [what: string, packet: EnginePacket, frame: string][] = [
  [
    "open with a handshake",
    { type: "open", data: '{"sid":"lv_VI97HAXpY6yYWAAAC"}' },
    '0{"sid":"lv_VI97HAXpY6yYWAAAC"}',
  ],
  ["close", { type: "close" }, "1"],
  ["ping", { type: "ping" }, "2"],
  ["a probing ping", { type: "ping", data: "probe" }, "2probe"],
  ["pong", { type: "pong" }, "3"],
  ["a probing pong", { type: "pong", data: "probe" }, "3probe"],
  ["a message", { type: "message", data: "hello" }, "4hello"],
  ["an empty message", { type: "message", data: "" }, "4"],
  ["a message that looks like binary", { type: "message", data: "bAQ==" }, "4bAQ=="],
  ["a message beyond ASCII", { type: "message", data: "€ 🚀" }, "4€ 🚀"],
  ["upgrade", { type: "upgrade" }, "5"],
  ["noop", { type: "noop" }, "6"],
];

describe("a packet as a frame", () => {
  it.each(wire)("encodes and decodes %s", (_what, packet, frame) => {
    expect(encodePacket(packet)).toBe(frame);
    expect(encodePacketAsText(packet)).toBe(frame);
    expect(decodePacket(frame)).toStrictEqual(packet);
  });

  it("sends and takes bytes as they are", () => {
    const data = Buffer.from([0, 1, 2, 255]);
    expect(encodePacket({ type: "message", data })).toBe(data);
    expect(decodePacket(data)).toStrictEqual({ type: "message", data });
    expect(decodePacket(data).data).toBe(data);
  });

  it("takes empty binary messages", () => {
    const data = new Uint8Array(0);
    expect(decodePacket(data)).toStrictEqual({ type: "message", data });
    expect(encodePacketAsText({ type: "message", data })).toBe("b");
    expect(decodePacket("b")).toStrictEqual({ type: "message", data });
  });

  it("takes base64 in text, which clients with forceBase64 send over WebSocket", () => {
    const packet: EnginePacket = { type: "message", data: Uint8Array.of(1, 2, 3, 4) };
    expect(encodePacketAsText(packet)).toBe("bAQIDBA==");
    expect(decodePacket("bAQIDBA==")).toStrictEqual(packet);
  });

  it("lets the platform make base64", () => {
    const toBase64 = (bytes: Uint8Array): string => `${bytes.length} bytes`;
    const packet: EnginePacket = { type: "message", data: new Uint8Array(4) };
    expect(encodePacketAsText(packet, toBase64)).toBe("b4 bytes");
  });

  it("sends empty data of other types as no data", () => {
    expect(encodePacket({ type: "ping", data: "" })).toBe("2");
  });
});

describe("what is no packet", () => {
  it("is nothing at all", () => {
    expect(codeOf(() => decodePacket(""))).toBe("HF_PACKET_EMPTY");
  });

  it.each(["7", "8", "9", "a", "B", "-1", " 4", "/", ":", "\0", "\x1e", "४", "\ud800", "ping"])(
    "is %j",
    (frame) => {
      expect(codeOf(() => decodePacket(frame))).toBe("HF_PACKET_TYPE_UNKNOWN");
    },
  );

  it("is named in the error, however long it is", () => {
    expect(() => decodePacket(`x${"y".repeat(1_000_000)}`)).toThrow(/, got x$/);
  });
});

it("gives back any packet that it was given", () => {
  fc.assert(
    fc.property(enginePacket, (packet) => {
      expect(decodePacket(encodePacket(packet))).toStrictEqual(packet);
      expect(decodePacket(encodePacketAsText(packet))).toStrictEqual(packet);
    }),
  );
});
