/** The check of positions and private ids is HMAC-SHA256: the same as Node's, whatever the key and the text. */
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { KeyedCheck } from "./keyed-check.ts";

function expected(key: Uint8Array, text: string): string {
  return createHmac("sha256", key).update(text).digest("base64url").slice(0, 8);
}

it("is the start of an HMAC-SHA256, for any key and any texts one behind the other", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 100 }),
    fc.string({ unit: "binary", minLength: 80, maxLength: 600 }),
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(text, { maxLength: 6 }),
      (key, texts) => {
        const check = new KeyedCheck(key);
        for (const each of texts) expect(check.of(each)).toBe(expected(key, each));
      },
    ),
  );
});

it.each([0, 1, 63, 64, 65, 1000])("takes a key of %i bytes", (length) => {
  const key = new Uint8Array(length).fill(0xa5);
  expect(new KeyedCheck(key).of("text")).toBe(expected(key, "text"));
});

it.each([0, 85, 86, 256, 257, 100_000])(
  "takes a text of %i characters, and a short one after it",
  (length) => {
    const key = new Uint8Array(32).fill(7);
    const check = new KeyedCheck(key);
    for (const text of ["é".repeat(length), "x".repeat(length), "€".repeat(length), "short"]) {
      expect(check.of(text)).toBe(expected(key, text));
    }
  },
);
