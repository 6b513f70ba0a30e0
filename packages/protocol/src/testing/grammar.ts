/** Makes texts that are packets or nearly are, with everything that has ever tripped a parser of theirs. */
import type { Random } from "./random.ts";

/** Parts that mean something to a decoder, or look as if they did. */
export const tokens: readonly string[] = [
  ..."0123456789-,/[]{}:\"' \t\n\x1e\0b=\\.+e_",
  '"_placeholder":true',
  '"_placeholder":"true"',
  '{"_placeholder":true,"num":0}',
  '{"_placeholder":true,"num":1}',
  '"num":-1',
  '"num":1.5',
  '"num":"0"',
  '"num":1e9',
  '"num":"length"',
  '"num":"__proto__"',
  "null",
  "true",
  "NaN",
  "1e999",
  "-0",
  "9007199254740991",
  "9007199254740992",
  "99999999999999999999",
  "10-",
  "11-",
  "01-",
  "9e9-",
  "0x1-",
  "/admin,",
  "/__proto__,",
  '"connect"',
  '"disconnect"',
  '"newListener"',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '{"toJSON":1}',
  '{"__proto__":{"polluted":1}}',
  "\\ud800",
  "\ud800",
  "\ufeff",
  "\u2028",
  "é",
  "🚀",
  "١",
  "\u00a0",
  "probe",
  "bAQID",
  "[[[[[[[[",
];

const names = [
  "a",
  "message",
  "connect",
  "disconnecting",
  "",
  "__proto__",
  "toString",
  "🚀",
  "\ud83d",
];
const numbers = ["0", "-0", "1", "42", "-1.5", "1e3", "1e999", "9007199254740993"];
const namespaces = [
  "",
  "",
  "",
  "/admin,",
  "/,",
  "/a b,",
  "/a?x=1,",
  "/admin",
  "/__proto__,",
  "//,",
];
const ids = [
  "",
  "",
  "",
  "0",
  "7",
  "12",
  "007",
  "9007199254740991",
  "9007199254740992",
  "1".repeat(17),
  " 1",
  "-1",
];
const counts = [
  "1-",
  "2-",
  "3-",
  "10-",
  "11-",
  "0-",
  "01-",
  "1",
  "-",
  "1e0-",
  " 1-",
  "1.0-",
  "1-1-",
];

export function makeJson(random: Random, depth = 0): string {
  switch (random.below(depth > 3 ? 4 : 9)) {
    case 0:
      return random.pick(numbers);
    case 1:
      return JSON.stringify(random.pick(names));
    case 2:
      return random.pick(["true", "false", "null", '"\\u0041\\n"', "[]", "{}"]);
    case 3:
      return makePlaceholder(random);
    case 4:
    case 5:
      return `[${random.list(3, () => makeJson(random, depth + 1)).join(",")}]`;
    default:
      return `{${random.list(3, () => `${makeKey(random)}:${makeJson(random, depth + 1)}`).join(",")}}`;
  }
}

function makeKey(random: Random): string {
  return JSON.stringify(random.pick([...names, "num", "_placeholder", "length", "toJSON"]));
}

function makePlaceholder(random: Random): string {
  const num = random.once(4)
    ? random.pick(["-1", "1.5", '"0"', "1e9", '"length"', "null", "-0", "10", "[0]"])
    : `${random.below(3)}`;
  return `{"_placeholder":${random.once(10) ? "1" : "true"},"num":${num}}`;
}

/** A legal event or ack, and the number of attachments that it announces. */
function makeBinary(random: Random): { text: string; attachments: number } {
  const attachments = 1 + random.below(3);
  const slots = Array.from({ length: attachments }, (_none, num) => {
    const slot = `{"_placeholder":true,"num":${num}}`;
    return random.pick([slot, `[${slot}]`, `{"x":${slot}}`, `{"__proto__":${slot}}`]);
  });
  const head = `${random.pick(["5", "6"])}${attachments}-${random.pick(namespaces)}${random.pick(ids)}`;
  return { text: `${head}["a",${[...slots, makeJson(random)].join(",")}]`, attachments };
}

/** What one peer sends: some texts, and bytes where they have been announced, and sometimes where not. */
export function makeSocketChunks(random: Random): (string | Uint8Array)[] {
  const chunks: (string | Uint8Array)[] = [];
  do {
    if (random.once(3)) {
      const { text, attachments } = makeBinary(random);
      chunks.push(text);
      for (let i = 0; i < attachments; i++) chunks.push(random.bytes(4));
    } else {
      chunks.push(makeSocketText(random));
    }
    if (random.once(20)) chunks.push(random.bytes(4));
  } while (random.once(3));
  return chunks;
}

function makeSocketText(random: Random): string {
  const head = (type: string): string => type + random.pick(namespaces) + random.pick(ids);
  const list = (): string => random.list(3, () => `,${makeJson(random)}`).join("");
  switch (random.below(8)) {
    case 0:
      return head("0") + random.pick(["", "{}", '{"token":"x"}', "[]", '"x"']);
    case 1:
      return head("1") + random.pick(["", "", "", "{}"]);
    case 2:
      return `${head("3")}[${makeJson(random)}${list()}]`;
    case 3:
      return head("4") + random.pick(['{"message":"x"}', '"x"', "", "0", "[]"]);
    case 4:
      return `${random.pick(["5", "6"])}${random.pick(counts)}${head("")}["a"${list()}]`;
    case 5:
      return head(random.pick([..."0123456789"])) + makeJson(random);
    default:
      return `${head("2")}[${JSON.stringify(random.pick(names))}${list()}]`;
  }
}

export function makeEngineText(random: Random): string {
  switch (random.below(6)) {
    case 0:
      return `b${Buffer.from(random.bytes(12)).toString(random.once(8) ? "base64url" : "base64")}`;
    case 1:
      return random.pick([..."0123456"]) + random.pick(["", "probe", "{}", "x"]);
    case 2:
      return random.pick([..."0123456789ab \x1e"]) + random.pick(tokens);
    default:
      return `4${makeSocketText(random)}`;
  }
}

export function makePayload(random: Random): string {
  return [makeEngineText(random), ...random.list(4, () => makeEngineText(random))].join("\x1e");
}

/** Some frames one after the other, most with the length that they have. */
export function makeFrames(random: Random): Uint8Array {
  const parts = [random, ...random.list(3, () => random)].map(() => {
    const binary = random.once(3);
    const body = binary ? random.bytes(20) : Buffer.from(makeEngineText(random));
    const length = random.once(10)
      ? random.pick([0, 1, 125, 126, 127, 65_535, 65_536])
      : body.length;
    return Buffer.concat([makeHeader(random, length, binary ? 0x80 : 0), body]);
  });
  return Uint8Array.from(Buffer.concat(parts));
}

function makeHeader(random: Random, length: number, kind: number): Buffer {
  if (length < 126 && !random.once(5)) return Buffer.of(kind | length);
  if (length < 65_536 && !random.once(5)) {
    const header = Buffer.of(kind | 126, 0, 0);
    header.writeUInt16BE(length, 1);
    return header;
  }
  const header = Buffer.alloc(9, kind | 127);
  header.writeBigUInt64BE(
    BigInt(length) + (random.once(8) ? random.pick([1n << 32n, 1n << 53n, 1n << 63n]) : 0n),
    1,
  );
  return header;
}
