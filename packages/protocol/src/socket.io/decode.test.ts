/** The Socket.IO decoder: what it refuses, what it holds, and the odd shapes that clients do send. */
import { describe, expect, it } from "vitest";
import type { ProtocolErrorCode } from "../errors.ts";
import { codeOf } from "../testing/caught.ts";
import { SocketPacketDecoder } from "./decode.ts";
import { reservedEventNames, type SocketPacket } from "./packet.ts";

const decode = (text: string): SocketPacket | undefined => new SocketPacketDecoder().add(text);
const placeholder = (num: unknown): string => `{"_placeholder":true,"num":${JSON.stringify(num)}}`;

describe("odd shapes that are legal", () => {
  it.each<[text: string, packet: SocketPacket]>([
    // The namespace ends at the end of the text.
    ["0/custom", { type: 0, nsp: "/custom" }],
    ["1/custom", { type: 1, nsp: "/custom" }],
    ['2/,["a"]', { type: 2, nsp: "/", data: ["a"] }],
    ['2/a?b=c["d,["a"]', { type: 2, nsp: '/a?b=c["d', data: ["a"] }],
    // No client sends it, npm socket.io-parser takes it, and an empty list says the same.
    ["31", { type: 3, nsp: "/", id: 1, data: [] }],
    ["3", { type: 3, nsp: "/", data: [] }],
    ["01{}", { type: 0, nsp: "/", id: 1, data: {} }],
    ['2007["a"]', { type: 2, nsp: "/", id: 7, data: ["a"] }],
    ['2["a" , 1] \n', { type: 2, nsp: "/", data: ["a", 1] }],
    ['2[""]', { type: 2, nsp: "/", data: [""] }],
    ['2[-1.5e3,{"x":[]}]', { type: 2, nsp: "/", data: [-1500, { x: [] }] }],
  ])("are taken: %s", (text, packet) => {
    expect(decode(text)).toEqual(packet);
  });

  it("are event names that mean something to objects", () => {
    for (const name of [
      "__proto__",
      "constructor",
      "toString",
      "error",
      "message",
      "hasOwnProperty",
    ]) {
      expect(decode(`2${JSON.stringify([name])}`)).toEqual({ type: 2, nsp: "/", data: [name] });
    }
  });
});

