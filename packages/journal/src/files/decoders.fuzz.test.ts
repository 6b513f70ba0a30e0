/**
 * Every decoder of the journal against bytes that it has not written. Nothing but a JournalError may come out, a whole
 * frame is never another record than the one that was written, and what was written is read as it was.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JournalError } from "../errors.ts";
import type { EntryRecord, StreamRecord } from "../journal.ts";
import { Block } from "./block.ts";
import { type Checkpoint, checkpointContents, decodeCheckpoint } from "./checkpoint.ts";
import { type FileKind, fileKinds, unwrap, wrap } from "./container.ts";
import { controlOf } from "./control.ts";
import { crc32c, crc32cOfWords } from "./crc32c.ts";
import {
  ageOf,
  FrameHead,
  frameAt,
  frameBound,
  frameKinds,
  lengthOf,
  readEntry,
  readHead,
  readSession,
  timeOf,
  writeRecord,
} from "./frame.ts";
import { decodeIds, SegmentIds } from "./ids.ts";
import { SegmentIndex } from "./segment-index.ts";

const runs = process.env["HOLDFAST_LONG"] === "1" ? 200_000 : 1_000;
const options = { numRuns: runs };

const text = fc.string({ unit: "binary", maxLength: 40 });
const anyText = fc.oneof(text, fc.constantFrom("", "\ud800", "räum", "漢字", "a".repeat(300)));
const bytes = fc.uint8Array({ maxLength: 700 });
const count = fc.nat(2 ** 48 - 1);

const entries: fc.Arbitrary<EntryRecord> = fc.record({
  kind: fc.constant("entry" as const),
  tags: fc.array(anyText, { maxLength: 5 }),
  except: fc.array(anyText, { maxLength: 3 }),
  body: bytes,
  format: fc.nat(255),
  messageId: fc.option(fc.record({ producer: anyText, id: anyText, digest: anyText }), {
    nil: undefined,
  }),
  expiresMs: fc.option(fc.double({ noNaN: true, min: 0 }), { nil: undefined }),
  offset: fc.constant(0),
  timeMs: fc.constant(0),
});
const sessions = fc.record({
  kind: fc.constant("session" as const),
  body: bytes,
  offset: fc.constant(0),
  timeMs: fc.constant(0),
});

function written(
  record: StreamRecord,
  offset: number,
  timeMs: number,
  start = 8_192,
): [Block, number] {
  const block = new Block(start, frameBound(record) + 64);
  const head = new FrameHead();
  head.kind = record.kind === "entry" ? frameKinds.entry : frameKinds.session;
  head.format = record.kind === "entry" ? record.format : 0;
  head.stream = 7;
  head.offset = offset;
  head.timeMs = timeMs;
  block.length = writeRecord(block, 0, 99, head, record);
  return [block, block.length];
}

function read(block: Block): StreamRecord | undefined {
  const head = new FrameHead();
  readHead(block, 0, head);
  return head.kind === frameKinds.entry ? readEntry(block, 0) : readSession(block, 0);
}

describe("frames", () => {
  it("give back what was written, and are as long as they say", () => {
    fc.assert(
      fc.property(fc.oneof(entries, sessions), count, count, (record, offset, timeMs) => {
        const [block, length] = written(record, offset, timeMs);
        expect(frameAt(block, 0, 99)).toBe(length);
        expect(length % 8).toBe(0);
        expect(length).toBeLessThanOrEqual(frameBound(record) + 8);
        const given = read(block);
        // What was read is its own: a view would keep all of the block, and change with it.
        block.bytes.fill(0xff);
        // A Buffer has the same bytes, and is not equal.
        const plain = given && { ...given, body: new Uint8Array(given.body) };
        expect(plain).toEqual({ ...record, offset, timeMs });
      }),
      options,
    );
  });

  it("stand where the table of the format says, whatever was in the memory before", () => {
    const head = new FrameHead();
    const word = fc.integer({ min: 0, max: 0xffffffff });
    const heads = fc.record({
      endsBatch: fc.boolean(),
      flushed: word,
      stream: word,
      offset: count,
      timeMs: count,
      ageMs: count,
    });
    fc.assert(
      fc.property(entries, heads, (record, facts) => {
        Object.assign(head, facts, { kind: frameKinds.entry, format: record.format });
        const block = new Block(8_192, frameBound(record) + 64);
        const used = new Block(8_192, block.capacity, new ArrayBuffer(block.memory.byteLength));
        used.bytes.fill(0xff);
        const length = writeRecord(block, 0, 99, head, record);
        // Memory is used again: nothing of what it had before may get to the disk.
        expect(writeRecord(used, 0, 99, head, record)).toBe(length);
        expect(used.bytes.subarray(0, length)).toEqual(block.bytes.subarray(0, length));

        const { view } = block;
        const u48 = (at: number): number =>
          view.getUint32(at, true) + view.getUint16(at + 4, true) * 2 ** 32;
        expect((view.getUint32(0, true) & 0xffffff) * 8).toBe(length);
        expect(view.getUint8(8)).toBe(frameKinds.entry);
        expect(view.getUint8(9) & 1).toBe(facts.endsBatch ? 1 : 0);
        expect(view.getUint8(10)).toBe(record.format);
        expect(view.getUint32(12, true)).toBe(facts.flushed);
        expect(view.getUint32(16, true)).toBe(facts.stream);
        expect([u48(20), u48(26), u48(32)]).toEqual([facts.offset, facts.timeMs, facts.ageMs]);
        expect(view.getUint16(38, true)).toBe(record.tags.length);
        expect(view.getUint16(40, true)).toBe(record.except.length);
        expect(lengthOf(block, 0)).toBe(length);
        expect([timeOf(block, 0), ageOf(block, 0)]).toEqual([facts.timeMs, facts.ageMs]);
        const read = new FrameHead();
        readHead(block, 0, read);
        expect(read).toEqual(head);
      }),
      options,
    );
  });

  it("keep a number that is none of theirs from what stands beside it", () => {
    const any = fc.oneof(fc.double(), fc.maxSafeInteger());
    const wrong = fc.record({ offset: any, timeMs: any, ageMs: any, format: fc.integer() });
    fc.assert(
      fc.property(entries, wrong, (record, numbers) => {
        const block = new Block(8_192, frameBound(record) + 64);
        const head = new FrameHead();
        Object.assign(head, numbers, { kind: frameKinds.entry, stream: 7, flushed: 8 });
        block.length = writeRecord(block, 0, 99, head, record);
        expect(frameAt(block, 0, 99)).toBe(block.length);
        const found = new FrameHead();
        readHead(block, 0, found);
        expect([found.kind, found.endsBatch, found.stream, found.flushed]).toEqual([1, true, 7, 8]);
        const { tags, except, body, messageId } = readEntry(block, 0) ?? {};
        expect({ tags, except, messageId }).toEqual({
          tags: record.tags,
          except: record.except,
          messageId: record.messageId,
        });
        expect(new Uint8Array(body ?? [])).toEqual(record.body);
      }),
      options,
    );
  });

  it("are none when any bytes are changed, in another place or of another segment", () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(entries, fc.array(change, { minLength: 1, maxLength: 4 }), (record, changes) => {
        const [block, length] = written(record, 5, 6);
        const before = Buffer.from(block.bytes);
        for (const [at, flip] of changes) {
          block.bytes[at % length] = (block.bytes[at % length] ?? 0) ^ flip;
        }
        if (!before.equals(block.bytes)) expect(frameAt(block, 0, 99)).toBeLessThanOrEqual(0);
        before.copy(block.bytes);
        expect(frameAt(block, 0, 98)).toBeLessThanOrEqual(0);
        const elsewhere = new Block(block.start + 8, block.capacity);
        before.copy(elsewhere.bytes);
        elsewhere.length = block.length;
        expect(frameAt(elsewhere, 0, 99)).toBeLessThanOrEqual(0);
      }),
      options,
    );
  });

  it("are looked for in any bytes without an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const block = new Block(0, noise.length);
        block.bytes.set(noise);
        block.length = noise.length;
        expect(frameAt(block, 0, 1)).toBeLessThanOrEqual(0);
        // Even past the sum: what is read of noise is something, or nothing.
        if (noise.length >= 64) readEntry(block, 0);
      }),
      options,
    );
  });
});

/** Runs a decoder. @returns undefined when it refused with a coded error; another error fails the test */
function refused<Result>(decode: () => Result): Result | undefined {
  try {
    return decode();
  } catch (error) {
    expect(error).toBeInstanceOf(JournalError);
    return undefined;
  }
}

