/** UTF-8 by the platform's own coders, which the language library that we compile against does not name. */

interface Utf8Encoder {
  encode(text: string): Uint8Array;
}
interface Utf8Decoder {
  /** @throws TypeError when the bytes are not UTF-8. */
  decode(bytes: Uint8Array): string;
}
declare const TextEncoder: new () => Utf8Encoder;
declare const TextDecoder: new (
  label: "utf-8",
  options: { fatal: boolean; ignoreBOM: boolean },
) => Utf8Decoder;

let encoder: Utf8Encoder | undefined;
let decoder: Utf8Decoder | undefined;

export function utf8Encoder(): Utf8Encoder {
  encoder ??= new TextEncoder();
  return encoder;
}

export function utf8Decoder(): Utf8Decoder {
  // A byte order mark is data like any other: dropping it would change what the peer said.
  decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return decoder;
}
