/** STRICTER.md and the predicates of these tests name the same differences. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { base64Form, shownElsewhere, socketDifferences } from "./differences.ts";

it("lists what is tested and nothing else", () => {
  const page = readFileSync("packages/protocol/STRICTER.md", "utf8");
  const listed = Array.from(page.matchAll(/^\| `([a-z0-9-]+)` +\|/gm), ([, name]) => name);
  const tested = [...socketDifferences.map(({ name }) => name), ...shownElsewhere, base64Form.name];
  expect(listed.sort()).toEqual(tested.sort());
});
