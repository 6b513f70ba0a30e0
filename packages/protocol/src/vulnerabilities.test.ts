/**
 * Weaknesses that codecs of this field have had, by their number in the project's list of vulnerabilities (V1 ...).
 * What costs is tested by growth, never by milliseconds.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { decodePayload } from "./engine.io/payload.ts";
import { WebTransportFrameDecoder } from "./engine.io/webtransport-frame.ts";
import type { ProtocolErrorCode } from "./errors.ts";
import { SocketPacketDecoder } from "./socket.io/decode.ts";
import { encodeSocketPacket } from "./socket.io/encode.ts";
import { reservedEventNames } from "./socket.io/packet.ts";
import { codeOf } from "./testing/caught.ts";
import { growth, growthMax } from "./testing/growth.ts";

const decode = (text: string, ...attachments: Uint8Array[]): unknown => {
  const decoder = new SocketPacketDecoder();
  let packet = decoder.add(text);
  for (const attachment of attachments) packet = decoder.add(attachment);
  return packet?.data;
};

describe("V1: the work for a packet grows with its size and no faster", () => {
  const decodes = (text: string) => () => void codeOf(() => new SocketPacketDecoder().add(text));
  const many = (count: number, make: (i: number) => string): string =>
    Array.from({ length: count }, (_none, i) => make(i)).join(",");

  it.each<[what: string, prepare: (size: number) => () => void, startSize: number]>([
    [
      "a WebTransport frame in chunks of one byte",
      (size) => () => {
        const decoder = new WebTransportFrameDecoder({ maxPayloadBytes: size });
        const header = new Uint8Array(9);
        header[0] = 0xff;
        new DataView(header.buffer).setUint32(5, size);
        decoder.push(header);
        const chunk = new Uint8Array(1);
        let packets = 0;
        for (let i = 0; i < size; i++) packets += decoder.push(chunk).length;
        expect(packets).toBe(1);
      },
      65_536,
    ],
    [
      "many WebTransport frames in one chunk",
      (size) => {
        const chunk = new Uint8Array(size * 2)
          .fill(1)
          .map((byte, i) => (i % 2 === 0 ? byte : 0x32));
        return () => void new WebTransportFrameDecoder({ maxPayloadBytes: 10 }).push(chunk);
      },
      16_384,
    ],
    [
      "a payload of many packets",
      (size) => {
        const payload = "4a\x1e".repeat(size);
        return () => void decodePayload(payload, { maxPackets: size + 1 });
      },
      16_384,
    ],
    [
      "a payload of base64",
      (size) => {
        const payload = `b${"A".repeat(size * 4)}`;
        return () => void decodePayload(payload);
      },
      16_384,
    ],
    [
      "a payload of line breaks",
      (size) => {
        const payload = `bAQID${"\n=".repeat(size)}`;
        return () => void decodePayload(payload);
      },
      16_384,
    ],
    ["a long string", (size) => decodes(`2["a","${"x".repeat(size)}"]`), 65_536],
    ["a string of escapes", (size) => decodes(`2["a","${'\\"'.repeat(size)}"]`), 65_536],
    ["a string of backslashes", (size) => decodes(`2["a","${"\\\\".repeat(size)}"]`), 65_536],
    ["a string that does not end", (size) => decodes(`2["a","${'\\"'.repeat(size)}`), 65_536],
    ["many arguments", (size) => decodes(`2["a",${"1,".repeat(size)}1]`), 16_384],
    ["many empty strings", (size) => decodes(`2["a",${'"",'.repeat(size)}1]`), 16_384],
    [
      "many empty lists of a binary event",
      (size) => decodes(`51-["a",${"[],".repeat(size)}1]`),
      8192,
    ],
    [
      "many keys of a binary event",
      (size) => decodes(`51-["a",{${many(size, (i) => `"${i}a":{}`)}}]`),
      2048,
    ],
    [
      "deep lists",
      (size) => decodes(`2["a",${many(size, () => "[".repeat(900) + "]".repeat(900))}]`),
      16,
    ],
    ["a namespace", (size) => decodes(`2/${"a".repeat(size)},["a"]`), 262_144],
    ["digits of an id", (size) => decodes(`2${"1".repeat(size)}["a"]`), 262_144],
    ["digits of a number of attachments", (size) => decodes(`5${"1".repeat(size)}-["a"]`), 262_144],
    [
      "an event to encode, with bytes",
      (size) => {
        const data = ["a", Array.from({ length: size }, (_none, i) => ({ i })), new Uint8Array(1)];
        return () => void encodeSocketPacket({ type: 2, nsp: "/", data });
      },
      4096,
    ],
  ])("%s", (_what, prepare, startSize) => {
    expect(growth(prepare, startSize)).toBeLessThan(growthMax);
  });

  // Copying is so cheap a byte that its growth is lost in the noise of the clock, so it is counted.
  it("a WebTransport frame in chunks of one byte: copies", () => {
    const set = vi.spyOn(Uint8Array.prototype, "set");
    try {
      const size = 20_000;
      const decoder = new WebTransportFrameDecoder({ maxPayloadBytes: size });
      decoder.push(Uint8Array.of(0xfe, size >> 8, size & 0xff));
      const chunk = new Uint8Array(1);
      for (let i = 0; i < size; i++) decoder.push(chunk);
      const copied = set.mock.calls.reduce((sum, [source]) => sum + source.length, 0);
      // Once on arrival; then each time that the room doubles, in all less than once or twice more.
      expect(copied).toBeLessThan(size * 3);
    } finally {
      set.mockRestore();
    }
  });

  it("takes memory for bytes that came, not for bytes that were announced", () => {
    const before = process.memoryUsage().arrayBuffers;
    const header = Uint8Array.of(0xff, 0, 0, 0, 0, 0x05, 0xf5, 0xe1, 0);
    const decoders = Array.from({ length: 100 }, () => {
      const decoder = new WebTransportFrameDecoder({ maxPayloadBytes: 100_000_000 });
      decoder.push(header);
      decoder.push(new Uint8Array(10));
      return decoder;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(decoders.length * 4096);
  });
});

describe("V2: a placeholder refers to an attachment of its packet, once, or the packet is refused", () => {
  const bytes = Uint8Array.of(1);

  it.each([
    "-1",
    "1",
    "1.5",
    "0.5",
    '"0"',
    "1e9",
    '"length"',
    '"__proto__"',
    "null",
    "true",
    "[0]",
    "{}",
    "1e999",
  ])("num %s", (num) => {
    for (const place of ["X", '{"x":X}', "[X]", '{"__proto__":X}', '{"x":[{"y":X}]}']) {
      const json = place.replace("X", `{"_placeholder":true,"num":${num}}`);
      expect(codeOf(() => decode(`51-["a",${json}]`, bytes))).toBe("HF_PLACEHOLDER_INVALID");
      expect(codeOf(() => decode(`61-1[${json}]`, bytes))).toBe("HF_PLACEHOLDER_INVALID");
    }
  });

  it("num missing", () => {
    expect(codeOf(() => decode('51-["a",{"_placeholder":true}]'))).toBe("HF_PLACEHOLDER_INVALID");
  });

  it("the same num twice, which would be sent on as many times", () => {
    const placeholder = '{"_placeholder":true,"num":0}';
    const text = `51-["a"${`,${placeholder}`.repeat(11)}]`;
    expect(codeOf(() => decode(text, bytes))).toBe("HF_PLACEHOLDER_INVALID");
  });

  it("is plain data in a packet without attachments", () => {
    const data = ["a", { _placeholder: true, num: "__proto__" }];
    expect(decode(`2${JSON.stringify(data)}`)).toEqual(data);
  });

  it("is plain data when its own prototype says so, not it", () => {
    const json = '{"__proto__":{"_placeholder":true,"num":5,"x":1}}';
    expect(codeOf(() => decode(`51-["a",${json}]`, bytes))).toBe("HF_PLACEHOLDER_INVALID");
    expect(decode(`51-["a",{"constructor":{"_placeholder":false,"num":5}}]`, bytes)).toEqual([
      "a",
      { constructor: { _placeholder: false, num: 5 } },
    ]);
  });
});

describe("V3: an event has a string or a number for a name", () => {
  it.each([
    "{}",
    '{"toString":"a"}',
    '{"toString":{},"valueOf":1}',
    "[]",
    '["a"]',
    "null",
    "true",
    "false",
  ])("not %s", (name) => {
    for (const text of [`2[${name}]`, `2/admin,1[${name},1]`, `51-[${name}]`]) {
      expect(codeOf(() => decode(text))).toBe("HF_EVENT_NAME_INVALID");
    }
  });

  it.each([...reservedEventNames])("not %s", (name) => {
    for (const text of [`2["${name}"]`, `2/admin,1["${name}",1]`, `51-["${name}"]`]) {
      expect(codeOf(() => decode(text))).toBe("HF_EVENT_NAME_RESERVED");
    }
  });

  it("not a reserved one in other letters of JSON", () => {
    expect(codeOf(() => decode('2["\\u0063onnect"]'))).toBe("HF_EVENT_NAME_RESERVED");
  });
});

describe("V4: the number of attachments is at most ten, and written as a number", () => {
  it.each<[head: string, code: ProtocolErrorCode]>([
    ["511-", "HF_ATTACHMENTS_TOO_MANY"],
    ["51000000-", "HF_ATTACHMENTS_TOO_MANY"],
    ["59e9-", "HF_ATTACHMENT_COUNT_INVALID"],
    ["5 1-", "HF_ATTACHMENT_COUNT_INVALID"],
    ["501-", "HF_ATTACHMENT_COUNT_INVALID"],
    ["5Infinity-", "HF_ATTACHMENT_COUNT_INVALID"],
    ["50x5-", "HF_ATTACHMENT_COUNT_INVALID"],
    ["5--1-", "HF_ATTACHMENT_COUNT_INVALID"],
    ["51-1-", "HF_PACKET_DATA_INVALID"],
    ["451-", "HF_PACKET_DATA_INVALID"],
    ["4511-", "HF_PACKET_DATA_INVALID"],
  ])("%s", (head, code) => {
    expect(codeOf(() => decode(`${head}["a"]`))).toBe(code);
    if (head.startsWith("5")) {
      expect(codeOf(() => decode(`6${head.slice(1)}["a"]`))).toBe(code);
    }
  });

  it("and their bytes have a limit, after which nothing of the packet is held", () => {
    const decoder = new SocketPacketDecoder({ maxAttachmentBytes: 9_000_000 });
    decoder.add('510-["a"]');
    const attachment = new Uint8Array(900_001);
    for (let i = 0; i < 9; i++) decoder.add(attachment);
    expect(codeOf(() => decoder.add(attachment))).toBe("HF_ATTACHMENTS_TOO_LARGE");
    expect(decoder.pendingAttachments).toBe(0);
  });
});

it("V5: a packet that announces no attachments leaves nothing behind", () => {
  const decoder = new SocketPacketDecoder();
  expect(codeOf(() => decoder.add('50-["a"]'))).toBe("HF_ATTACHMENT_COUNT_INVALID");
  expect(decoder.pendingAttachments).toBe(0);
  expect(decoder.add('2["b"]')).toMatchObject({ data: ["b"] });
});

describe("V26: JSON of more than 2,000 characters has a limit on its depth", () => {
  const deep = (depth: number, open: string, close: string): string =>
    `2["a",${open.repeat(depth)}1${close.repeat(depth)},"${"x".repeat(16_384)}"]`;

  it.each([
    ["[", "]"],
    ['{"a":', "}"],
    ['["]\\"[[",', "]"],
  ])("made of %s", (open, close) => {
    // The list of the event is a level, too.
    expect(decode(deep(999, open, close))).toHaveLength(3);
    expect(codeOf(() => decode(deep(1000, open, close)))).toBe("HF_PACKET_JSON_TOO_DEEP");
  });

  it.each(["[", '{"a":', '[{"a":'])("a megabyte of %s", (open) => {
    const text = `2["a",${open.repeat(1_000_000 / open.length)}`;
    expect(codeOf(() => decode(text))).toBe("HF_PACKET_JSON_TOO_DEEP");
  });

  it("does not count brackets in strings", () => {
    const string = '[{\\"[\\\\'.repeat(4000);
    expect(decode(`2["a","${string}"]`)).toHaveLength(2);
  });

  it("does not count what is closed", () => {
    expect(decode(`2["a"${",[{}]".repeat(10_000)}]`)).toHaveLength(10_001);
  });

  it("follows the option", () => {
    const decoder = new SocketPacketDecoder({ maxDepth: 3 });
    const padding = "x".repeat(16_384);
    expect(decoder.add(`2["a",[[1]],"${padding}"]`)).toBeDefined();
    expect(codeOf(() => decoder.add(`2["a",[[[1]]],"${padding}"]`))).toBe(
      "HF_PACKET_JSON_TOO_DEEP",
    );
  });

  it("does not look at shorter texts, and no depth that fits there breaks a binary event", () => {
    const inner = '{"_placeholder":true,"num":0}';
    const text = `51-["a",${"[".repeat(950)}${inner}${"]".repeat(950)}]`;
    expect(text.length).toBeLessThan(2000);
    expect(decode(text, Uint8Array.of(1))).toHaveLength(2);
  });

  it("lets nothing through that JSON.stringify cannot write again", () => {
    const text = `2["a",${"[".repeat(5000)}${"]".repeat(5000)}]`;
    expect(codeOf(() => decode(text))).toBe("HF_PACKET_JSON_TOO_DEEP");
  });
});

describe("V28: an ack id is an integer below 2^53 of at most 16 digits", () => {
  it.each([
    ["2^53", "9007199254740992"],
    ["more in 16 digits", "9999999999999999"],
    ["one in 17 digits", "00000000000000001"],
    ["500,000 digits", "9".repeat(500_000)],
  ])("not %s", (_what, id) => {
    expect(codeOf(() => decode(`2${id}["a"]`))).toBe("HF_ACK_ID_INVALID");
    expect(codeOf(() => decode(`3/admin,${id}[]`))).toBe("HF_ACK_ID_INVALID");
  });

  it("takes the greatest", () => {
    expect(new SocketPacketDecoder().add('29007199254740991["a"]')?.id).toBe(2 ** 53 - 1);
  });
});

describe("V37: a key __proto__ of a peer is data and changes no prototype", () => {
  beforeAll(() => void Object.freeze(Object.prototype));
  // Each test file has a process of its own, so the prototype may stay frozen.
  afterAll(() => expect(Object.keys(Object.prototype)).toEqual([]));

  it("in plain events, binary events, and when sent on", () => {
    const json = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}';
    for (const data of [
      decode(`2["a",${json}]`),
      decode(`51-["a",${json},{"_placeholder":true,"num":0}]`, Uint8Array.of(1)),
    ]) {
      const [, value] = data as [string, object];
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(Object.hasOwn(value, "__proto__")).toBe(true);
      expect("polluted" in {}).toBe(false);
      expect(encodeSocketPacket({ type: 2, nsp: "/", data })[0]).toContain(json);
    }
  });

  it("also when it holds an attachment", () => {
    const data = decode('51-["a",{"__proto__":{"_placeholder":true,"num":0}}]', Uint8Array.of(1));
    const [, value] = data as [string, object];
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(value, "__proto__")?.value).toEqual(Uint8Array.of(1));
  });
});
