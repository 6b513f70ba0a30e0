/**
 * What a durable append costs. Closed loops of 1, 64 and 1,000 publishers of 200-byte entries, against a bare write and
 * flush of the same bytes to a preallocated file; then the bytes of the journal per entry, and how long it takes to open
 * it again, closed and killed. CPU is of this process, user and system, with its thread pool.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  type EntryRecord,
  type FilesJournalOptions,
  type Journal,
  openFilesJournal,
  type Stream,
} from "@holdfast/journal";
import { PlainEntry } from "./plain-entry.ts";

const bodyBytes = 200;

interface Row {
  readonly what: string;
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Measures `total` operations of which `start` begins one; `done` is to be called with when it was begun. */
async function measure(
  what: string,
  load: { readonly inFlight: number; readonly total: number },
  begin: (done: (startedMs: number) => void) => () => void,
): Promise<Row> {
  const times: number[] = [];
  let started = 0;
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    const start = begin((startedMs) => {
      times.push(performance.now() - startedMs);
      if (times.length === load.total) resolve();
      else if (started < load.total) {
        started++;
        start();
      }
    });
    for (; started < load.inFlight; started++) start();
  });
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  times.sort((a, b) => a - b);
  return {
    what,
    perSecond: load.total / seconds,
    cpuMicros: (user + system) / load.total,
    p50Ms: times[Math.floor(load.total * 0.5)] ?? 0,
    p99Ms: times[Math.floor(load.total * 0.99)] ?? 0,
  };
}

/** One write of the bytes of an entry and one flush, nothing else: what the disk allows. */
async function bare(folder: string, total: number): Promise<Row> {
  const file = fs.openSync(path.join(folder, "bare"), "w+");
  fs.writeSync(file, Buffer.alloc(8 * 1024 * 1024));
  fs.fsyncSync(file);
  const bytes = Buffer.alloc(256, 7);
  let at = 0;
  const row = await measure("bare write and fdatasync, 1", { inFlight: 1, total }, (done) => () => {
    const startedMs = performance.now();
    at += bytes.length;
    fs.write(file, bytes, 0, bytes.length, at, () => {
      fs.fdatasync(file, () => done(startedMs));
    });
  });
  fs.closeSync(file);
  return row;
}

async function append(stream: Stream, inFlight: number, total: number, what: string): Promise<Row> {
  const body = new Uint8Array(bodyBytes).fill(97);
  return measure(`${what}, ${inFlight}`, { inFlight, total }, (done) => {
    // Fates come in the order of the calls: a queue of start times is all that is needed.
    const starts: number[] = [];
    let first = 0;
    let free: EntryRecord[] = [];
    following.set(stream, (count) => {
      for (let n = 0; n < count; n++) done(starts[first++] ?? 0);
      if (first > 10_000) {
        starts.splice(0, first);
        first = 0;
      }
    });
    return () => {
      starts.push(performance.now());
      stream.append([free.pop() ?? new PlainEntry("room:1", body)]);
      if (free.length > 10_000) free = [];
    };
  });
}

const following = new Map<Stream, (count: number) => void>();

async function openStream(
  folder: string,
  options: FilesJournalOptions,
): Promise<[Journal, Stream]> {
  const journal = await openFilesJournal(folder, options);
  const stream = await journal.stream("/");
  stream.follow({
    committed: (records) => following.get(stream)?.(records.length),
    duplicate: () => undefined,
    refused: (_record, error) => {
      throw error;
    },
    checkpoint: () => new Uint8Array(),
  });
  return [journal, stream];
}

function folderBytes(folder: string): number {
  return fs
    .readdirSync(folder)
    .filter((name) => /\.(segment|index|ids|checkpoint)$/.test(name))
    .reduce((sum, name) => sum + fs.statSync(path.join(folder, name)).size, 0);
}

function print(rows: readonly Row[]): void {
  for (const { what, perSecond, cpuMicros, p50Ms, p99Ms } of rows) {
    const rate = Math.round(perSecond).toLocaleString("en").padStart(10);
    const cpu = cpuMicros.toFixed(2).padStart(8);
    console.log(
      `${what.padEnd(32)}${rate}/s  ${cpu} µs CPU  p50 ${p50Ms.toFixed(3)} ms  p99 ${p99Ms.toFixed(3)} ms`,
    );
  }
}

/** How long it takes to open what `count` entries have left, killed in the midst of it or closed. */
async function recovery(parent: string, count: number): Promise<void> {
  const folder = path.join(parent, "recovery");
  const [journal, stream] = await openStream(folder, { durability: "process" });
  await append(stream, 1_000, count, "fill");
  const killed = path.join(parent, "killed");
  fs.cpSync(folder, killed, { recursive: true, filter: (name) => !name.includes("lock") });
  await journal.close();
  const bytes = folderBytes(folder);
  const perEntry = (journal.status.bytes / count).toFixed(0);
  console.log(
    `journal: ${perEntry} bytes per entry of ${bodyBytes}, ${(bytes / count).toFixed(0)} with all files`,
  );
  for (const [what, where] of [
    ["closed", folder],
    ["killed", killed],
  ] as const) {
    const startMs = performance.now();
    const again = await openFilesJournal(where);
    const ms = performance.now() - startMs;
    const size = folderBytes(where) / 2 ** 30;
    console.log(
      `recovery, ${what}: ${ms.toFixed(0)} ms for ${size.toFixed(2)} GiB, ${(ms / 1_000 / size).toFixed(2)} s per GiB`,
    );
    await again.close();
  }
}

export async function run(words: readonly string[]): Promise<void> {
  const reps = Number(words[words.indexOf("--reps") + 1] ?? 1) || 1;
  const parent = words.find((word) => word.startsWith("/")) ?? os.tmpdir();
  const folder = fs.mkdtempSync(path.join(parent, "holdfast-bench-"));
  try {
    for (let rep = 0; rep < reps; rep++) {
      const rows = [await bare(folder, 300)];
      const where = path.join(folder, `journal-${rep}`);
      const [journal, stream] = await openStream(where, {});
      await append(stream, 1_000, 50_000, "warm");
      rows.push(await append(stream, 1, 300, "append"));
      rows.push(await append(stream, 64, 20_000, "append"));
      rows.push(await append(stream, 1_000, 300_000, "append"));
      rows.push(await bare(folder, 300));
      await journal.close();
      print(rows);
    }
    await recovery(folder, 2_000_000);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
