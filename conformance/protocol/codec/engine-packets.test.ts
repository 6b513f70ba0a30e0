/**
 * Engine.IO packets and payloads, ours against npm engine.io-parser. Goal: the same is accepted, the same refused, and
 * the values are the same, but for the written list.
 */
import { isDeepStrictEqual } from "node:util";
import {
  decodePacket,
  decodePayload,
  type EnginePacket,
  encodePacket,
  encodePacketAsText,
  encodePayload,
  ProtocolError,
} from "@holdfast/protocol";
import * as theirs from "engine.io-parser";
import { describe, expect, it } from "vitest";
import { base64Form } from "./differences.ts";
import { enginePayload, engineText } from "./generate.ts";
import { Random } from "./random.ts";

const refused = "error";

interface Seen {
  readonly type: string;
  readonly data?: unknown;
}

/** One form for both: bytes as Buffers, no data as "" (listed: message-without-data), errors without their text. */
function normal({ type, data }: { type: string; data?: unknown }): Seen {
  if (type === refused) return { type };
  if (data instanceof Uint8Array) return { type, data: Buffer.from(data) };
  return { type, data: data ?? "" };
}

function ours(text: string): Seen {
  try {
    return normal(decodePacket(text));
  } catch (error) {
    if (error instanceof ProtocolError) return { type: refused };
    throw error;
  }
}

function ourPayload(payload: string): Seen[] {
  const { packets, error } = decodePayload(payload);
  const seen = packets.map(normal);
  return error === undefined ? seen : [...seen, { type: refused }];
}

const theirPayload = (payload: string): Seen[] => theirs.decodePayload(payload).map(normal);

describe("decoding", () => {
  it("differs only where it is written, for 150,000 packets", () => {
    const random = new Random("engine.io-parser, packets");
    let accepted = 0;
    let stricter = 0;
    for (let i = 0; i < 150_000; i++) {
      const text = engineText(random);
      const own = ours(text);
      const other = normal(theirs.decodePacket(text));
      if (own.type !== refused) accepted++;
      if (isDeepStrictEqual(own, other)) continue;
      if (own.type !== refused || !base64Form.covers(text))
        expect({ text, ...own }).toEqual({ text, ...other });
      stricter++;
    }
    expect(accepted).toBeGreaterThan(75_000);
    expect(stricter).toBeGreaterThan(1000);
  });

  it("differs only where it is written, for 100,000 payloads", () => {
    const random = new Random("engine.io-parser, payloads");
    for (let i = 0; i < 100_000; i++) {
      const payload = enginePayload(random);
      const own = ourPayload(payload);
      const other = theirPayload(payload);
      if (isDeepStrictEqual(own, other)) continue;
      // We stopped at the packet after those that agree.
      const agreed = own.length - 1;
      const text = payload.split("\x1e")[agreed] ?? "";
      if (own[agreed]?.type !== refused || !base64Form.covers(text))
        expect({ payload, own }).toEqual({ payload, own: other });
      expect(own.slice(0, agreed)).toEqual(other.slice(0, agreed));
    }
  });

  it("is stricter: base64-form", () => {
    for (const [text] of base64Form.examples) {
      expect(ours(String(text)), String(text)).toEqual({ type: refused });
      expect(theirs.decodePacket(String(text)).type).toBe("message");
      expect(base64Form.covers(String(text))).toBe(true);
    }
  });

  it("has a limit: payload-packets", () => {
    const payload = `${"2\x1e".repeat(65_536)}2`;
    expect(decodePayload(payload).error?.code).toBe("HF_PAYLOAD_PACKETS_TOO_MANY");
    expect(theirPayload(payload)).toHaveLength(65_537);
  });

  it("gives a message data: message-without-data", () => {
    expect(decodePacket("4")).toEqual({ type: "message", data: "" });
    expect(theirs.decodePacket("4")).toEqual({ type: "message" });
  });

  it("takes bytes as they are", () => {
    const data = Buffer.of(1, 2);
    expect(decodePacket(data)).toEqual(theirs.decodePacket(data));
  });
});

type Theirs = Parameters<typeof theirs.encodePacket>[0];

function theirFrame(packet: EnginePacket, supportsBinary: boolean): unknown {
  let frame: unknown;
  theirs.encodePacket(packet, supportsBinary, (encoded) => {
    frame = encoded;
  });
  return frame;
}

function theirText(packets: readonly EnginePacket[]): string | undefined {
  let payload: string | undefined;
  theirs.encodePayload(packets as Theirs[], (encoded) => {
    payload = encoded;
  });
  return payload;
}

describe("encoding", () => {
  it("is the same for the packets of 50,000 payloads", () => {
    const random = new Random("engine.io-parser, encoding");
    for (let i = 0; i < 50_000; i++) {
      const { packets } = decodePayload(enginePayload(random));
      if (packets.length === 0) continue;
      const differing = packets.filter(
        (packet) =>
          encodePacket(packet) !== theirFrame(packet, true) ||
          encodePacketAsText(packet) !== theirFrame(packet, false),
      );
      if (differing.length > 0) expect(differing).toEqual([]);
      const payload = encodePayload(packets);
      if (payload !== theirText(packets)) expect(payload).toBe(theirText(packets));
    }
  }, 120_000);
});
