/**
 * The committed inputs of the fuzzers: what has found something, or is known to be hard. One input a line, as JSON:
 * a list of chunks, texts as strings and bytes as {"hex": ...}.
 */
import { readFileSync } from "node:fs";

export type Chunk = string | Uint8Array;

export function readCorpus(name: string): Chunk[][] {
  const text = readFileSync(new URL(`../../corpus/${name}.jsonl`, import.meta.url), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as unknown[]).map(parseChunk));
}

function parseChunk(chunk: unknown): Chunk {
  if (typeof chunk === "string") return chunk;
  return Uint8Array.from(Buffer.from((chunk as { hex: string }).hex, "hex"));
}

/** The same form, so that an input that failed can be put into the corpus as it is printed. */
export function formatInput(chunks: readonly Chunk[]): string {
  return JSON.stringify(
    chunks.map((chunk) =>
      typeof chunk === "string" ? chunk : { hex: Buffer.from(chunk).toString("hex") },
    ),
  );
}
