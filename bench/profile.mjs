/** `node bench/profile.mjs W1 [--peer holdfast] [--seconds 3] [--top 30]`: see README.md. */
import { load } from "./bootstrap.mjs";

const { profile } = await load("profile.ts");
process.exitCode = await profile({
  benchFolder: import.meta.dirname,
  words: process.argv.slice(2),
});
