/** Containers that are written piece by piece. Goal: the file is the one that would be written at once, and no piece is large. */
import { expect, it } from "vitest";
import type { DiskFile } from "../disk.ts";
import { SeededRandom } from "../testing/index.ts";
import { unwrap, wrap, writeInPieces } from "./container.ts";
import { decodeIds, SegmentIds, type StoredId } from "./ids.ts";
import { idsName } from "./names.ts";

const piece = 512 * 1024;

function noise(length: number): Uint8Array {
  const random = new SeededRandom(length);
  return Uint8Array.from({ length }, () => random.below(256));
}

/** What a new file has after each write, and how much that was. */
async function writes(blobs: readonly Uint8Array[]): Promise<{ size: number; file: Buffer }[]> {
  const states: { size: number; file: Buffer }[] = [];
  let file = Buffer.alloc(0);
  const recorded: Partial<DiskFile> = {
    write(parts, place, done) {
      const bytes = Buffer.concat(parts);
      const after = Buffer.from(new ArrayBuffer(Math.max(file.length, place + bytes.length)));
      after.set(file);
      after.set(bytes, place);
      file = after;
      states.push({ size: bytes.length, file });
      done(undefined, bytes.length);
    },
  };
  await writeInPieces(recorded as DiskFile, "index", { meta: { some: "thing" }, blobs });
  return states;
}

it.each([
  ["nothing", []],
  ["an empty blob, and one of odd length", [noise(0), noise(13)]],
  ["memory that begins between two words", [noise(64).subarray(3, 59), noise(9)]],
  ["exactly a piece, one byte more and less", [noise(piece), noise(piece + 1), noise(piece - 1)]],
  ["many pieces", [noise(24), noise(3 * piece + 5), noise(8)]],
])("is written as it would be at once, and is none before its last piece: %s", async (_, blobs) => {
  const states = await writes(blobs);
  const last = states.pop();
  const expected = wrap("index", { some: "thing" }, blobs);
  expect(last?.file.equals(expected)).toBe(true);
  for (const { size, file } of states) {
    expect(size).toBeLessThanOrEqual(piece);
    expect(() => unwrap("index", file, "it")).toThrow("HOLDFAST");
  }
});

it("ids come back in their order, from many blocks, whatever characters they have", () => {
  const ids = new SegmentIds();
  const added: StoredId[] = [];
  const texts = ["", "a", "é", "ж", "\ud800", "x".repeat(256), "語".repeat(256)];
  for (let n = 0; n < 5_000; n++) {
    const [producer = "", id = "", digest = ""] = [0, 1, 2].map(
      (part) => texts[(n * 3 + part * 5) % texts.length],
    );
    const one = { stream: n % 3, offset: n + 1, ageMs: n * 2, producer, id, digest };
    added.push(one);
    ids.add(one.stream, one.offset, one.ageMs, one);
  }
  expect([...ids]).toEqual(added);
  const { meta, blobs } = ids.contents(7);
  expect(blobs.length).toBeGreaterThan(3);
  expect(decodeIds(wrap("ids", meta, blobs), 7)).toEqual(added);
  expect(ids.facts(7)).toEqual({
    segment: 7,
    lastAgeMs: 9_998,
    counts: [
      [0, 1_667],
      [1, 1_667],
      [2, 1_666],
    ],
  });
});

it("ids whose texts end early are refused", () => {
  const ids = new SegmentIds();
  for (let n = 0; n < 3; n++) ids.add(1, n + 1, 0, { producer: "p", id: `i${n}`, digest: "d" });
  const { meta, blobs } = ids.contents(7);
  const [numbers, texts] = blobs;
  if (numbers === undefined || texts === undefined) throw new Error("no blobs");
  for (const length of [0, 5, texts.length - 1]) {
    const file = wrap("ids", meta, [numbers, texts.subarray(0, length)]);
    expect(() => decodeIds(file, 7)).toThrow(idsName(7));
  }
});
