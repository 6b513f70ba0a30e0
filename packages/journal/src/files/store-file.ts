/** The file "store": what the folder is, and the secrets that were made with it. */
import { join } from "node:path";
import type { Disk } from "../disk.ts";
import { JournalError } from "../errors.ts";
import type { Random } from "../random.ts";
import { unwrap, wrap } from "./container.ts";
import { crc32c } from "./crc32c.ts";
import { codeOf, createFile, isFull, readFile, write } from "./file-io.ts";
import { corrupt, parseName } from "./names.ts";

export const storeName = "store";
/** It is there while a salvage has changed something, and the streams have no other epoch yet. */
export const unfinishedName = "salvage";
export const unfinished = "it was begun and has not come to its end: salvage it again";

export interface StoreFile {
  readonly secret: Uint8Array;
  /** What the sums of all segments begin with: a file of another store has none that are right. */
  readonly seed: number;
}

/** @returns undefined when the folder is not a store yet. Throws HF_STORE_CORRUPT, HF_STORE_FORMAT */
export async function readStoreFile(disk: Disk, folder: string): Promise<StoreFile | undefined> {
  const names = await disk.list(folder).catch((error: unknown): string[] => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
  if (!names.includes(storeName)) {
    const orphan = names.find((name) => parseName(name) !== undefined);
    if (orphan !== undefined) throw corrupt(storeName, `it is missing, and there is ${orphan}`);
    return undefined;
  }
  const { blobs } = unwrap("store", await readFile(disk, join(folder, storeName)), storeName);
  const [secret, id] = blobs;
  if (secret?.length !== 32 || id?.length !== 16) throw corrupt(storeName, "it has no secret");
  return { secret: new Uint8Array(secret), seed: crc32c(id) };
}

export async function isUnfinished(disk: Disk, folder: string): Promise<boolean> {
  return (await disk.list(folder)).includes(unfinishedName);
}

export async function createStoreFile(
  disk: Disk,
  folder: string,
  random: Random,
): Promise<StoreFile> {
  const secret = random.bytes(32);
  const id = random.bytes(16);
  const bytes = wrap("store", {}, [secret, id]);
  await createFile(disk, folder, storeName, (file) => write(file, [bytes], 0));
  return { secret: new Uint8Array(secret), seed: crc32c(id) };
}

export function noStore(folder: string): JournalError {
  return new JournalError("HF_STORE_INVALID", { detail: `there is no store in ${folder}` });
}

/** Makes errors of the file system errors of the store. */
export function invalidFolder(folder: string, error: unknown): Error {
  if (error instanceof JournalError) return error;
  const detail = `${folder}: ${error instanceof Error ? error.message : String(error)}`;
  const code = isFull(error) ? "HF_STORE_FULL" : "HF_STORE_INVALID";
  return new JournalError(code, { detail, cause: error });
}
