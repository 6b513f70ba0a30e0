/** Where numbers end: what a frame cannot say is refused. */
import { expect, it } from "vitest";
import { entry } from "../testing/index.ts";
import { frameBound, frameMaxBytes, unframeable } from "./frame.ts";

/** Two bytes for each character: many of them are more than the length of a frame can say, and fewer than the limit. */
it("refuses texts that are longer in a frame than a frame can be", () => {
  const wide = "漢".repeat(16_383);
  const fits = entry("", { tags: Array.from({ length: 4_095 }, () => wide) });
  const tooLong = entry("", { tags: Array.from({ length: 4_097 }, () => wide) });
  expect(frameBound(fits)).toBeLessThan(frameMaxBytes);
  expect(unframeable(fits)).toBeUndefined();
  expect(frameBound(tooLong)).toBeGreaterThan(frameMaxBytes);
  expect(unframeable(tooLong)).toMatch(/bytes; at most/);
});
