/** Socket.IO packets to the wire, row by row as the specification gives them. */
import { describe, expect, it } from "vitest";
import { codeOf } from "../testing/caught.ts";
import { encodeSocketPacket } from "./encode.ts";
import { PacketType, type SocketPacket } from "./packet.ts";

const { CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK } = PacketType;

const event = (...data: unknown[]): SocketPacket => ({ type: EVENT, nsp: "/", data });

/** The JSON part of an encoded event. */
const jsonOf = (...data: unknown[]): unknown =>
  String(encodeSocketPacket(event(...data))[0]).slice(1);

describe("where the head of a packet has its parts", () => {
  it.each<[what: string, packet: SocketPacket, text: string]>([
    ["the type", { type: DISCONNECT, nsp: "/" }, "1"],
    ["the namespace", { type: DISCONNECT, nsp: "/admin" }, "1/admin,"],
    ["the id", { type: EVENT, nsp: "/", id: 0, data: ["a"] }, '20["a"]'],
    ["namespace and id", { type: EVENT, nsp: "/admin", id: 456, data: ["a"] }, '2/admin,456["a"]'],
    ["no id", { type: EVENT, nsp: "/", id: undefined, data: ["a"] }, '2["a"]'],
    ["the greatest id", { type: ACK, nsp: "/", id: 2 ** 53 - 1, data: [] }, "39007199254740991[]"],
    ["no data", { type: CONNECT, nsp: "/admin", data: undefined }, "0/admin,"],
    ["null for data", { type: CONNECT, nsp: "/", data: null }, "0"],
    ["a string for data", { type: CONNECT_ERROR, nsp: "/", data: "no" }, '4"no"'],
  ])("writes %s", (_what, packet, text) => {
    expect(encodeSocketPacket(packet)).toEqual([text]);
  });
});

describe("bytes anywhere in the data", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);

  it("become attachments in the order of the text", () => {
    const first = Buffer.from("first");
    const packet = event("a", { x: [first], y: { z: bytes } }, bytes);
    const [text, ...attachments] = encodeSocketPacket(packet);
    expect(text).toBe(
      '53-["a",{"x":[{"_placeholder":true,"num":0}],"y":{"z":{"_placeholder":true,"num":1}}},' +
        '{"_placeholder":true,"num":2}]',
    );
    expect(attachments).toHaveLength(3);
    expect(attachments[0]).toBe(first);
    expect(attachments[1]).toBe(bytes);
    expect(attachments[2]).toBe(bytes);
  });

  it("stand after namespace and id of an ack", () => {
    const packet: SocketPacket = { type: ACK, nsp: "/admin", id: 456, data: [bytes] };
    expect(encodeSocketPacket(packet)).toEqual([
      '61-/admin,456[{"_placeholder":true,"num":0}]',
      bytes,
    ]);
  });

  it.each<[what: string, value: unknown]>([
    ["an ArrayBuffer", bytes.slice().buffer],
    ["a DataView of a part", new DataView(Uint8Array.of(9, 1, 2, 3, 4, 9).buffer, 1, 4)],
    ["another typed array", new Uint16Array(bytes.slice().buffer)],
    ["a clamped array", Uint8ClampedArray.from(bytes)],
    ["a part of a buffer", Uint8Array.of(9, 1, 2, 3, 4, 9).subarray(1, 5)],
  ])("may be %s", (_what, value) => {
    const [text, attachment] = encodeSocketPacket(event("a", value));
    expect(text).toBe('51-["a",{"_placeholder":true,"num":0}]');
    expect(attachment).toBeInstanceOf(Uint8Array);
    expect(Buffer.from(attachment as Uint8Array)).toEqual(Buffer.from(bytes));
  });

  it("may be none", () => {
    const nothing = new Uint8Array(0);
    expect(encodeSocketPacket(event("a", nothing))).toEqual([
      '51-["a",{"_placeholder":true,"num":0}]',
      nothing,
    ]);
  });

  it("are not taken out of the packet that was given", () => {
    const packet = Object.freeze(event("a", Object.freeze({ x: Object.freeze([bytes]) })));
    Object.freeze(packet.data);
    encodeSocketPacket(packet);
    expect(packet).toStrictEqual(event("a", { x: [bytes] }));
  });

  it("decide between plain and binary, whatever the type says", () => {
    expect(encodeSocketPacket({ type: BINARY_EVENT, nsp: "/", data: ["a"] })).toEqual(['2["a"]']);
    expect(encodeSocketPacket({ type: BINARY_ACK, nsp: "/", id: 1, data: [] })).toEqual(["31[]"]);
    const binary: SocketPacket = { type: BINARY_EVENT, nsp: "/", data: ["a", bytes] };
    expect(encodeSocketPacket(binary)).toEqual(['51-["a",{"_placeholder":true,"num":0}]', bytes]);
  });

  it("are at most ten, as stock decoders take no more", () => {
    const many = (count: number): unknown[] => Array.from({ length: count }, () => bytes);
    expect(encodeSocketPacket(event("a", ...many(10)))).toHaveLength(11);
    expect(codeOf(() => encodeSocketPacket(event("a", ...many(11))))).toBe(
      "HF_ATTACHMENTS_TOO_MANY",
    );
  });

  it("leave the other values as JSON writes them", () => {
    const odd = { u: undefined, f: () => 1, d: new Date(0), n: Number.NaN, m: new Map([[1, 2]]) };
    const [text] = encodeSocketPacket(event("a", odd, undefined, bytes));
    expect(text).toBe(
      '51-["a",{"d":"1970-01-01T00:00:00.000Z","n":null,"m":{}},null,{"_placeholder":true,"num":0}]',
    );
  });

  it("may be what toJSON returns, or inside of it", () => {
    const placeholder = '{"_placeholder":true,"num":0}';
    const rows: [json: unknown, expected: string][] = [
      [bytes, placeholder],
      [{ x: bytes }, `{"x":${placeholder}}`],
      [[bytes], `[${placeholder}]`],
    ];
    for (const [json, expected] of rows) {
      const [text, attachment] = encodeSocketPacket(event("a", { toJSON: () => json }));
      expect(text).toBe(`51-["a",${expected}]`);
      expect(attachment).toBe(bytes);
    }
  });

  it("leave an own key __proto__ a key", () => {
    const value: unknown = JSON.parse('{"__proto__":{"polluted":true}}');
    const [text] = encodeSocketPacket(event("a", value, bytes));
    expect(text).toBe('51-["a",{"__proto__":{"polluted":true}},{"_placeholder":true,"num":0}]');
  });
});

