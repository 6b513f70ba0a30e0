/**
 * Socket.IO packets, ours against npm socket.io-parser. Goal: the same is accepted, the same refused, and the values are
 * the same, but for the written list. Method: both get the same chunks, one after the other, up to the first refusal.
 */
import { isDeepStrictEqual } from "node:util";
import {
  encodeSocketPacket,
  ProtocolError,
  type SocketPacket,
  SocketPacketDecoder,
} from "@holdfast/protocol";
import { Decoder, Encoder, type Packet } from "socket.io-parser";
import { describe, expect, it } from "vitest";
import { socketDifferences } from "./differences.ts";
import { appPacket, type Chunk, socketChunks } from "./generate.ts";
import { Random } from "./random.ts";

interface Outcome {
  readonly packet?: Partial<SocketPacket> | undefined;
  readonly refusal?: string;
}

/** The parts that matter, in one order; a part that is not there is undefined. */
function normal(packet: Partial<SocketPacket> | undefined): Partial<SocketPacket> | undefined {
  if (packet === undefined) return undefined;
  const { type, nsp, id, data } = packet;
  // Listed: ack-without-data.
  return {
    type,
    nsp,
    id,
    data: type === 3 && data === undefined ? [] : data,
  } as Partial<SocketPacket>;
}

class Theirs {
  readonly #decoder = new Decoder();
  #packet: Packet | undefined;

  constructor() {
    this.#decoder.on("decoded", (packet: Packet) => {
      this.#packet = packet;
    });
  }

  add(chunk: Chunk): Outcome {
    this.#packet = undefined;
    try {
      this.#decoder.add(chunk);
    } catch (error) {
      return { refusal: String(error) };
    }
    return { packet: this.#packet };
  }

  /** Placeholders are checked with the last attachment: gives it as many as it wants. */
  finish(): Outcome {
    for (;;) {
      const outcome = this.add(Buffer.alloc(1));
      if (outcome.refusal !== undefined || outcome.packet !== undefined) return outcome;
    }
  }
}

class Ours {
  readonly #decoder = new SocketPacketDecoder();

