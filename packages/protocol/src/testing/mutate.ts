/** Spoils inputs: a little, so that most of what a decoder checks is still passed. */
import { tokens } from "./grammar.ts";
import type { Random } from "./random.ts";

export function mutateText(random: Random, text: string, other: string): string {
  const start = random.below(text.length + 1);
  const end = start + random.below(Math.min(8, text.length - start) + 1);
  const head = text.slice(0, start);
  switch (random.below(7)) {
    case 0:
      return head + text.slice(end);
    case 1:
      return head + random.pick(tokens) + text.slice(start);
    case 2:
      return head + random.pick(tokens) + text.slice(end);
    case 3:
      return head + text.slice(start, end).repeat(2 + random.below(3)) + text.slice(end);
    case 4:
      return (
        head +
        String.fromCharCode(random.below(random.once(4) ? 65_536 : 128)) +
        text.slice(start + 1)
      );
    case 5:
      return head;
    default:
      return head + other.slice(random.below(other.length + 1));
  }
}

const telling: readonly number[] = [
  0, 1, 0x31, 0x34, 0x62, 0x7d, 0x7e, 0x7f, 0x80, 0xc3, 0xed, 0xef, 0xfe, 0xff,
];

export function mutateBytes(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  const head = bytes.subarray(0, at);
  const byte = random.once(2) ? random.pick(telling) : random.below(256);
  switch (random.below(5)) {
    case 0:
      return joined(head, bytes.subarray(at + 1));
    case 1:
      return joined(head, Uint8Array.of(byte), bytes.subarray(at));
    case 2:
      return joined(head, Uint8Array.of(byte), bytes.subarray(at + 1));
    case 3:
      return head.slice();
    default:
      return joined(head, other.subarray(random.below(other.length + 1)));
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** Spoils one chunk, or the order or number of them. */
export function mutateChunks(
  random: Random,
  chunks: readonly (string | Uint8Array)[],
  other: readonly (string | Uint8Array)[],
): (string | Uint8Array)[] {
  const result = [...chunks];
  const at = random.below(result.length);
  const chunk = result[at];
  const stranger = other[random.below(other.length)] ?? "";
  if (chunk === undefined || random.once(6)) result.splice(at, random.below(2), stranger);
  else if (random.once(12)) result.splice(at, 1);
  else if (typeof chunk === "string") {
    result[at] = mutateText(random, chunk, typeof stranger === "string" ? stranger : "");
  }
  return result;
}