describe("data without bytes", () => {
  it.each<[data: unknown[], json: string]>([
    [["a"], '["a"]'],
    [[1], "[1]"],
    [["a", undefined], '["a",null]'],
    [["a", null, true, 1.5, "é🚀\x1e"], '["a",null,true,1.5,"é🚀\\u001e"]'],
    [["a", "\ud800"], '["a","\\ud800"]'],
    [["a", new Date(0)], '["a","1970-01-01T00:00:00.000Z"]'],
    [["a", { toJSON: () => ({ x: 1 }) }], '["a",{"x":1}]'],
    [["a", { toJSON: () => undefined }], '["a",null]'],
    [["a", { _placeholder: true, num: 0 }], '["a",{"_placeholder":true,"num":0}]'],
    [["a", Object.create({ inherited: new Uint8Array(1) })], '["a",{}]'],
    [["a", Object.create(null)], '["a",{}]'],
  ])("is %j in JSON", (data, json) => {
    expect(jsonOf(...data)).toBe(json);
  });

  it("passes the replacer", () => {
    const replacer = (_key: string, value: unknown): unknown => (value === 1 ? "one" : value);
    expect(encodeSocketPacket(event("a", 1, { x: 1 }), replacer)).toEqual([
      '2["a","one",{"x":"one"}]',
    ]);
    const [text] = encodeSocketPacket(event("a", 1, new Uint8Array(1)), replacer);
    expect(text).toBe('51-["a","one",{"_placeholder":true,"num":0}]');
  });

  it("may be as deep as JSON.stringify goes", () => {
    const deep: unknown = JSON.parse(`${"[".repeat(2000)}${"]".repeat(2000)}`);
    expect(jsonOf("a", deep)).toBe(`["a",${"[".repeat(2000)}${"]".repeat(2000)}]`);
  });
});

describe("data that is not JSON", () => {
  const circular = (): Record<string, unknown> => {
    const value: Record<string, unknown> = {};
    value["left"] = value;
    value["right"] = [value, value];
    return value;
  };

  it("is refused when circular", () => {
    expect(() => encodeSocketPacket(event("a", circular()))).toThrow(TypeError);
  });

  it("is refused when circular and with bytes", () => {
    const value = circular();
    value["bytes"] = new Uint8Array(1);
    expect(() => encodeSocketPacket(event("a", value))).toThrow(TypeError);
    expect(() => encodeSocketPacket(event("a", new Uint8Array(1), value))).toThrow(TypeError);
  });

  it("is refused when too deep and with bytes", () => {
    let deep: unknown = new Uint8Array(1);
    for (let i = 0; i < 20_000; i++) deep = [deep];
    expect(() => encodeSocketPacket(event("a", deep))).toThrow(TypeError);
  });

  it("is refused when a bigint", () => {
    expect(() => encodeSocketPacket(event("a", 1n))).toThrow(TypeError);
  });
});
