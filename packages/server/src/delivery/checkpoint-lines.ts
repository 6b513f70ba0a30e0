/** The state of a namespace as a checkpoint has it: lines of text, written in pieces while everybody else has a turn. */
import type { Pieces } from "./delivery-options.ts";

/** Lines are joined to about so many characters: all of them may be more than one string can have. */
const partCharacters = 1024 * 1024;
const lineFeed = 10;

/** Resolves with the bytes of all lines. The first is asked for at once, the others when it is their turn. */
export async function joinLines(
  lines: Iterable<string>,
  { pieceOfWork, rest }: Pieces,
): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let text = "";
  let count = 0;
  for (const line of lines) {
    if (text.length + line.length > partCharacters) {
      parts.push(Buffer.from(text));
      text = "";
    }
    text += count === 0 ? line : `\n${line}`;
    if (++count % pieceOfWork === 0) await rest();
  }
  return Buffer.concat([...parts, Buffer.from(text)]);
}

export function* linesOf({ buffer, byteOffset, byteLength }: Uint8Array): Generator<string> {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  for (let place = 0; place < byteLength; ) {
    const found = bytes.indexOf(lineFeed, place);
    const end = found === -1 ? byteLength : found;
    yield bytes.toString("utf8", place, end);
    place = end + 1;
  }
}
