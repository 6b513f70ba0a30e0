/** Peer: the journal package alone, in a process of its own. No server, no network. */
import type * as JournalModule from "@holdfast/journal";
import type { Stream } from "@holdfast/journal";
import { PlainEntry } from "../../journal/plain-entry.ts";
import { closedLoop } from "../closed-loop.ts";
import { countedFlushes, countFlushes } from "../flush-counter.ts";
import {
  type DurableReply,
  type DurableRequest,
  optionsOfBench,
  serveRequests,
} from "../requests.ts";

const bodyBytes = 200;
const fillTags = 1000;
const fillInFlight = 1000;

countFlushes();
const module = process.env["HOLDFAST_BENCH_JOURNAL"] ?? "@holdfast/journal";
const { openFilesJournal } = (await import(module)) as typeof JournalModule;
const { store, durability } = optionsOfBench();
const before = { ms: performance.now(), cpu: process.cpuUsage() };
const journal = await openFilesJournal(store, {
  durability: durability === "process" ? "process" : "disk",
  retention: { bytes: 16 * 1024 ** 3, entries: 1e9 },
});
const stream: Stream = await journal.stream("/");
stream.follow({
  committed(records) {
    for (const record of records) if (record instanceof PlainEntry) record.done();
  },
  duplicate() {},
  refused(_record, error) {
    throw error;
  },
  checkpoint: () => new Uint8Array(0),
});
const cpu = process.cpuUsage(before.cpu);

const body = Buffer.alloc(bodyBytes, "x");

function append(tag: string, done: () => void): void {
  stream.append([new PlainEntry(tag, body, done)]);
}

function fill(bytes: number): Promise<DurableReply> {
  const startMs = performance.now();
  let [entries, acknowledged] = [0, 0];
  return new Promise((resolve) => {
    const next = () => {
      append(`room-${entries++ % fillTags}`, () => {
        acknowledged++;
        if (entries % 1000 !== 0 || journal.status.bytes < bytes) next();
        else if (acknowledged === entries) {
          const seconds = (performance.now() - startMs) / 1000;
          resolve({ type: "filled", entries, bytes: journal.status.bytes, seconds });
        }
      });
    };
    for (let index = 0; index < fillInFlight; index++) next();
  });
}

async function answer(request: DurableRequest): Promise<DurableReply> {
  switch (request.type) {
    case "loop":
      return { type: "looped", ...(await closedLoop(request, (done) => append("sink", done))) };
    case "flushes":
      return { type: "flushed", count: countedFlushes() };
    case "fill":
      return fill(request.bytes);
    case "close":
      await journal.close();
      return { type: "closed" };
    case "miss":
      throw new Error("the journal has no clients");
  }
}

serveRequests(
  {
    type: "ready",
    port: 0,
    openMs: performance.now() - before.ms,
    openCpuMs: (cpu.user + cpu.system) / 1000,
  },
  answer,
);
