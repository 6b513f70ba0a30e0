/** The query of a request. Goal: cut by hand where nothing is escaped, it is what URLSearchParams makes of it. */
import type { IncomingMessage } from "node:http";
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseQuery } from "./request.ts";

function queryOf(text: string): Record<string, string> {
  const message = { url: `/engine.io/?${text}`, rawHeaders: [] } as unknown as IncomingMessage;
  return parseQuery(message)._query;
}

it("reads any parameters as URLSearchParams does", () => {
  const texts = fc.string({
    unit: fc.constantFrom("a", "b", "=", "&", "1", "%", "+", "sid", "EIO", "transport", "t"),
    maxLength: 20,
  });
  fc.assert(
    fc.property(texts, (text) => {
      expect({ ...queryOf(text) }).toEqual(Object.fromEntries(new URLSearchParams(text)));
    }),
    { numRuns: 1000 },
  );
});

it("takes no name for more than a name", () => {
  const query = queryOf("__proto__=a&constructor=b");
  expect(Object.keys(query)).toEqual(["__proto__", "constructor"]);
  expect(queryOf("a=b")["toString"]).toBe(undefined);
  expect(queryOf("a=b")["constructor"]).toBe(undefined);
  expect(() => Object.assign(Object.getPrototypeOf(query), { c: "d" })).toThrow(TypeError);
});
