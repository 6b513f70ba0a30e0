/**
 * Whole text frames, and the place of `ws` in the stream. Goal: what is read is what was sent, what is not read is left as
 * it came, and it is known when `ws` waits for the next message. websocket.test.ts compares the whole with `ws` alone.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { FramePosition, readTextFrames } from "./text-frames.ts";

const finText = 0x81;

interface FrameShape {
  readonly first: number;
  readonly payload: Uint8Array;
  readonly mask: Uint8Array;
  readonly lengthBytes: 0 | 2 | 8;
}

function encode({ first, payload, mask, lengthBytes }: FrameShape): Buffer {
  const bytes = lengthBytes === 0 && payload.length > 125 ? 2 : lengthBytes;
  const header = Buffer.alloc(2 + bytes);
  header[0] = first;
  header[1] = 0x80 | (bytes === 0 ? payload.length : bytes === 2 ? 126 : 127);
  if (bytes > 0)
    header.writeUIntBE(payload.length, header.length - Math.min(bytes, 6), Math.min(bytes, 6));
  return Buffer.concat([header, mask, payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]);
}

const masks = fc.uint8Array({ minLength: 4, maxLength: 4 });
const texts = fc.oneof(
  fc.string({ minLength: 1, maxLength: 300 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
);
const textFrames = fc
  .record({ text: texts, mask: masks, lengthBytes: fc.constantFrom(0 as const, 2 as const) })
  .map(({ text, mask, lengthBytes }) => {
    const payload = Buffer.from(text);
    return { text, bytes: encode({ first: 0x81, payload, mask, lengthBytes }) };
  });

function read(chunk: Buffer, maxBytes = 0): { texts: string[]; taken: number } {
  const found: string[] = [];
  const taken = readTextFrames(chunk, 0, chunk.length, maxBytes, {
    textReceived(bytes, start, end, ascii) {
      const text = bytes.toString("utf8", start, end);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII has them
      expect(ascii).toBe(/^[\u0000-\u007f]*$/.test(text));
      found.push(text);
    },
  });
  return { texts: found, taken };
}

it("reads any whole text frames and leaves what follows them", () => {
  const rests = fc.oneof(
    // The beginning of a text frame, cut anywhere.
    fc
      .tuple(textFrames, fc.double({ min: 0, max: 0.99, noNaN: true }))
      .map(([{ bytes }, cut]) => bytes.subarray(0, Math.floor(bytes.length * cut))),
    // A frame of another kind, or no frame at all.
    fc
      .uint8Array({ maxLength: 40 })
      .filter(([first]) => first !== 0x81)
      .map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(textFrames, { maxLength: 5 }), rests, (frames, rest) => {
      const whole = Buffer.concat(frames.map(({ bytes }) => bytes));
      const chunk = Buffer.concat([whole, rest]);
      expect(read(chunk)).toEqual({ texts: frames.map(({ text }) => text), taken: whole.length });
      expect(chunk.subarray(whole.length)).toEqual(rest);
    }),
    { numRuns: 300 },
  );
});

it("leaves a frame that is no UTF-8 as it came", () => {
  fc.assert(
    fc.property(
      textFrames,
      fc.uint8Array({ maxLength: 20 }),
      masks,
      ({ text, bytes }, start, mask) => {
        const payload = Buffer.concat([start, Buffer.from([0xff])]);
        const bad = encode({ first: 0x81, payload, mask, lengthBytes: 0 });
        const chunk = Buffer.concat([bytes, bad, bytes]);
        expect(read(chunk)).toEqual({ texts: [text], taken: bytes.length });
        expect(chunk.subarray(bytes.length)).toEqual(Buffer.concat([bad, bytes]));
      },
    ),
  );
});

it.each([
  ["empty", 0, 0],
  ["as long as may be", 10, 1],
  ["one byte longer", 11, 0],
])("leaves to ws what is %s", (_what, length, count) => {
  const payload = Buffer.alloc(length, "x");
  const frame = encode({ first: 0x81, payload, mask: new Uint8Array(4), lengthBytes: 0 });
  expect(read(frame, 10).texts).toHaveLength(count);
});

it("leaves frames without a mask, and lengths of 64 bits", () => {
  expect(read(Buffer.from("\x81\x0542hello", "latin1")).taken).toBe(0);
  const payload = Buffer.from("4hello");
  const frame = encode({ first: 0x81, payload, mask: new Uint8Array(4), lengthBytes: 8 });
  expect(read(frame).taken).toBe(0);
});

it("knows after any chunk whether all frames are complete", () => {
  const firsts = fc.constantFrom(0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a);
  const shapes = fc.record({
    first: firsts,
    payload: fc.uint8Array({ maxLength: 140 }),
    mask: masks,
    lengthBytes: fc.constantFrom(0 as const, 2 as const, 8 as const),
  });
  fc.assert(
    fc.property(
      fc.array(shapes, { maxLength: 6 }),
      fc.integer({ min: 1, max: 50 }),
      (frames, size) => {
        const encoded = frames.map(encode);
        const stream = Buffer.concat(encoded);
        const position = new FramePosition();
        for (let at = 0; at < stream.length; at += size) {
          const given = Math.min(at + size, stream.length);
          expect(position.follow(stream, at, given, false)).toBe(given);
          let end = 0;
          let inMessage = false;
          let index = 0;
          for (; index < frames.length && end < given; index++) {
            const { first = 0 } = frames[index] ?? {};
            if (first < 0x88) inMessage = first < 0x80;
            end += encoded[index]?.length ?? 0;
          }
          expect(position.between).toBe(end === given && !inMessage);
        }
      },
    ),
    { numRuns: 300 },
  );
});

it("stops where a text frame begins between two messages, and nowhere else", () => {
  const kinds = fc.constantFrom(0x81, 0x82, 0x89, 0x01);
  const messages = fc.record({
    first: kinds,
    payload: fc.uint8Array({ maxLength: 140 }),
    mask: masks,
  });
  fc.assert(
    fc.property(fc.array(messages, { minLength: 1, maxLength: 8 }), (shapes) => {
      const starts: number[] = [];
      const parts: Buffer[] = [];
      let length = 0;
      for (const { first, payload, mask } of shapes) {
        const frames: FrameShape[] = [{ first, payload, mask, lengthBytes: 0 }];
        // The other half of a message in two fragments, which is text by its payload and not by its header.
        if (first === 0x01) frames.push({ first: 0x80, payload, mask, lengthBytes: 0 });
        if (first === finText && length > 0) starts.push(length);
        for (const frame of frames) {
          const bytes = encode(frame);
          parts.push(bytes);
          length += bytes.length;
        }
      }
      const stream = Buffer.concat(parts);
      const stops: number[] = [];
      const position = new FramePosition();
      for (let at = 0; at < length; ) {
        at = position.follow(stream, at, length, true);
        expect(position.between).toBe(true);
        if (at < length) stops.push(at);
      }
      expect(stops).toEqual(starts);
    }),
    { numRuns: 300 },
  );
});
