/** Opens a journal in a folder: takes the folder, finds out what is there, repairs what a crash has left, begins. */
import { join } from "node:path";
import type { Disk, DiskFile, DiskLock } from "../disk.ts";
import type { Journal } from "../journal.ts";
import { flush, removeFile, write } from "./file-io.ts";
import { FilesJournal } from "./files-journal.ts";
import { corrupt, segmentName } from "./names.ts";
import { type FilesJournalOptions, type Settings, settingsOf } from "./options.ts";
import type { Recovered } from "./recovered.ts";
import { recover } from "./recovery.ts";
import {
  createStoreFile,
  invalidFolder,
  isUnfinished,
  readStoreFile,
  type StoreFile,
  unfinished,
  unfinishedName,
} from "./store-file.ts";

/**
 * Opens the journal in a folder, made when there is none. Rejects with HF_STORE_LOCKED, HF_STORE_CORRUPT,
 * HF_STORE_FORMAT, HF_STORE_INVALID; HF_STORE_FULL where there is no room to begin
 */
export async function openFilesJournal(
  folder: string,
  options: FilesJournalOptions = {},
): Promise<Journal> {
  const settings = settingsOf(options);
  try {
    // A folder of a newer version is refused before anything is done to it, even before it is locked.
    await readStoreFile(settings.disk, folder);
    await settings.disk.makeFolder(folder);
    const lock = await settings.disk.lock(folder);
    try {
      return await openLocked(folder, settings, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (error) {
    throw invalidFolder(folder, error);
  }
}

async function openLocked(folder: string, settings: Settings, lock: DiskLock): Promise<Journal> {
  const { disk, random } = settings;
  if (await isUnfinished(disk, folder)) {
    throw corrupt(unfinishedName, unfinished);
  }
  const file = (await readStoreFile(disk, folder)) ?? (await createStoreFile(disk, folder, random));
  const recovered = await recover(disk, folder, file.seed);
  await repair(disk, folder, recovered);
  return start(folder, settings, { lock, file, recovered });
}

export async function start(
  folder: string,
  settings: Settings,
  found: {
    readonly lock: DiskLock;
    readonly file: StoreFile;
    readonly recovered: Recovered;
    /** Whether records are known to be lost: all streams begin another epoch. */
    readonly salvaged?: boolean;
  },
): Promise<Journal> {
  const { lock, file, recovered, salvaged = false } = found;
  const bootId = await settings.disk.bootId();
  const { secret, seed: storeSeed } = file;
  const journal = new FilesJournal({
    settings,
    folder,
    storeSeed,
    secret,
    lock,
    recovered,
    bootId,
  });
  try {
    await journal.start(recovered, salvaged || hasLost(recovered, bootId));
  } catch (error) {
    await journal.abandon();
    throw error;
  }
  return journal;
}

/** Whether something that was acknowledged may be gone, by what the last process promised. */
function hasLost({ durability, clean, bootId }: Recovered, now: string | undefined): boolean {
  if (durability === "memory") return true;
  if (durability !== "process" || clean) return false;
  return bootId === undefined || bootId !== now;
}

/**
 * Makes the end of what is whole the end of what is there: a later scan must not find the rest of a torn write. And
 * all that was read is flushed: a process that was killed leaves what only the kernel has, and what is written next
 * says that everything before it is on the disk. What no frame proves to be there is written once more before that: if
 * a flush failed, the kernel shows it to us, and takes it for written.
 */
export async function repair(disk: Disk, folder: string, recovered: Recovered): Promise<void> {
  const active = recovered.segments.at(-1)?.number;
  for (const number of new Set([active, ...recovered.torn.map(({ segment }) => segment)])) {
    if (number === undefined) continue;
    const file = await disk.open(join(folder, segmentName(number)), "write");
    try {
      for (const { from, to, segment } of recovered.torn) {
        if (segment === number) await write(file, [new Uint8Array(to - from)], from);
      }
      if (recovered.unproven?.segment === number) await writeAgain(file, recovered.unproven);
      await flush(file);
    } finally {
      await file.close();
    }
  }
  await disk.flushFolder(folder);
  for (const name of recovered.leftovers) await removeFile(disk, join(folder, name));
}

const copyBytes = 1024 * 1024;

async function writeAgain(
  file: DiskFile,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  for (let at = from; at < to; at += copyBytes) {
    const bytes = new Uint8Array(Math.min(copyBytes, to - at));
    await file.read(bytes, at);
    await write(file, [bytes], at);
  }
}
