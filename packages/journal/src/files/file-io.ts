/** Whole files: read at once, or written so that after a power cut there is all of a file under its name, or none. */
import { join } from "node:path";
import type { Disk, DiskFile } from "../disk.ts";
import { JournalError } from "../errors.ts";

/** Writes all of it, however often the disk takes only a part. */
export function writeFully(
  file: DiskFile,
  parts: readonly Uint8Array[],
  position: number,
  done: (error: Error | undefined) => void,
): void {
  let length = 0;
  for (const part of parts) length += part.length;
  file.write(parts, position, (error, written) => {
    if (error !== undefined || written >= length) return done(error);
    if (written <= 0) return done(new Error("the disk wrote nothing, and gave no reason"));
    writeFully(file, skip(parts, written), position + written, done);
  });
}

/** What is left of `parts` after `count` bytes. */
export function skip(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let left = count;
  for (const part of parts) {
    if (left < part.length) rest.push(part.subarray(left));
    left = Math.max(0, left - part.length);
  }
  return rest;
}

export function write(
  file: DiskFile,
  parts: readonly Uint8Array[],
  position: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    writeFully(file, parts, position, (error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

export function flush(file: DiskFile): Promise<void> {
  return new Promise((resolve, reject) => {
    file.flush((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

export async function readFile(disk: Disk, path: string): Promise<Buffer> {
  const file = await disk.open(path, "read");
  try {
    const bytes = Buffer.from(new ArrayBuffer(await file.size()));
    const count = await file.read(bytes, 0);
    return count === bytes.length ? bytes : bytes.subarray(0, count);
  } finally {
    await file.close();
  }
}

/** Makes a file with what `fill` writes. It survives a power cut when this is done, and is there whole or not at all. */
export async function createFile(
  disk: Disk,
  folder: string,
  name: string,
  fill: (file: DiskFile) => Promise<void>,
): Promise<void> {
  const path = join(folder, name);
  const temporary = `${path}.temp`;
  await removeFile(disk, temporary);
  const file = await disk.open(temporary, "create");
  try {
    await fill(file);
    await flush(file);
  } catch (error) {
    await file.close();
    await removeFile(disk, temporary);
    throw error;
  }
  await file.close();
  await disk.rename(temporary, path);
  await disk.flushFolder(folder);
}

/** Removes a file, if it is there. */
export async function removeFile(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

const passing = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE"]);

/**
 * Whether the file system has no room, or the process no descriptor left for a file: that passes, as opposed to a disk
 * that fails, which does not.
 */
export function isFull(error: unknown): boolean {
  if (error instanceof JournalError) return error.code === "HF_STORE_FULL";
  return passing.has(codeOf(error) ?? "");
}
