/** Inputs for the differential tests: near what is legal, where two parsers may part. */
import type { Random } from "./random.ts";

export type Chunk = string | Uint8Array;

const blanks = [" ", "\t", "\n", "\r", "\u00a0", "\ufeff", "\u2028"] as const;
const scraps = [
  ...blanks,
  "0",
  "1",
  "-",
  ",",
  "/",
  "[",
  "]",
  "{",
  "}",
  '"',
  ".",
  "e",
  "x",
  "\\",
  "\x1e",
] as const;

/** Sometimes puts a stray character somewhere, or takes one away. */
function spoil(random: Random, text: string): string {
  if (!random.once(4)) return text;
  const at = random.below(text.length + 1);
  const scrap = random.once(3) ? "" : random.pick(scraps);
  return text.slice(0, at) + scrap + text.slice(at + random.below(2));
}

function number(random: Random): string {
  return random.pick([
    `${random.below(4)}`,
    `${random.below(100_000)}`,
    "00",
    "007",
    "9007199254740991",
    "9007199254740992",
    "12345678901234567890",
    " 1",
    "1 ",
    "+1",
    "-1",
    "1e1",
    "0x1",
    "1.5",
    "",
  ]);
}

function value(random: Random, depth = 0): string {
  if (depth < 3 && random.once(3)) {
    return random.once(2)
      ? `[${random.times(3, () => value(random, depth + 1)).join(",")}]`
      : `{${random.times(3, () => `${random.pick(['"a"', '"num"', '"__proto__"', '""'])}:${value(random, depth + 1)}`).join(",")}}`;
  }
  return random.pick([
    "1",
    "-0",
    "1.5e300",
    "1e999",
    "null",
    "true",
    '"connect"',
    '"message"',
    '"é🚀\\ud800"',
    "[]",
    "{}",
    " 1 ",
    placeholder(random),
    placeholder(random),
  ]);
}

function placeholder(random: Random): string {
  const index = random.pick([
    `${random.below(3)}`,
    `${random.below(3)}`,
    "0",
    "-1",
    "0.5",
    '"0"',
    "null",
    "99",
  ]);
  return `{"_placeholder":${random.pick(["true", "true", "true", "1", "false"])},"num":${index}}`;
}

function name(random: Random): string {
  return random.pick([
    '"a"',
    '"a"',
    '""',
    "1",
    '"connect"',
    '"disconnecting"',
    '"toString"',
    "null",
    "{}",
    "[]",
  ]);
}

function data(random: Random, type: string): string {
  const list = (first: string): string =>
    `[${[first, ...random.times(3, () => value(random))].join(",")}]`;
  if (random.once(12)) return value(random);
  if (random.once(12)) return "";
  switch (type) {
    case "0":
      return random.pick(["", "{}", '{"token":"x"}']);
    case "1":
      return "";
    case "3":
    case "6":
      return random.once(3) ? "[]" : list(value(random));
    case "4":
      return random.pick(['"no"', '{"message":"no"}']);
    default:
      return list(name(random));
  }
}

/** One Socket.IO text as `type[count-][nsp,][id][data]`, each part right more often than not. */
export function socketText(random: Random): string {
  const type = random.once(20) ? random.pick(["7", "8", "", " ", "a", "-"]) : `${random.below(7)}`;
  const binary = type === "5" || type === "6";
  const count = random.once(6) ? number(random) : `${1 + random.below(3)}`;
  const head = binary || random.once(40) ? `${count}-` : "";
  const namespace = random.once(2)
    ? ""
    : random.pick(["/a,", "/a,", "/,", "/a b,", "/a?b=[,", "/a", "/"]);
  const id = random.once(2) ? "" : number(random);
  return spoil(random, type + head + namespace + id + data(random, type));
}

/** Some texts, each with as many attachments as its first digits ask for, give or take. */
export function socketChunks(random: Random): Chunk[] {
  const chunks: Chunk[] = [];
  do {
    const text = socketText(random);
    chunks.push(text);
    const count =
      Number(/^[56](\d{1,2})-/.exec(text)?.[1] ?? 0) + (random.once(15) ? random.below(3) - 1 : 0);
    for (let i = 0; i < count; i++) chunks.push(random.bytes(3));
  } while (random.once(3));
  return chunks;
}

export function engineText(random: Random): string {
  if (random.once(3)) {
    const base64 = random.bytes(9).toString(random.once(4) ? "base64url" : "base64");
    return `b${random.once(2) ? base64 : spoil(random, base64)}`;
  }
  const type = random.once(12)
    ? random.pick(["7", "9", "", " ", "a", "\u0661"])
    : `${random.below(7)}`;
  return spoil(random, type + random.pick(["", "probe", "{}", "é🚀", socketText(random)]));
}

export function enginePayload(random: Random): string {
  return [engineText(random), ...random.times(4, () => engineText(random))].join("\x1e");
}

class Point {
  readonly x: number;
  readonly #bytes: Uint8Array;

  constructor(random: Random) {
    this.x = random.below(9);
    this.#bytes = random.bytes(3);
  }

  toJSON(): unknown {
    return this.x < 3 ? this.#bytes : { x: this.x, bytes: this.x < 6 ? [this.#bytes] : undefined };
  }
}

/** What an application might emit. */
export function appValue(random: Random, depth = 0): unknown {
  if (depth < 3 && random.once(3)) {
    const items = random.times(4, () => appValue(random, depth + 1));
    if (random.once(2)) return items;
    return Object.fromEntries(
      items.map((item, i) => [random.pick(["a", "b", `k${i}`, "1", "num"]), item]),
    );
  }
  switch (random.below(random.once(3) ? 17 : 10)) {
    case 0:
      return random.below(1000) / 8;
    case 1:
      return "é🚀 text";
    case 2:
      return null;
    case 3:
      return undefined;
    case 4:
      return random.once(2);
    case 5:
      return new Date(random.below(1_000_000));
    case 6:
      return Number.NaN;
    case 7:
      return { _placeholder: true, num: 0 };
    case 8:
      return random.pick([
        () => 1,
        Symbol("s"),
        new Map([[1, random.bytes(2)]]),
        Object.create({ inherited: 1 }),
      ]);
    case 9:
      return "";
    case 10:
      return new Uint8Array(random.bytes(3));
    case 11:
      return new Uint8Array(random.bytes(3)).buffer;
    case 12:
      return new DataView(new ArrayBuffer(3), 1, random.below(3));
    case 13:
      return Float32Array.of(random.below(9));
    case 14:
      return new Point(random);
    default:
      return random.bytes(4);
  }
}

/** A packet that a server or client sends. */
export function appPacket(random: Random): {
  type: number;
  nsp: string;
  id?: number;
  data?: unknown;
} {
  const nsp = random.pick(["/", "/", "/admin", "/a b"]);
  const args = random.times(3, () => appValue(random));
  const id = random.once(2) ? { id: random.below(2 ** 31) } : {};
  switch (random.below(8)) {
    case 0:
      return { type: 0, nsp, ...(random.once(2) ? {} : { data: { sid: "x" } }) };
    case 1:
      return { type: 1, nsp };
    case 2:
      return { type: 4, nsp, data: random.pick<unknown>([{ message: "no" }, "no"]) };
    case 3:
    case 4:
      return { type: 3, nsp, id: random.below(1000), data: args };
    default:
      return {
        type: 2,
        nsp,
        ...id,
        data: [random.pick<unknown>(["a", "toString", "", 7]), ...args],
      };
  }
}
