/** The journal in files of this machine: the suite of the seam. In memory where that is a file system: what a power cut does is the simulated disk's. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type JournalPlace, journalSuite, ManualClock, SeededRandom } from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";

const parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

async function newPlace(): Promise<JournalPlace> {
  const folder = await mkdtemp(join(parent, "holdfast-journal-"));
  const clock = new ManualClock();
  const random = new SeededRandom(1);
  return {
    clock,
    open: (options) =>
      openFilesJournal(folder, {
        clock,
        random,
        segmentBytes: 256 * 1024,
        minimumFreeBytes: 0,
        ...options,
      }),
    async settle() {
      for (let round = 0; round < 5; round++) {
        clock.advance(2_000);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

journalSuite({ name: "files", persistent: true, slackEntries: 0, newPlace });