const kinds = Object.keys(fileKinds) as FileKind[];
const decoders: readonly [kind: FileKind, decode: (bytes: Buffer) => unknown][] = [
  ["index", (file) => SegmentIndex.decode(file, 1, 2)],
  ["ids", (file) => refused(() => decodeIds(file, 1))],
  ["checkpoint", (file) => refused(() => decodeCheckpoint(file, 1))],
];

const aligned = (noise: Uint8Array): Buffer => {
  const copy = Buffer.from(new ArrayBuffer(noise.length));
  copy.set(noise);
  return copy;
};

describe.each(decoders)("the %s decoder", (kind, decode) => {
  it("refuses any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        expect(decode(aligned(noise))).toBeUndefined();
      }),
      options,
    );
  });

  it("refuses any description, though its sum is right", () => {
    const fields = fc.dictionary(
      fc.constantFrom(
        "segment",
        "end",
        "rows",
        "streams",
        "holes",
        "count",
        "checkpoint",
        "place",
        "clean",
        "ageMs",
        "durability",
        "segments",
        "ids",
      ),
      fc.oneof(fc.jsonValue(), fc.nat(3), fc.constantFrom(1, 2, true, "disk", [])),
    );
    fc.assert(
      fc.property(fields, fc.array(bytes, { maxLength: 6 }), (meta, blobs) => {
        decode(wrap(kind, meta, blobs));
      }),
      options,
    );
  });
});

