/**
 * The disk, as the journal sees it: nothing else of the journal touches a file. A simulation gives its own, which
 * loses what was not flushed and fails when it is told to.
 */
import fs from "node:fs";
import { dirname } from "node:path";
import { acquireLock, codeOf } from "./disk-lock.ts";

export interface DiskFile {
  /**
   * Writes bytes one after the other, from `position` on. `done` gets how many were written: less than all of them is
   * no error, the rest is written by another call. A callback, because each commit of the journal comes through here.
   */
  write(
    parts: readonly Uint8Array[],
    position: number,
    done: (error: Error | undefined, written: number) => void,
  ): void;
  /**
   * The same at once: the bytes are copied into the memory of the kernel, which for a few takes less time than to hand
   * them to another thread. Only after a flush of this file that has ended: while the disk hangs, it is mostly the flush
   * that waits for it. (The kernel waits too where it has to read the rest of a page, or has too much to write.)
   * @returns how many were written @throws what the disk says
   */
  writeAtOnce(parts: readonly Uint8Array[], position: number): number;
  /** Makes what was written, and the size, survive a power cut. */
  flush(done: (error: Error | undefined) => void): void;
  /** @returns how many bytes were read: less than asked for only at the end of the file */
  read(target: Uint8Array, position: number): Promise<number>;
  size(): Promise<number>;
  /** Whether this path still leads to this file: what was removed can be written to for ever. */
  isAt(path: string): Promise<boolean>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** Held until it is released, or until the process is gone. */
export interface DiskLock {
  release(): Promise<void>;
}

export interface Disk {
  /** Makes the folder and those above it, unless they exist. All of them survive a power cut. */
  makeFolder(path: string): Promise<void>;
  /** create: the file must not exist. */
  open(path: string, mode: "read" | "write" | "create"): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Names of the files in a folder, in no order. */
  list(path: string): Promise<string[]>;
  /** Makes what was created, renamed or unlinked in a folder survive a power cut. */
  flushFolder(path: string): Promise<void>;
  /** What may still be written to the file system of this folder, in bytes. */
  freeBytes(path: string): Promise<number>;
  /** Takes a folder for this process alone. Rejects with HF_STORE_LOCKED */
  lock(folder: string): Promise<DiskLock>;
  /** The same for every process until the machine starts again; undefined when that cannot be known. */
  bootId(): Promise<string | undefined>;
}

class SystemFile implements DiskFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(
    parts: readonly Uint8Array[],
    position: number,
    done: (error: Error | undefined, written: number) => void,
  ): void {
    const finish = (error: Error | null, written: number): void =>
      done(error ?? undefined, written);
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) {
      fs.write(this.#descriptor, only, 0, only.length, position, finish);
    } else fs.writev(this.#descriptor, parts, position, finish);
  }

  writeAtOnce(parts: readonly Uint8Array[], position: number): number {
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) {
      return fs.writeSync(this.#descriptor, only, 0, only.length, position);
    }
    return fs.writevSync(this.#descriptor, parts, position);
  }

  flush(done: (error: Error | undefined) => void): void {
    fs.fdatasync(this.#descriptor, (error) => done(error ?? undefined));
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let total = 0;
    while (total < target.length) {
      const rest = target.subarray(total);
      const read = await new Promise<number>((resolve, reject) => {
        fs.read(this.#descriptor, rest, 0, rest.length, position + total, (error, count) => {
          if (error === null) resolve(count);
          else reject(error);
        });
      });
      if (read === 0) break;
      total += read;
    }
    return total;
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#descriptor, (error, stats) => {
        if (error === null) resolve(stats.size);
        else reject(error);
      });
    });
  }

  async isAt(path: string): Promise<boolean> {
    const there = await fs.promises.stat(path, { bigint: true }).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (there === undefined) return false;
    return new Promise((resolve, reject) => {
      fs.fstat(this.#descriptor, { bigint: true }, (error, stats) => {
        if (error === null) resolve(stats.dev === there.dev && stats.ino === there.ino);
        else reject(error);
      });
    });
  }

  truncate(size: number): Promise<void> {
    return call((done) => fs.ftruncate(this.#descriptor, size, done));
  }

  close(): Promise<void> {
    return call((done) => fs.close(this.#descriptor, done));
  }
}

function call(run: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    run((error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

const modes = { read: "r", write: "r+", create: "wx+" } as const;

export const systemDisk: Disk = {
  async makeFolder(path) {
    const made = await fs.promises.mkdir(path, { recursive: true });
    if (made === undefined) return;
    // Every folder that was made is an entry in the one above it, up to the first that was there before.
    for (let folder = path; ; folder = dirname(folder)) {
      await flushFolder(dirname(folder));
      if (folder === made || folder === dirname(folder)) return;
    }
  },

  open(path, mode) {
    return new Promise((resolve, reject) => {
      fs.open(path, modes[mode], 0o600, (error, descriptor) => {
        if (error === null) resolve(new SystemFile(descriptor));
        else reject(error);
      });
    });
  },

  rename: (from, to) => fs.promises.rename(from, to),
  unlink: (path) => fs.promises.unlink(path),
  list: (path) => fs.promises.readdir(path),
  flushFolder,

  async freeBytes(path) {
    const { bavail, bsize } = await fs.promises.statfs(path);
    return bavail * bsize;
  },

  lock: acquireLock,

  async bootId() {
    try {
      const id = await fs.promises.readFile("/proc/sys/kernel/random/boot_id", "latin1");
      return id.trim();
    } catch {
      return undefined;
    }
  },
};

async function flushFolder(path: string): Promise<void> {
  const folder = await fs.promises.open(path, "r");
  try {
    await folder.sync();
  } catch (error) {
    // Windows cannot flush a folder; its file systems keep a journal of names.
    if (process.platform !== "win32") throw error;
  } finally {
    await folder.close();
  }
}
