/**
 * Byte sequences that are UTF-8 (RFC 3629) and such as only look like it, by the kinds of Markus Kuhn's stress test:
 * boundaries, stray and missing bytes, overlong forms, surrogates, noncharacters. Written as code points or hex.
 */

export interface Sequence {
  readonly what: string;
  readonly bytes: Buffer;
}

const codePoints = (...points: number[]): Buffer => Buffer.from(String.fromCodePoint(...points));

const named = (prefix: string, list: readonly number[]): Sequence[] =>
  list.map((point) => ({
    what: `${prefix} U+${point.toString(16).toUpperCase().padStart(4, "0")}`,
    bytes: codePoints(point),
  }));

/** The last two code points of each plane, and the block of them in the first. */
const nonCharacters = Array.from({ length: 17 }, (_, plane) => [
  plane * 0x10000 + 0xfffe,
  plane * 0x10000 + 0xffff,
]).flat();

export const wellFormed: readonly Sequence[] = [
  { what: "Greek", bytes: Buffer.from("κόσμε") },
  { what: "scripts of one to four bytes a character", bytes: Buffer.from("aß語🜚z") },
  ...named(
    "the first and last of each length:",
    [0x0, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x10ffff],
  ),
  ...named("beside the surrogates:", [0xd7ff, 0xe000]),
  ...named("the replacement character", [0xfffd]),
  ...named("the byte order mark", [0xfeff]),
  ...named("the noncharacter", [0xfdd0, 0xfdef, ...nonCharacters]),
];

const hex = (what: string, digits: string): Sequence => ({
  what: `${what}: ${digits}`,
  bytes: Buffer.from(digits.replaceAll(" ", ""), "hex"),
});

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

const firstBytes = (what: string, from: number, to: number): Sequence[] => [
  {
    what: `${what}, each before a space`,
    bytes: Buffer.from(range(from, to).flatMap((b) => [b, 0x20])),
  },
  { what: `${what}, in a row`, bytes: Buffer.from(range(from, to)) },
];

const cutShort = ["c3", "e2 82", "e2", "f0 9f 99", "f0 9f", "f0", "df", "ef bf", "f4 8f bf"];

export const malformed: readonly Sequence[] = [
  // Too large, or of more than four bytes.
  hex("beyond U+10FFFF", "f4 90 80 80"),
  hex("the largest of four bytes", "f7 bf bf bf"),
  hex("five bytes, smallest", "f8 88 80 80 80"),
  hex("five bytes, largest", "fb bf bf bf bf"),
  hex("six bytes, smallest", "fc 84 80 80 80 80"),
  hex("six bytes, largest", "fd bf bf bf bf bf"),
  // Continuation bytes that continue nothing.
  ...range(1, 7).map((n) =>
    hex(`${n} stray`, ["80", "bf", "80", "bf", "80", "bf", "80"].slice(0, n).join(" ")),
  ),
  hex("one stray", "bf"),
  { what: "all stray bytes", bytes: Buffer.from(range(0x80, 0xbf)) },
  hex("a stray byte after a character", "c3 a9 a9"),
  // First bytes that are not continued.
  ...firstBytes("first bytes of two", 0xc0, 0xdf),
  ...firstBytes("first bytes of three", 0xe0, 0xef),
  ...firstBytes("first bytes of four", 0xf0, 0xf7),
  ...firstBytes("first bytes of five", 0xf8, 0xfb),
  ...firstBytes("first bytes of six", 0xfc, 0xfd),
  ...cutShort.map((digits) => hex("cut short", digits)),
  ...cutShort.map((digits) => hex("cut short before a letter", `${digits} 41`)),
  hex("all cut short in a row", cutShort.join(" ")),
  hex("a character within a character", "e2 c3 a9 82 ac"),
  // Bytes that UTF-8 has not.
  hex("impossible", "fe"),
  hex("impossible", "ff"),
  hex("impossible", "fe fe ff ff"),
  // Longer than needed.
  hex("overlong slash", "c0 af"),
  hex("overlong slash", "e0 80 af"),
  hex("overlong slash", "f0 80 80 af"),
  hex("overlong slash", "f8 80 80 80 af"),
  hex("overlong slash", "fc 80 80 80 80 af"),
  hex("largest overlong", "c1 bf"),
  hex("largest overlong", "e0 9f bf"),
  hex("largest overlong", "f0 8f bf bf"),
  hex("largest overlong", "f8 87 bf bf bf"),
  hex("largest overlong", "fc 83 bf bf bf bf"),
  hex("overlong zero", "c0 80"),
  hex("overlong zero", "e0 80 80"),
  hex("overlong zero", "f0 80 80 80"),
  hex("overlong zero", "f8 80 80 80 80"),
  hex("overlong zero", "fc 80 80 80 80 80"),
  // Halves of UTF-16 pairs, alone and in pairs.
  ...["ed a0 80", "ed ad bf", "ed ae 80", "ed af bf", "ed b0 80", "ed be 80", "ed bf bf"].map(
    (digits) => hex("a surrogate", digits),
  ),
  ...["ed a0 80 ed b0 80", "ed a0 80 ed bf bf", "ed ad bf ed b0 80", "ed ad bf ed bf bf"].map(
    (digits) => hex("a pair of surrogates", digits),
  ),
  ...["ed ae 80 ed b0 80", "ed ae 80 ed bf bf", "ed af bf ed b0 80", "ed af bf ed bf bf"].map(
    (digits) => hex("a pair of surrogates", digits),
  ),
  // Not at the beginning.
  hex("after a word", "ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64"),
  hex("after a word", "ce ba e1 bd b9 cf 83 ce bc ce b5 f4 90 80 80 65 64 69 74 65 64"),
];
