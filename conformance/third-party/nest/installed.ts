/**
 * The folder in which Nest is installed, as a user who moves to holdfast has it: the packed package stands in for
 * socket.io by an override at the root. (An override to a folder, or one scoped to a package, is silently not taken:
 * the application would run on the real socket.io.)
 *
 * It stays for the next run, until the fixture or the package has changed.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { packHoldfast } from "../../support/packed.ts";

const execute = promisify(execFile);
const folder = resolve(import.meta.dirname, "../../../.ci/nest");
const npmLimitMs = 100_000;

/** Installs what is not installed yet; gives the folder. */
export async function installNest(): Promise<string> {
  const temporary = await mkdtemp(join(tmpdir(), "holdfast-nest-"));
  try {
    const tarball = await packHoldfast(temporary);
    const fixture = await readFile(join(import.meta.dirname, "package.json"), "utf8");
    const hash = createHash("sha256");
    hash.update(fixture).update(await readFile(tarball));
    const mark = hash.digest("hex").slice(0, 16);
    const markFile = join(folder, "installed");
    if ((await readFile(markFile, "utf8").catch(() => "")) === mark) return folder;

    // All of it: npm remembers in several places where the package came from.
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    // npm takes a file of the same name for the same package.
    const name = `holdfast-${mark}.tgz`;
    await copyFile(tarball, join(folder, name));
    const manifest = { ...JSON.parse(fixture), overrides: { "socket.io": `file:${name}` } };
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest, undefined, 2));
    const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
    await execute("npm", ["install", ...flags], { cwd: folder, timeout: npmLimitMs });
    await rm(join(folder, name));
    await writeFile(markFile, mark);
    return folder;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
