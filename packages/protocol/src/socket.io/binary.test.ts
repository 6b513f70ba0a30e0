/** Where bytes are found in values of all kinds. */
import { expect, it } from "vitest";
import { hasBinary } from "./binary.ts";

const bytes = new Uint8Array(2);

class Holder {
  readonly held: unknown;

  constructor(held: unknown) {
    this.held = held;
  }
}

class Shown {
  readonly hidden = bytes;

  toJSON(): unknown {
    return { shown: 1 };
  }
}

function circular(extra: unknown): unknown {
  const value: unknown[] = [];
  value.push({ value, other: value }, { value }, extra);
  return value;
}

function nested(inner: unknown, depth: number): unknown {
  let value = inner;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { value };
  return value;
}

it.each<[what: string, value: unknown]>([
  ["a Buffer", Buffer.from("a")],
  ["an empty Buffer", Buffer.alloc(0)],
  ["an ArrayBuffer", bytes.buffer],
  ["a DataView", new DataView(bytes.buffer)],
  ["a Float64Array", new Float64Array(1)],
  ["an array", [1, [bytes]]],
  ["the last of many", [...Array(1000).keys(), bytes]],
  ["an object", { a: { b: bytes } }],
  ["an own key __proto__", Object.fromEntries([["__proto__", bytes]])],
  ["an instance", new Holder(bytes)],
  ["an object without prototype", Object.assign(Object.create(null), { bytes })],
  ["what toJSON returns", { toJSON: () => bytes }],
  ["an object that toJSON returns", { toJSON: () => ({ bytes }) }],
  ["an array that toJSON returns", { toJSON: () => [1, bytes] }],
  ["10,000 levels", nested(bytes, 10_000)],
  ["a circle", circular({ bytes })],
  ["a deep toJSON", nested({ toJSON: () => bytes }, 10_000)],
])("finds bytes in %s", (_what, value) => {
  expect(hasBinary(value)).toBe(true);
});

it.each<[what: string, value: unknown]>([
  ["undefined", undefined],
  ["null", null],
  ["a string", "bytes"],
  ["a function", () => bytes],
  ["a bigint", 1n],
  ["an empty array", []],
  ["a sparse array", Array(5)],
  ["an object", { a: { b: [1, "2", null] } }],
  ["a Date", new Date()],
  ["an invalid Date", new Date(Number.NaN)],
  ["a Map, which JSON does not walk", new Map([[1, bytes]])],
  ["an inherited property", Object.create({ bytes })],
  ["a symbol key", { [Symbol("bytes")]: bytes }],
  ["what toJSON hides", new Shown()],
  ["toJSON that returns nothing", { toJSON: () => undefined, bytes }],
  ["10,000 levels", nested(1, 10_000)],
  ["a circle", circular(1)],
  ["a deep toJSON", nested(new Shown(), 10_000)],
])("finds none in %s", (_what, value) => {
  expect(hasBinary(value)).toBe(false);
});
