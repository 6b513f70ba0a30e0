/** Builds the load generator with gcc, when a source is newer than the binary. */
import { execFile } from "node:child_process";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

async function changedAt(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.mtimeMs ?? 0;
}

export async function compileLoadgen(benchFolder: string): Promise<string> {
  const folder = join(benchFolder, "loadgen");
  const names = await readdir(folder);
  const files = names.filter((name) => /\.[ch]$/.test(name)).map((name) => join(folder, name));
  const binary = join(folder, "build", "loadgen");
  const newest = Math.max(...(await Promise.all(files.map(changedAt))));
  if ((await changedAt(binary)) >= newest) return binary;

  await mkdir(join(folder, "build"), { recursive: true });
  const flags = ["-O2", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"];
  const sources = files.filter((name) => name.endsWith(".c"));
  try {
    await run("gcc", [...flags, "-o", binary, ...sources]);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw missing ? new Error("the bench needs gcc: apt-get install gcc libc6-dev") : error;
  }
  return binary;
}
