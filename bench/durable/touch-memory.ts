/**
 * Memory that a virtual machine has never used is given to it page by page, when it is touched: 11 µs for each here, ten times
 * what the kernel itself takes. Whoever writes files on such a machine pays for that, and whoever comes later gets the
 * pages of the files that were removed. So some of it is used once before anything is measured.
 */
import { execFile } from "node:child_process";
import { freemem } from "node:os";
import { promisify } from "node:util";

const wantedMiB = 8 * 1024;
const limitMs = 40_000;

/** @returns how much was touched, in MiB */
export async function touchMemory(): Promise<number> {
  const mebibytes = Math.min(wantedMiB, Math.floor(freemem() / 2 / 1024 ** 2));
  const script = `
    const [until, kept] = [performance.now() + ${limitMs}, []];
    while (kept.length * 64 < ${mebibytes} && performance.now() < until) kept.push(Buffer.alloc(64 * 1024 * 1024, 1));
    console.log(kept.length * 64);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--eval", script]);
  return Number(stdout);
}
