/**
 * WebTransport frames, ours against the streams of npm engine.io-parser. Goal: the same packets up to the same place,
 * but for the written list. Fewer inputs than for texts, for each is an asynchronous stream there.
 */
import { isDeepStrictEqual } from "node:util";
import {
  type EnginePacket,
  encodeWebTransportFrame,
  ProtocolError,
  WebTransportFrameDecoder,
} from "@holdfast/protocol";
import { createPacketDecoderStream, createPacketEncoderStream } from "engine.io-parser";
import { expect, it } from "vitest";
import { engineText } from "./generate.ts";
import { Random } from "./random.ts";

const maxPayloadBytes = 300;

interface Seen {
  readonly type: string;
  readonly data?: unknown;
}

function normal({ type, data }: { type: string; data?: unknown }): Seen {
  if (type === "error") return { type };
  return { type, data: data instanceof Uint8Array ? Buffer.from(data) : (data ?? "") };
}

/** Byte by byte, for then a refusal takes no packets with it that came before. */
function ours(bytes: Uint8Array): Seen[] {
  const decoder = new WebTransportFrameDecoder({ maxPayloadBytes });
  const seen: Seen[] = [];
  try {
    for (const byte of bytes) seen.push(...decoder.push(Uint8Array.of(byte)).map(normal));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    seen.push({ type: "error" });
  }
  return seen;
}

async function pass(stream: TransformStream, chunks: readonly unknown[]): Promise<unknown[]> {
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const results: unknown[] = [];
  const reading = (async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      results.push(value);
    }
  })();
  for (const chunk of chunks) await writer.write(chunk);
  await writer.close();
  await reading;
  return results;
}

/** Up to the first error; what their stream does after it is of no use to anybody. */
async function theirs(bytes: Uint8Array, cut: number): Promise<Seen[]> {
  const stream = createPacketDecoderStream(maxPayloadBytes, "nodebuffer");
  const parts = [bytes.slice(0, cut), bytes.slice(cut)].filter((part) => part.length > 0);
  const seen = ((await pass(stream, parts)) as Seen[]).map(normal);
  const error = seen.findIndex(({ type }) => type === "error");
  return error === -1 ? seen : seen.slice(0, error + 1);
}

function frame(random: Random): Uint8Array {
  const binary = random.once(3);
  const body = binary ? random.bytes(20) : Buffer.from(engineText(random).replaceAll("\ufeff", ""));
  const length = random.once(12) ? random.pick([0, 1, 299, 300, 301, 65_536]) : body.length;
  const kind = binary ? 0x80 : 0;
  const wide = Buffer.alloc(9, kind | 127);
  wide.writeBigUInt64BE(BigInt(length) << (random.once(20) ? random.pick([32n, 40n, 46n]) : 0n), 1);
  const header = random.pick([
    Buffer.of(kind | length),
    Buffer.of(kind | length),
    Buffer.of(kind | 126, length >> 8, length),
    wide,
  ]);
  return Buffer.concat([length > 125 && header.length === 1 ? wide : header, body]);
}

/** Listed: base64-form. What is left are frames that both have to see alike. */
const hasBase64 = (bytes: Uint8Array): boolean => bytes.includes(0x62);

it("decodes the same for 6,000 streams", async () => {
  const random = new Random("engine.io-parser, WebTransport");
  let packets = 0;
  for (let i = 0; i < 6000; i++) {
    const bytes = Buffer.concat([frame(random), ...random.times(3, () => frame(random))]);
    // A length that is not that of the body may cut a character: listed, frame-utf8.
    if (hasBase64(bytes)) continue;
    const own = ours(bytes);
    const other = await theirs(bytes, random.below(bytes.length + 1));
    const replaced = JSON.stringify(other).includes("\ufffd");
    if (!isDeepStrictEqual(own, other) && !replaced) {
      expect({ hex: bytes.toString("hex"), own }).toEqual({
        hex: bytes.toString("hex"),
        own: other,
      });
    }
    packets += own.length;
  }
  expect(packets).toBeGreaterThan(2500);
}, 120_000);

it("is stricter: frame-utf8", async () => {
  const bytes = Uint8Array.of(2, 0x34, 0xff);
  expect(ours(bytes)).toEqual([{ type: "error" }]);
  expect(await theirs(bytes, 0)).toEqual([{ type: "message", data: "\ufffd" }]);
});

it("is stricter: frame-byte-order-mark", async () => {
  const bytes = Uint8Array.of(4, 0xef, 0xbb, 0xbf, 0x34);
  expect(ours(bytes)).toEqual([{ type: "error" }]);
  expect(await theirs(bytes, 0)).toEqual([{ type: "message", data: "" }]);
});

async function theirFrames(packet: EnginePacket): Promise<Buffer> {
  return Buffer.concat((await pass(createPacketEncoderStream(), [packet])) as Uint8Array[]);
}

it.each<[what: string, packet: EnginePacket]>([
  ["a ping", { type: "ping" }],
  ["text", { type: "message", data: "é🚀" }],
  ...[1, 125, 126, 65_535, 65_536].flatMap((length): [string, EnginePacket][] => [
    [`${length} bytes`, { type: "message", data: Buffer.alloc(length, 7) }],
    [`${length} characters`, { type: "message", data: "x".repeat(length - 1) }],
  ]),
])("encodes the same: %s", async (_what, packet) => {
  const own = Buffer.concat(encodeWebTransportFrame(packet));
  expect(own.equals(await theirFrames(packet))).toBe(true);
});

it("sends empty bytes so that they arrive: frame-empty-bytes", async () => {
  const packet: EnginePacket = { type: "message", data: Buffer.alloc(0) };
  const own = Buffer.concat(encodeWebTransportFrame(packet));
  expect(await theirs(own, 0)).toEqual([packet]);
  expect(await theirs(await theirFrames(packet), 0)).toEqual([{ type: "error" }]);
});
