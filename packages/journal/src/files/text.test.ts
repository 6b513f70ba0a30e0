/** Texts in frames: each comes back as it was, whatever was read before it. */
import { expect, it } from "vitest";
import { TextReader, textBound, writeText } from "./text.ts";

function written(texts: readonly string[]): { bytes: Buffer; end: number } {
  const bytes = Buffer.alloc(texts.reduce((sum, text) => sum + textBound(text), 0));
  let end = 0;
  for (const text of texts) end = writeText(bytes, end, text);
  return { bytes, end };
}

it("keeps names apart that are as long as each other, whichever came last", () => {
  const names = Array.from(
    { length: 100_000 },
    (_, number) => `r${String(number).padStart(6, "0")}`,
  );
  const { bytes, end } = written(names);
  for (let round = 0; round < 2; round++) {
    expect(new TextReader(bytes, 0, end).names(names.length)).toEqual(names);
  }
  expect(new TextReader(bytes, 0, end).list(names.length)).toEqual(names);
});

it("gives names of every length and kind as they were", () => {
  const kinds = [
    "",
    "a",
    "\u0000",
    "\u00ff",
    "\u0100",
    "\ud800",
    "ä".repeat(40),
    "日本",
    "x".repeat(32),
  ];
  const { bytes, end } = written([...kinds, ...kinds]);
  expect(new TextReader(bytes, 0, end).names(2 * kinds.length)).toEqual([...kinds, ...kinds]);
  expect(new TextReader(bytes, 0, end - 1).names(2 * kinds.length)).toBeUndefined();
});
