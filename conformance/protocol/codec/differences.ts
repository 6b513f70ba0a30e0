/**
 * The list of packages/protocol/STRICTER.md as predicates, and an example of each. They are written from the wire and
 * know nothing of how our decoder is made.
 */
import type { Chunk } from "./generate.ts";

export interface Difference {
  readonly name: string;
  /** Chunks, of which we refuse the last while the npm parser accepts all. */
  readonly examples: readonly (readonly Chunk[])[];
  /** Whether a text that we refuse and the npm parser accepts is a case of it. */
  covers(text: string): boolean;
}

// Type, count and dash, namespace: what stands before the id.
const head = /^[0-6](?:\d+-)?(?:\/[^,]*(?:,|$))?/;

function afterHead(text: string): string {
  return text.replace(head, "");
}

/** The numbers of all placeholders in the data. */
function placeholderNumbers(text: string): number[] {
  const numbers: number[] = [];
  JSON.parse(afterHead(text).replace(/^\d*/, ""), (_key, value) => {
    if (value?._placeholder === true) numbers.push(value.num);
    return value;
  });
  return numbers;
}

const bytes = Uint8Array.of(1);
const placeholder = (num: unknown): string => `{"_placeholder":true,"num":${num}}`;

export const socketDifferences: readonly Difference[] = [
  { name: "empty-text", examples: [[""]], covers: (text) => text === "" },
  {
    name: "blank-type",
    examples: [[" "], ["\t{}"], ["\u00a0/admin,"]],
    covers: (text) => /^\s/.test(text),
  },
  {
    name: "attachment-count-form",
    examples: ["01", " 1", "1 ", "1e0", "0x1", "+1", "1.0"].map((count) => [`5${count}-["a"]`]),
    covers: (text) => /^[56]/.test(text) && !/^[56][1-9]\d*-/.test(text),
  },
  {
    name: "blank-before-data",
    examples: [
      ['2 1["a"]'],
      ['2 ["a"]'],
      ['21 ["a"]'],
      ['2/a, ["a"]'],
      ["1 "],
      ["0 {}"],
      ["3\u00a0[]"],
    ],
    covers: (text) => /^\d*\s/.test(afterHead(text)),
  },
  {
    name: "ack-id-range",
    examples: [['29007199254740992["a"]'], [`3${"1".repeat(17)}[]`], ['200000000000000001["a"]']],
    covers: (text) => {
      const digits = /^\d*/.exec(afterHead(text))?.[0] ?? "";
      return digits.length > 16 || Number(digits) >= 2 ** 53;
    },
  },
  {
    name: "event-without-data",
    examples: [["2"], ["2/a"], ["212"], ["51-", bytes]].map((chunks) => chunks.slice(0, 1)),
    covers: (text) => /^[25]/.test(text) && /^\d*$/.test(afterHead(text)),
  },
  {
    name: "error-without-data",
    examples: [["4"], ["40"], ["4/a,"]],
    covers: (text) => text.startsWith("4") && /^\d*$/.test(afterHead(text)),
  },
  {
    name: "binary-ack-without-data",
    examples: [["61-"], ["62-/a,7"]],
    covers: (text) => text.startsWith("6") && /^\d*$/.test(afterHead(text)),
  },
  {
    name: "placeholder-fraction",
    examples: [[`51-["a",${placeholder(0.5)}]`]],
    covers: (text) => /^[56]/.test(text) && placeholderNumbers(text).some((num) => num % 1 !== 0),
  },
  {
    name: "placeholder-twice",
    examples: [[`51-["a",${placeholder(0)},[${placeholder(0)}]]`]],
    covers: (text) => {
      const numbers = placeholderNumbers(text);
      return /^[56]/.test(text) && new Set(numbers).size < numbers.length;
    },
  },
  {
    name: "json-depth",
    examples: [[`2["a",${"[".repeat(1001)}${"]".repeat(1001)},"${"x".repeat(16_384)}"]`]],
    covers: (text) => text.length > 2000,
  },
];

export const base64Form: Difference = {
  name: "base64-form",
  examples: [["bA"], ["bAQI*"], ["bAQ=ID"], ["bAQID="], ["bA==="], ["b\u0141QID"], ["bAQID\0"]],
  covers: (text) => {
    if (!text.startsWith("b")) return false;
    const match = /^([A-Za-z0-9+/_-]*)(=*)$/.exec(text.slice(1).replaceAll(/[\r\n\t ]/g, ""));
    if (match === null) return true;
    const [, digits = "", padding = ""] = match;
    const missing = (4 - (digits.length % 4)) % 4;
    return missing === 3 || (padding !== "" && padding.length !== missing);
  },
};

/** Those that are shown by tests of their own: no text that is refused decides them. */
export const shownElsewhere: readonly string[] = [
  "ack-without-data",
  "encode-eleven-attachments",
  "encode-prototype-key",
  "encode-binary-type",
  "encode-deep-binary",
  "payload-packets",
  "frame-utf8",
  "frame-byte-order-mark",
  "message-without-data",
  "frame-empty-bytes",
];
