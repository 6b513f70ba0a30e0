/**
 * Copies the browser bundles of npm socket.io-client into packages/server/client-dist, where the server
 * serves them from and `npm pack` finds them. Does nothing when the copies are already of this version.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The files that the server serves, each with its source map. */
const bundles = [
  "socket.io.js",
  "socket.io.min.js",
  "socket.io.esm.min.js",
  "socket.io.msgpack.min.js",
];

/** `root` is the root of the repository. Gives the version of the client. */
export function copyClient(root: string): string {
  const require = createRequire(join(root, "package.json"));
  const source = dirname(require.resolve("socket.io-client/package.json"));
  const { version } = require("socket.io-client/package.json") as { version: string };
  const target = join(root, "packages/server/client-dist");
  const files = bundles.flatMap((file) => [file, `${file}.map`]);

  const versionFile = join(target, "VERSION");
  const current = existsSync(versionFile) ? readFileSync(versionFile, "utf8").trim() : "";
  if (current === version && files.every((file) => existsSync(join(target, file)))) return version;

  mkdirSync(target, { recursive: true });
  for (const file of files) copyFileSync(join(source, "dist", file), join(target, file));
  copyFileSync(join(source, "LICENSE"), join(target, "LICENSE"));
  writeFileSync(versionFile, `${version}\n`);
  return version;
}
