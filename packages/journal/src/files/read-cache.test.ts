/** Windows of segments: read once for all who ask, the one used longest ago goes first. */
import { describe, expect, it } from "vitest";
import { Block } from "./block.ts";
import { overlapBytes, ReadCache, windowBytes } from "./read-cache.ts";

const windowRoom = windowBytes + overlapBytes;

function window(number: number, bytes = windowBytes): Block {
  const block = new Block(number * windowBytes, bytes);
  block.length = bytes;
  return block;
}

// What many sessions want at once is read once; what is kept has a limit, and what was used last stays.
describe("what was read a moment ago", () => {
  it("is read once for all who ask meanwhile, and is there at once afterwards", async () => {
    const cache = new ReadCache(4 * windowRoom);
    let reads = 0;
    const read = async () => {
      reads++;
      return window(1);
    };
    const place = windowBytes + 8;
    expect(cache.find(7, place)).toBeUndefined();
    const [first, second] = await Promise.all([
      cache.load(7, place, read),
      cache.load(7, place + 800, read),
    ]);
    expect(reads).toBe(1);
    expect(second).toBe(first);
    expect(cache.find(7, place)).toBe(first);
    expect(cache.find(8, place)).toBeUndefined();
    expect(cache.find(7, 8)).toBeUndefined();
  });

  it("lets go of what was used longest ago", async () => {
    const cache = new ReadCache(2 * windowRoom);
    const load = (number: number) =>
      cache.load(1, number * windowBytes, async () => window(number));
    await load(0);
    await load(1);
    cache.find(1, 0);
    await load(2);
    const kept = [0, 1, 2].map((number) => cache.find(1, number * windowBytes) !== undefined);
    expect(kept).toEqual([true, false, true]);
  });

  it("is not taken for what was written since", async () => {
    const cache = new ReadCache(2 * windowRoom);
    await cache.load(1, 0, async () => window(0, 800));
    expect(cache.find(1, 792)).toBeDefined();
    expect(cache.find(1, 800)).toBeUndefined();
    const whole = await cache.load(1, 800, async () => window(0));
    expect(cache.find(1, 800)).toBe(whole);
  });

  it("forgets a read that failed, and keeps nothing without room for it", async () => {
    const cache = new ReadCache(0);
    await expect(cache.load(1, 0, () => Promise.reject(new Error("no disk")))).rejects.toThrow(
      "no disk",
    );
    const block = await cache.load(1, 0, async () => window(0));
    expect(block.length).toBe(windowBytes);
    expect(cache.find(1, 0)).toBeUndefined();
  });
});
