/** Base64 against the vectors of RFC 4648 and against Node's own. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeOf } from "../testing/caught.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

// RFC 4648, section 10.
const vectors: [text: string, base64: string][] = [
  ["", ""],
  ["f", "Zg=="],
  ["fo", "Zm8="],
  ["foo", "Zm9v"],
  ["foob", "Zm9vYg=="],
  ["fooba", "Zm9vYmE="],
  ["foobar", "Zm9vYmFy"],
];

it.each(vectors)("encodes and decodes %j", (text, base64) => {
  expect(encodeBase64(bytesOf(text))).toBe(base64);
  expect(decodeBase64(base64)).toStrictEqual(bytesOf(text));
});

it("starts where it is told", () => {
  expect(decodeBase64("bZm9v", 1)).toStrictEqual(bytesOf("foo"));
});

describe("what other encoders write", () => {
  it.each([
    ["no padding", "Zm9vYg", "foob"],
    ["no padding after three digits", "Zm9vYmE", "fooba"],
    ["a line break at the end", "Zm9vYg==\n", "foob"],
    ["lines", "Zm9v\r\nYmFy\r\n", "foobar"],
    ["a break inside of a group", "Zm\n9v", "foo"],
    ["bits that are left over", "Zh==", "f"],
  ])("may have %s", (_what, base64, text) => {
    expect(decodeBase64(base64)).toStrictEqual(bytesOf(text));
  });

  it("may use the URL-safe alphabet", () => {
    expect(decodeBase64("-_-_")).toStrictEqual(decodeBase64("+/+/"));
  });
});

describe("what is no base64", () => {
  it.each([
    ["one digit", "Z"],
    ["one digit too many", "Zm9vY"],
    ["padding alone", "=="],
    ["padding inside", "Zg==Zg=="],
    ["too much padding", "Zm8=="],
    ["too little padding", "Zg="],
    ["padding after a whole group", "Zm9v="],
    ["much padding", "Zg======"],
    ["another character", "Zm9*"],
    ["a separator", "Zm9v\x1e"],
    ["a character beyond Latin 1", "Zm9v\u0141m9v"],
    ["a NUL", "\0m9v"],
  ])("is %s", (_what, base64) => {
    expect(codeOf(() => decodeBase64(base64))).toBe("HF_BASE64_INVALID");
  });
});

it("agrees with Node on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const base64 = encodeBase64(bytes);
      expect(base64).toBe(Buffer.from(bytes).toString("base64"));
      expect(decodeBase64(base64)).toStrictEqual(bytes);
    }),
  );
});
