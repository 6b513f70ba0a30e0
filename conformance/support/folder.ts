/** A folder of its own for a test, gone when the test ends; and a copy of one. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { onTestFinished } from "vitest";

/** Call it before what uses the folder is started: what is registered first is closed last. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * What a server that is killed now, or a snapshot, would leave of a store. Without files that are being made: they get their
 * own names at any moment, and this would not find them any more.
 */
export function copyStore(folder: string, to: string): void {
  const isCopied = (path: string) => !/^lock|\.temp$/.test(basename(path));
  cpSync(folder, to, { recursive: true, filter: isCopied });
}
