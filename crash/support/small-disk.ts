/** File systems that are small, full or broken when a test wants them to be. They are gone when the test is. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const mebibyte = 1024 * 1024;

export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** A disk in memory. */
  static inMemory(mebibytes: number): SmallDisk {
    const disk = new SmallDisk(mkdtempSync(join(tmpdir(), "holdfast-disk-")));
    onTestFinished(() => disk.#remove());
    run("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", disk.path);
    return disk;
  }

  /** An ext4 in a file. */
  static ext4(mebibytes: number): SmallDisk {
    const image = `${mkdtempSync(join(tmpdir(), "holdfast-image-"))}/ext4`;
    onTestFinished(() => rmSync(join(image, ".."), { recursive: true, force: true }));
    const disk = new SmallDisk(mkdtempSync(join(tmpdir(), "holdfast-disk-")));
    onTestFinished(() => disk.#remove());
    writeFileSync(image, "");
    run("truncate", "-s", `${mebibytes}M`, image);
    run("mkfs.ext4", "-q", image);
    run("mount", "-o", "loop", image, disk.path);
    return disk;
  }

  /** Takes the room until only so much is left. */
  fill(leftMebibytes: number): void {
    const { bavail, bsize } = statfsSync(this.path);
    const bytes = bavail * bsize - leftMebibytes * mebibyte;
    if (bytes > 0) run("fallocate", "-l", `${Math.floor(bytes)}`, this.#ballast);
  }

  /** Gives it back. */
  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** What happens to an ext4 when the kernel finds it broken: files that are open for writing take nothing more. */
  breakDown(): void {
    run("mount", "-o", "remount,abort", this.path);
  }

  remountReadOnly(): void {
    run("mount", "-o", "remount,ro", this.path);
  }

  get #ballast(): string {
    return join(this.path, "ballast");
  }

  #remove(): void {
    // Whoever has files open on it keeps them; nobody finds it any more.
    run("umount", "--lazy", this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });
}
