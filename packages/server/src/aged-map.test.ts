/** The map that has its oldest key at hand. Goal: it says what a Map says of its first key, after any calls. */
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
