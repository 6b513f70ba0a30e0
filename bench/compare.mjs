/** `node bench/compare.mjs W3 before=<folder> after=<folder>`: see README.md. */
import { load } from "./bootstrap.mjs";

const { compare } = await load("compare.ts");
process.exitCode = await compare({
  benchFolder: import.meta.dirname,
  words: process.argv.slice(2),
});