it("a container gives back what was written, and sees every change", () => {
  const parts = fc.array(bytes, { maxLength: 5 });
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.jsonValue(),
      parts,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (kind, meta, blobs, at, flip) => {
        const file = wrap(kind, meta, blobs);
        const contents = unwrap(kind, file, "x");
        expect(JSON.stringify(contents.meta)).toBe(JSON.stringify(meta));
        expect(contents.blobs.map((blob) => [...blob])).toEqual(blobs.map((blob) => [...blob]));
        file[at % file.length] = (file[at % file.length] ?? 0) ^ flip;
        expect(refused(() => unwrap(kind, file, "x"))).toBeUndefined();
      },
    ),
    options,
  );
});

it("ids and checkpoints come back as they were", () => {
  const id = fc.record({
    producer: anyText,
    id: anyText,
    digest: anyText,
    stream: count,
    offset: count,
    ageMs: count,
  });
  fc.assert(
    fc.property(
      fc.array(id, { maxLength: 8 }),
      fc.array(bytes, { maxLength: 3 }),
      anyText,
      (ids, states, name) => {
        const kept = new SegmentIds();
        for (const one of ids) kept.add(one.stream, one.offset, one.ageMs, one);
        expect([...kept]).toEqual(ids);
        const { meta, blobs } = kept.contents(3);
        expect(decodeIds(wrap("ids", meta, blobs), 3)).toEqual(ids);
        const streams = states.map((state, number) => ({
          number,
          name,
          head: 9,
          tail: 2,
          epochs: [{ id: "e", start: 0, end: undefined }],
          state: { offset: 4, bytes: state },
          sessions: [{ offset: 5, timeMs: 6, body: state }],
        }));
        const checkpoint: Checkpoint = {
          segment: 1,
          place: 512,
          clean: true,
          ageMs: 3,
          bootId: undefined,
          durability: "disk",
          segments: [],
          ids: [{ segment: 1, lastAgeMs: 2, counts: [[1, 2]] }],
          streams,
        };
        const written = checkpointContents(4, checkpoint);
        const file = wrap("checkpoint", written.meta, written.blobs);
        expect(decodeCheckpoint(file, 4)).toEqual(checkpoint);
      },
    ),
    { numRuns: Math.min(runs, 20_000) },
  );
});

it("an index finds what was added, after it was written and read", () => {
  const row = fc.tuple(fc.nat(2), fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 3 }));
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), (added) => {
      const index = new SegmentIndex();
      for (const [offset, [stream, tags]] of added.entries())
        index.add(stream, offset + 1, offset * 64, offset, tags);
      const { meta, blobs } = index.contents(2, 640);
      const again = SegmentIndex.decode(wrap("index", meta, blobs), 2, 640);
      expect(SegmentIndex.decode(wrap("index", meta, blobs), 2, 648)).toBeUndefined();
      const request = {
        from: 0,
        direction: "forward",
        untagged: true,
        maxBytes: 1,
        maxEntries: 1,
      } as const;
      for (const tags of [undefined, new Set(["a"]), new Set(["b", "c"])]) {
        for (const stream of [0, 1, 2]) {
          const offsets = (one: SegmentIndex | undefined) =>
            one && [...one.rowsOf(stream, { ...request, tags })].map((row) => one.rows.offset(row));
          const wanted = added.flatMap(([of, tagged], n) => {
            const isTagged = tagged.length === 0 || tagged.some((tag) => tags?.has(tag));
            return of === stream && (tags === undefined || isTagged) ? [n + 1] : [];
          });
          expect(offsets(again)).toEqual(wanted);
          expect(offsets(index)).toEqual(wanted);
        }
      }
    }),
    { numRuns: Math.min(runs, 5_000) },
  );
});

it("controls of any JSON are one that is known, or none", () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom("start", "open", "stream", "epoch", "trim"),
      (value, type) => {
        controlOf(value);
        const inside = typeof value === "object" && value !== null ? { ...value, type } : { type };
        controlOf(inside);
      },
    ),
    options,
  );
});

it("CRC-32C has its check value, and the same by words", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 256 }), (noise) => {
      const whole = aligned(noise.subarray(0, noise.length & ~7));
      const words = new Int32Array(whole.buffer, 0, whole.length / 4);
      expect(crc32cOfWords(words, 0, words.length)).toBe(crc32c(whole));
    }),
    options,
  );
});
