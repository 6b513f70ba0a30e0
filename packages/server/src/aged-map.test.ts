/** The map that has its oldest key at hand. Goal: it says what a Map says of its first key, after any calls. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, it } from "vitest";
import { AgedMap } from "./aged-map.ts";

it("has the oldest key that a Map has, whatever was put in, put in again, and deleted", () => {
  const step = fc.tuple(fc.constantFrom("set", "delete", "shift", "clear", "look"), fc.nat(6));
  const steps = fc.array(step, { maxLength: 100, size: "max" });
  fc.assert(
    fc.property(steps, (taken) => {
      const map = new AgedMap<number, number>();
      const plain = new Map<number, number>();
      for (const [n, [what, key]] of taken.entries()) {
        if (what === "set") {
          map.set(key, n);
          plain.delete(key);
          plain.set(key, n);
        } else if (what === "delete") {
          expect(map.delete(key)).toBe(plain.delete(key));
        } else if (what === "shift") {
          const { oldest } = map;
          if (oldest !== undefined)
            expect([map.delete(oldest), plain.delete(oldest)]).toEqual([true, true]);
        } else if (what === "clear" && key === 0) {
          map.clear();
          plain.clear();
        } else if (what === "look") {
          expect(map.oldest).toBe(plain.keys().next().value);
        }
        expect(map.size).toBe(plain.size);
        expect(map.get(key)).toBe(plain.get(key));
      }
      expect(map.oldest).toBe(plain.keys().next().value);
      expect([...map]).toEqual([...plain]);
    }),
    { numRuns: 1_000 },
  );
});

const collect: () => void = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();

/** How many of the values are still in memory. */
async function alive(values: readonly WeakRef<object>[]): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  return values.filter((value) => value.deref() !== undefined).length;
}

it("lets go of what was deleted, though the oldest stays", async () => {
  const map = new AgedMap<number, object>();
  const values: WeakRef<object>[] = [];
  const comeAndGo = (from: number, to: number) => {
    for (let n = from; n < to; n++) {
      const value = { n };
      values.push(new WeakRef(value));
      map.set(n, value);
      expect(map.oldest).toBe(0);
      if (n > 500) map.delete(n - 500);
    }
  };
  comeAndGo(0, 20_000);
  expect(await alive(values)).toBeLessThan(4_000);
  expect(map.size).toBe(501);
});

it("lets go of everything when it is cleared", async () => {
  const map = new AgedMap<number, object>();
  const values: WeakRef<object>[] = [];
  const fill = () => {
    for (let n = 0; n < 5_000; n++) {
      const value = { n };
      values.push(new WeakRef(value));
      map.set(n, value);
    }
    expect(map.oldest).toBe(0);
  };
  fill();
  map.clear();
  expect(await alive(values)).toBe(0);
  expect(map.oldest).toBeUndefined();
});

it("goes through many that come and go", () => {
  const map = new AgedMap<number, number>();
  const gone: number[] = [];
  for (let n = 0; n < 20_000; n++) {
    map.set(n, n);
    const { oldest } = map;
    if (map.size > 500 && oldest !== undefined && map.delete(oldest)) gone.push(oldest);
  }
  expect(gone).toEqual(Array.from({ length: 19_500 }, (_, n) => n));
});