describe("what is refused", () => {
  const nine16 = "9".repeat(16);
  it.each<[text: string, code: ProtocolErrorCode]>([
    ["", "HF_PACKET_EMPTY"],
    ["7", "HF_PACKET_TYPE_UNKNOWN"],
    ["9", "HF_PACKET_TYPE_UNKNOWN"],
    ["a", "HF_PACKET_TYPE_UNKNOWN"],
    [" ", "HF_PACKET_TYPE_UNKNOWN"],
    ["\u00a0", "HF_PACKET_TYPE_UNKNOWN"],
    ["-2", "HF_PACKET_TYPE_UNKNOWN"],
    ["٢[]", "HF_PACKET_TYPE_UNKNOWN"],
    ["/", "HF_PACKET_TYPE_UNKNOWN"],
    [":", "HF_PACKET_TYPE_UNKNOWN"],
    // The kind of the data.
    ["0[]", "HF_PACKET_DATA_INVALID"],
    ['0"token"', "HF_PACKET_DATA_INVALID"],
    ["0null", "HF_PACKET_DATA_INVALID"],
    ["1{}", "HF_PACKET_DATA_INVALID"],
    ["1/admin,[]", "HF_PACKET_DATA_INVALID"],
    ["2", "HF_PACKET_DATA_INVALID"],
    ["2/admin,12", "HF_PACKET_DATA_INVALID"],
    ["2{}", "HF_PACKET_DATA_INVALID"],
    ['2"a"', "HF_PACKET_DATA_INVALID"],
    ["2null", "HF_PACKET_DATA_INVALID"],
    ['2-1["a"]', "HF_PACKET_DATA_INVALID"],
    ['2 ["a"]', "HF_PACKET_DATA_INVALID"],
    ['2 1["a"]', "HF_PACKET_DATA_INVALID"],
    ['21 ["a"]', "HF_PACKET_DATA_INVALID"],
    ['2/admin, ["a"]', "HF_PACKET_DATA_INVALID"],
    ['21.5["a"]', "HF_PACKET_DATA_INVALID"],
    ['21e1["a"]', "HF_PACKET_DATA_INVALID"],
    ['2x["a"]', "HF_PACKET_DATA_INVALID"],
    ["31{}", "HF_PACKET_DATA_INVALID"],
    ["4", "HF_PACKET_DATA_INVALID"],
    ["40", "HF_PACKET_DATA_INVALID"],
    ["4[]", "HF_PACKET_DATA_INVALID"],
    ["4true", "HF_PACKET_DATA_INVALID"],
    ["51-", "HF_PACKET_DATA_INVALID"],
    ["61-1", "HF_PACKET_DATA_INVALID"],
    // JSON.
    ['2["a"', "HF_PACKET_JSON_INVALID"],
    ['2["a"]]', "HF_PACKET_JSON_INVALID"],
    ['2["a",]', "HF_PACKET_JSON_INVALID"],
    ["2['a']", "HF_PACKET_JSON_INVALID"],
    ['2["a",NaN]', "HF_PACKET_JSON_INVALID"],
    ["0{", "HF_PACKET_JSON_INVALID"],
    ['4"', "HF_PACKET_JSON_INVALID"],
    // Names.
    ["2[]", "HF_EVENT_NAME_INVALID"],
    ["2[{}]", "HF_EVENT_NAME_INVALID"],
    ["2[[]]", "HF_EVENT_NAME_INVALID"],
    ["2[null]", "HF_EVENT_NAME_INVALID"],
    ["2[true]", "HF_EVENT_NAME_INVALID"],
    [`51-[${placeholder(0)}]`, "HF_EVENT_NAME_INVALID"],
    // Ids.
    [`2${2 ** 53}["a"]`, "HF_ACK_ID_INVALID"],
    [`3${nine16}[]`, "HF_ACK_ID_INVALID"],
    ['200000000000000001["a"]', "HF_ACK_ID_INVALID"],
    // Numbers of attachments.
    ['5["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ['5-["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ['50-["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ['501-["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ['5-1-["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ['5 1-["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ['5+1-["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ['51.0-["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ['51e0-["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ['50x1-["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ['51/["a"]', "HF_ATTACHMENT_COUNT_INVALID"],
    ["51", "HF_ATTACHMENT_COUNT_INVALID"],
    ['511-["a"]', "HF_ATTACHMENTS_TOO_MANY"],
    ['69999999999999999-["a"]', "HF_ATTACHMENTS_TOO_MANY"],
    [`5${"1".repeat(40)}-["a"]`, "HF_ATTACHMENTS_TOO_MANY"],
    // Placeholders.
    [`51-["a",${placeholder(1)}]`, "HF_PLACEHOLDER_INVALID"],
    [`51-["a",${placeholder(-1)}]`, "HF_PLACEHOLDER_INVALID"],
    [`51-["a",${placeholder(0.5)}]`, "HF_PLACEHOLDER_INVALID"],
    [`51-["a",${placeholder(0)},${placeholder(0)}]`, "HF_PLACEHOLDER_INVALID"],
    ['51-["a",{"_placeholder":true}]', "HF_PLACEHOLDER_INVALID"],
  ])("%s", (text, code) => {
    expect(codeOf(() => decode(text))).toBe(code);
  });

  it.each([...reservedEventNames])("the reserved event name %s", (name) => {
    const json = JSON.stringify([name, 1]);
    expect(codeOf(() => decode(`2${json}`))).toBe("HF_EVENT_NAME_RESERVED");
    expect(codeOf(() => decode(`51-/a,1${json}`))).toBe("HF_EVENT_NAME_RESERVED");
    // An ack has no name.
    expect(decode(`31${json}`)?.data).toEqual([name, 1]);
  });
});

describe("a packet with attachments", () => {
  const first = Buffer.from("first");
  const second = Uint8Array.of(2);

  it("is complete with the last of them", () => {
    const decoder = new SocketPacketDecoder();
    expect(decoder.pendingAttachments).toBe(0);
    expect(decoder.add(`52-["a",${placeholder(1)},${placeholder(0)}]`)).toBeUndefined();
    expect(decoder.pendingAttachments).toBe(2);
    expect(decoder.add(first)).toBeUndefined();
    expect(decoder.pendingAttachments).toBe(1);
    const packet = decoder.add(second);
    expect(decoder.pendingAttachments).toBe(0);
    expect(packet).toEqual({ type: 2, nsp: "/", data: ["a", second, first] });
    expect(packet).not.toHaveProperty("attachments");
    const [, a, b] = (packet?.data ?? []) as unknown[];
    expect(a).toBe(second);
    expect(b).toBe(first);
  });

  it("may leave one unused", () => {
    const decoder = new SocketPacketDecoder();
    decoder.add(`52-["a",${placeholder(1)}]`);
    decoder.add(first);
    expect(decoder.add(second)?.data).toEqual(["a", second]);
  });

  it("keeps placeholders that are not exactly one", () => {
    const decoder = new SocketPacketDecoder();
    const odd = '{"_placeholder":1,"num":0},{"_placeholder":"true","num":9},{"num":0}';
    decoder.add(`51-["a",${odd},${placeholder(0)}]`);
    expect(decoder.add(first)?.data).toEqual([
      "a",
      { _placeholder: 1, num: 0 },
      { _placeholder: "true", num: 9 },
      { num: 0 },
      first,
    ]);
  });

  it("is broken by text in between, which is dropped with it", () => {
    const decoder = new SocketPacketDecoder();
    decoder.add(`52-["a",${placeholder(0)}]`);
    decoder.add(first);
    expect(codeOf(() => decoder.add('2["b"]'))).toBe("HF_ATTACHMENT_MISSING");
    expect(decoder.pendingAttachments).toBe(0);
    expect(codeOf(() => decoder.add(second))).toBe("HF_ATTACHMENT_UNEXPECTED");
  });

  it("has to come first", () => {
    expect(codeOf(() => new SocketPacketDecoder().add(first))).toBe("HF_ATTACHMENT_UNEXPECTED");
    const decoder = new SocketPacketDecoder();
    decoder.add('2["a"]');
    expect(codeOf(() => decoder.add(first))).toBe("HF_ATTACHMENT_UNEXPECTED");
  });

  it("may have as many attachments as the options say", () => {
    expect(new SocketPacketDecoder({ maxAttachments: 12 }).add('512-["a"]')).toBeUndefined();
    const decoder = new SocketPacketDecoder({ maxAttachments: 1 });
    expect(codeOf(() => decoder.add('52-["a"]'))).toBe("HF_ATTACHMENTS_TOO_MANY");
  });

  it("may have as many bytes as the options say", () => {
    const decoder = new SocketPacketDecoder({ maxAttachmentBytes: 6 });
    decoder.add('52-["a"]');
    decoder.add(first);
    expect(decoder.add(second)?.data).toEqual(["a"]);
    decoder.add('53-["a"]');
    decoder.add(first);
    decoder.add(second);
    expect(codeOf(() => decoder.add(second))).toBe("HF_ATTACHMENTS_TOO_LARGE");
    expect(decoder.pendingAttachments).toBe(0);
  });

  it("is forgotten on reset", () => {
    const decoder = new SocketPacketDecoder();
    decoder.add(`51-["a",${placeholder(0)}]`);
    decoder.reset();
    expect(decoder.pendingAttachments).toBe(0);
    expect(decoder.add('2["b"]')?.data).toEqual(["b"]);
  });
});

describe("a reviver", () => {
  it("sees every value", () => {
    const decoder = new SocketPacketDecoder({
      reviver: (key, value) => (key === "at" ? new Date(Number(value)) : value),
    });
    expect(decoder.add('2["a",{"at":0}]')?.data).toEqual(["a", { at: new Date(0) }]);
  });

  it("may make bytes, which are not looked into", () => {
    const bytes = Buffer.from("abc");
    const decoder = new SocketPacketDecoder({
      reviver: (_key, value) => (value === "bytes" ? bytes : value),
    });
    decoder.add(`51-["a","bytes",${placeholder(0)}]`);
    expect(decoder.add(Uint8Array.of(1))?.data).toEqual(["a", bytes, Uint8Array.of(1)]);
  });

  it.each(["0{}", '2["a"]', "31[]", '4"x"', '51-["a"]', "61-[]"])(
    "that makes the wrong kind of %s is caught",
    (text) => {
      for (const value of [undefined, null, 1, true]) {
        const decoder = new SocketPacketDecoder({ reviver: () => value });
        expect(codeOf(() => decoder.add(text))).toBe("HF_PACKET_DATA_INVALID");
      }
    },
  );

  it("that throws is caught, as by npm socket.io-parser", () => {
    const decoder = new SocketPacketDecoder({
      reviver: () => {
        throw new Error("no");
      },
    });
    expect(codeOf(() => decoder.add('2["a"]'))).toBe("HF_PACKET_JSON_INVALID");
  });
});
