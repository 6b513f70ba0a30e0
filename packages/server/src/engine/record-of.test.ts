/** The record over a map. Goal: whoever takes it for a plain object notices nothing. Method: both get the same steps. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { recordOf } from "./record-of.ts";

it("is what a plain object would be, whatever is set and deleted", () => {
  // Names that mean something on objects with a prototype; none that is a number, which objects put first.
  const keys = fc.constantFrom("a", "b", "sid", "__proto__", "constructor", "toString");
  const steps = fc.array(fc.tuple(keys, fc.option(fc.nat(9))), { maxLength: 20 });
  fc.assert(
    fc.property(steps, (list) => {
      const map = new Map<string, number>();
      const record = recordOf(map);
      const plain: Record<string, number> = Object.create(null);
      for (const [key, value] of list) {
        for (const object of [record, plain]) {
          if (value === null) delete object[key];
          else object[key] = value;
        }
        expect(key in record).toBe(key in plain);
        expect(Object.hasOwn(record, key)).toBe(Object.hasOwn(plain, key));
        expect(record[key]).toBe(plain[key]);
      }
      expect(Object.entries(record)).toEqual(Object.entries(plain));
      expect({ ...record }).toEqual({ ...plain });
      expect([...map.keys()]).toEqual(Object.keys(plain));
      expect(Object.getPrototypeOf(record)).toBe(null);
    }),
  );
});
