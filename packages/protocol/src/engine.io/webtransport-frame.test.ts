/** Frames on a WebTransport stream: headers as the specification draws them, and bytes cut anywhere. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, cut, enginePacket } from "../testing/arbitraries.ts";
import { codeOf } from "../testing/caught.ts";
import type { EnginePacket } from "./packet.ts";
import { encodeWebTransportFrame, WebTransportFrameDecoder } from "./webtransport-frame.ts";

const decoderFor = (maxPayloadBytes = 1_000_000): WebTransportFrameDecoder =>
  new WebTransportFrameDecoder({ maxPayloadBytes });

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
const fromHex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

// The body of a text packet has one byte more than its data: the type.
const headers: [what: string, packet: EnginePacket, header: string][] = [
  ["a ping", { type: "ping" }, "01"],
  ["text of 125 bytes", { type: "message", data: "a".repeat(124) }, "7d"],
  ["text of 126 bytes", { type: "message", data: "a".repeat(125) }, "7e007e"],
  ["text beyond ASCII, by its bytes", { type: "message", data: "€".repeat(42) }, "7e007f"],
  ["text of 65,535 bytes", { type: "message", data: "a".repeat(65_534) }, "7effff"],
  ["text of 65,536 bytes", { type: "message", data: "a".repeat(65_535) }, "7f0000000000010000"],
  ["one byte", { type: "message", data: new Uint8Array(1) }, "81"],
  ["125 bytes", { type: "message", data: new Uint8Array(125) }, "fd"],
  ["126 bytes", { type: "message", data: new Uint8Array(126) }, "fe007e"],
  ["65,535 bytes", { type: "message", data: new Uint8Array(65_535) }, "feffff"],
  ["65,536 bytes", { type: "message", data: new Uint8Array(65_536) }, "ff0000000000010000"],
];

it.each(headers)("frames %s", (_what, packet, header) => {
  const frame = encodeWebTransportFrame(packet);
  expect(frame).toHaveLength(2);
  expect(hex(frame[0])).toBe(header);
  const decoder = decoderFor();
  const decoded = frame.flatMap((part) => decoder.push(part));
  // Vitest's own comparison takes seconds for this many bytes.
  expect(isDeepStrictEqual(decoded, [packet])).toBe(true);
});

it("frames the bytes of a short text", () => {
  expect(encodeWebTransportFrame({ type: "message", data: "hé" }).map(hex)).toEqual([
    "04",
    "3468c3a9",
  ]);
});

it("sends an empty binary message as text, for no frame may be empty", () => {
  const packet: EnginePacket = { type: "message", data: new Uint8Array(0) };
  expect(encodeWebTransportFrame(packet).map(hex)).toEqual(["01", "62"]);
  expect(decoderFor().push(fromHex("01 62"))).toStrictEqual([packet]);
});

describe("the decoder", () => {
  it("gives all packets of a chunk", () => {
    expect(decoderFor().push(fromHex("01 32 81 ff 02 3468 01"))).toStrictEqual([
      { type: "ping" },
      { type: "message", data: Uint8Array.of(255) },
      { type: "message", data: "h" },
    ]);
  });

  it("takes lengths that would fit a shorter header", () => {
    expect(decoderFor().push(fromHex("7e0001 32 7f0000000000000001 33"))).toStrictEqual([
      { type: "ping" },
      { type: "pong" },
    ]);
  });

  it("takes empty chunks", () => {
    const decoder = decoderFor();
    const none = new Uint8Array(0);
    expect(
      ["02", "", "34", "", "68"].flatMap((part) => decoder.push(part ? fromHex(part) : none)),
    ).toEqual([{ type: "message", data: "h" }]);
  });

  it("does not keep the chunk that it was given", () => {
    const chunk = fromHex("82 0102");
    const [packet] = decoderFor().push(chunk);
    chunk.fill(9);
    expect(packet?.data).toStrictEqual(Uint8Array.of(1, 2));
  });

  it("keeps a byte order mark", () => {
    expect(decoderFor().push(fromHex("04 34 efbbbf"))).toEqual([
      { type: "message", data: "\ufeff" },
    ]);
  });

  it("takes a body as long as the limit", () => {
    expect(decoderFor(200).push(fromHex(`fe00c8${"00".repeat(200)}`))).toHaveLength(1);
  });

  it.each([
    ["an empty frame", "00", "HF_FRAME_EMPTY"],
    ["an empty binary frame", "80", "HF_FRAME_EMPTY"],
    ["an empty frame in 16 bits", "7e0000", "HF_FRAME_EMPTY"],
    ["an empty frame in 64 bits", "ff0000000000000000", "HF_FRAME_EMPTY"],
    ["one byte over the limit", "7e00c9", "HF_FRAME_TOO_LARGE"],
    ["2^32 bytes", "7f0000000100000001", "HF_FRAME_TOO_LARGE"],
    ["2^53 bytes", "7f0020000000000000", "HF_FRAME_TOO_LARGE"],
    ["2^64 - 1 bytes", "ffffffffffffffffff", "HF_FRAME_TOO_LARGE"],
    ["an unknown type", "01 37", "HF_PACKET_TYPE_UNKNOWN"],
    ["bytes that are not UTF-8", "02 34ff", "HF_FRAME_UTF8_INVALID"],
    ["half a character", "03 34e282", "HF_FRAME_UTF8_INVALID"],
    ["a byte order mark before the type", "04 efbbbf34", "HF_PACKET_TYPE_UNKNOWN"],
    ["bad base64", "02 6241", "HF_BASE64_INVALID"],
  ] as const)("refuses %s as soon as it can, and all after it", (_what, bytes, code) => {
    const whole = fromHex(bytes);
    const oneByOne = decoderFor(200);
    expect(
      whole
        .subarray(0, -1)
        .reduce((sum, byte) => sum + oneByOne.push(Uint8Array.of(byte)).length, 0),
    ).toBe(0);
    expect(codeOf(() => oneByOne.push(whole.subarray(-1)))).toBe(code);
    expect(codeOf(() => oneByOne.push(fromHex("01 32")))).toBe(code);

    expect(codeOf(() => decoderFor(200).push(whole))).toBe(code);
  });
});

it("gives back any packets, wherever their bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(enginePacket, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (packets, places) => {
        const whole = concatBytes(packets.flatMap(encodeWebTransportFrame));
        const decoder = decoderFor();
        expect(cut(whole, places).flatMap((chunk) => decoder.push(chunk))).toStrictEqual(packets);
      },
    ),
  );
});