  add(chunk: Chunk): Outcome {
    try {
      return { packet: this.#decoder.add(chunk) };
    } catch (error) {
      if (error instanceof ProtocolError) return { refusal: error.code };
      throw error;
    }
  }
}

/** @returns "accepted" or "refused" by both, or the name of the difference that the input shows. @throws when it is not listed */
function compare(input: readonly Chunk[]): string {
  const ours = new Ours();
  const theirs = new Theirs();
  for (const chunk of input) {
    const own = ours.add(chunk);
    let other = theirs.add(chunk);
    if (own.refusal === "HF_PLACEHOLDER_INVALID" && other.refusal === undefined)
      other = theirs.finish();

    if (own.refusal === undefined && other.refusal === undefined) {
      if (isDeepStrictEqual(normal(own.packet), normal(other.packet))) continue;
      throw new Error(
        `${show(input)} gives ${show(own.packet)} here and ${show(other.packet)} there`,
      );
    }
    if (own.refusal !== undefined && other.refusal !== undefined) return "refused";
    const difference = socketDifferences.find(
      ({ covers }) => typeof chunk === "string" && covers(chunk),
    );
    if (own.refusal !== undefined && difference !== undefined) return difference.name;
    throw new Error(
      `${show(input)} is refused ${own.refusal ? `here: ${own.refusal}` : `there: ${other.refusal}`}`,
    );
  }
  return "accepted";
}

const show = (what: unknown): string => JSON.stringify(what);

describe("decoding", () => {
  it("differs only where it is written, for 150,000 connections", () => {
    const random = new Random("socket.io-parser, decoding");
    const counts = new Map<string, number>();
    for (let i = 0; i < 150_000; i++) {
      const name = compare(socketChunks(random));
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    console.log(show(Object.fromEntries(counts)));
    // Inputs that agree are no proof when hardly any were accepted or differed.
    expect(counts.size).toBeGreaterThan(8);
    expect(counts.get("accepted")).toBeGreaterThan(30_000);
  });

  it.each(socketDifferences)("is stricter: $name", ({ name, examples, covers }) => {
    for (const example of examples) {
      expect(compare(example)).toBe(name);
      expect(covers(String(example[0]))).toBe(true);
    }
  });

  it("gives an ack without data an empty list: ack-without-data", () => {
    expect(new Ours().add("31").packet?.data).toEqual([]);
    expect(new Theirs().add("31").packet?.data).toBeUndefined();
  });
});

function decodeAll(decoder: Ours | Theirs, chunks: readonly Chunk[]): unknown {
  const outcomes = chunks.map((chunk) => decoder.add(chunk));
  const last = outcomes.pop();
  const early = outcomes.find(
    ({ packet, refusal }) => packet !== undefined || refusal !== undefined,
  );
  return early === undefined ? normal(last?.packet) : { early };
}

const asBuffer = (chunk: Chunk | ArrayBuffer | ArrayBufferView): Chunk => {
  if (typeof chunk === "string") return chunk;
  return ArrayBuffer.isView(chunk)
    ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    : Buffer.from(chunk);
};

describe("encoding", () => {
  it("is the same for 100,000 packets, and each side takes what the other wrote", () => {
    const random = new Random("socket.io-parser, encoding");
    const encoder = new Encoder();
    let binary = 0;
    for (let i = 0; i < 100_000; i++) {
      const packet = appPacket(random);
      const theirs = encoder.encode({ ...packet }).map(asBuffer);
      // Listed: encode-eleven-attachments.
      if (theirs.length > 11) continue;
      if (theirs.length > 1) binary++;
      const ours = encodeSocketPacket(packet).map(asBuffer);
      if (!isDeepStrictEqual(ours, theirs)) expect(ours).toEqual(theirs);

      // An application may emit what looks like a placeholder: then neither side can tell, and we may refuse it.
      if (theirs.length > 1 && String(theirs[0]).split('"_placeholder"').length > theirs.length)
        continue;
      const back = decodeAll(new Ours(), theirs);
      const there = decodeAll(new Theirs(), ours);
      if (!isDeepStrictEqual(back, there)) expect(back).toEqual(there);
    }
    expect(binary).toBeGreaterThan(10_000);
  }, 120_000);

  const bytes = Uint8Array.of(1);
  const theirsOf = (packet: object): unknown[] => new Encoder().encode({ ...packet } as Packet);
  const codeOf = (call: () => unknown): unknown => {
    try {
      return call();
    } catch (error) {
      return error instanceof ProtocolError ? error.code : error;
    }
  };

  it("refuses what stock decoders would: encode-eleven-attachments", () => {
    const packet = { type: 2, nsp: "/", data: ["a", ...Array(11).fill(bytes)] };
    expect(codeOf(() => encodeSocketPacket(packet))).toBe("HF_ATTACHMENTS_TOO_MANY");
    const [text] = theirsOf(packet);
    expect(new Theirs().add(String(text)).refusal).toMatch(/too many attachments/);
  });

  it("keeps a key: encode-prototype-key", () => {
    const packet = { type: 2, nsp: "/", data: ["a", JSON.parse('{"__proto__":{"x":1}}'), bytes] };
    expect(encodeSocketPacket(packet)[0]).toContain('{"__proto__":{"x":1}}');
    expect(theirsOf(packet)[0]).not.toContain("__proto__");
  });

  it("looks at the data: encode-binary-type", () => {
    const packet = { type: 5, nsp: "/", data: ["a", bytes] };
    expect(encodeSocketPacket(packet)).toEqual(encodeSocketPacket({ ...packet, type: 2 }));
    expect(theirsOf(packet)).toEqual(['5undefined-["a",{"0":1}]']);
  });

  it("gives up early: encode-deep-binary", () => {
    const circular: unknown[] = [];
    circular.push(circular);
    const packet = { type: 2, nsp: "/", data: ["a", bytes, circular] };
    expect(codeOf(() => encodeSocketPacket(packet))).toBeInstanceOf(TypeError);
    expect(codeOf(() => theirsOf(packet))).toBeInstanceOf(RangeError);
  });
});
