/** Descriptors and the folder: none is kept behind a close, a start that fails, or an open that failed for a moment. */
import { expect, it } from "vitest";
import type { Disk } from "../disk.ts";
import {
  entry,
  everything,
  ManualClock,
  RecordingFollower,
  SimulatedDisk,
} from "../testing/index.ts";
import { openFilesJournal } from "./open.ts";

const kilobyte = "k".repeat(1_000);

/** A disk that counts the files that are open, and opens none to read before `gate`. */
function counting(
  disk: Disk,
  gate = Promise.resolve(),
): { readonly disk: Disk; readonly open: Map<string, number> } {
  const open = new Map<string, number>();
  const add = (path: string, count: number): void => {
    open.set(path, (open.get(path) ?? 0) + count);
    if (open.get(path) === 0) open.delete(path);
  };
  const counted: Disk = Object.create(disk, {
    open: {
      value: async (path: string, mode: "read" | "write" | "create") => {
        if (mode === "read") await gate;
        const file = await disk.open(path, mode);
        add(path, 1);
        return Object.create(file, {
          close: {
            value: () => {
              add(path, -1);
              return file.close();
            },
          },
          ...Object.fromEntries(
            (["write", "writeAtOnce", "flush", "read", "size", "isAt", "truncate"] as const).map(
              (name) => [name, { value: file[name].bind(file) }],
            ),
          ),
        });
      },
    },
    ...Object.fromEntries(
      (
        [
          "makeFolder",
          "rename",
          "unlink",
          "list",
          "flushFolder",
          "freeBytes",
          "lock",
          "bootId",
        ] as const
      ).map((name) => [name, { value: disk[name].bind(disk) }]),
    ),
  });
  return { disk: counted, open };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function filled(disk: Disk) {
  const clock = new ManualClock();
  const options = { segmentBytes: 64 * 1024, minimumFreeBytes: 0, cacheBytes: 0, clock, disk };
  const journal = await openFilesJournal("/store", options);
  const stream = await journal.stream("/");
  const follower = new RecordingFollower();
  stream.follow(follower);
  for (let n = 0; n < 200; n++) await follower.append(stream, entry(kilobyte));
  await settle();
  return { journal, stream, follower, clock, options };
}

it("reads a segment that could not be opened a moment ago", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream } = await filled(disk.newProcess());
  disk.onCall = ({ name, path }) =>
    name === "open" && path.endsWith("1.segment") ? { error: "EMFILE" } : undefined;
  await expect(stream.read(everything)).rejects.toMatchObject({ code: "HF_STORE_FAILED" });
  disk.onCall = undefined;
  expect((await stream.read(everything)).entries).toHaveLength(200);
  await journal.close();
});

it("has no file open once it is closed, whatever was being read", async () => {
  let openGate: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    openGate = resolve;
  });
  const { disk, open } = counting(new SimulatedDisk().newProcess(), gate);
  const { journal, stream, clock } = await filled(disk);
  const page = Promise.resolve(stream.read(everything)).catch(() => undefined);
  await settle();
  await journal.close();
  openGate();
  await page;
  await settle();
  expect([...open]).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

it.each(["write", "flush", "create", "rename", "flushFolder"])(
  "leaves nothing behind when it fails in %s while it starts",
  async (failing) => {
    const disk = new SimulatedDisk();
    await (await filled(disk.newProcess())).journal.close();
    for (let nth = 1; ; nth++) {
      const image = disk.clone();
      let calls = 0;
      image.onCall = ({ name }) =>
        name === failing && ++calls === nth ? { error: "EIO" } : undefined;
      const counted = counting(image.newProcess());
      const clock = new ManualClock();
      const options = { segmentBytes: 64 * 1024, minimumFreeBytes: 0, clock, disk: counted.disk };
      const journal = await openFilesJournal("/store", options).catch(() => undefined);
      if (journal !== undefined) {
        await journal.close();
        if (calls < nth) break;
        continue;
      }
      const callsThen = image.calls;
      const left = [[...counted.open], clock.pendingTimers];
      await settle();
      expect([failing, nth, left, image.calls - callsThen]).toEqual([failing, nth, [[], 0], 0]);
      const again = await openFilesJournal("/store", options);
      await again.close();
    }
  },
);

it("lets go of the folder also when a follower has no state to give", async () => {
  const disk = new SimulatedDisk().newProcess();
  const { journal, follower, options } = await filled(disk);
  follower.checkpoint = () => {
    throw new Error("no state");
  };
  const told: string[] = [];
  journal.onStatus = ({ state, error }) => told.push(`${state} ${String(error?.message)}`);
  await journal.close();
  expect(told).toEqual([
    expect.stringMatching(/^failed .*no state/),
    expect.stringMatching(/^closed .*no state/),
  ]);
  const again = await openFilesJournal("/store", options);
  await again.close();
});

/** Connections take descriptors, too: when there are none for a while, that is no failing disk. */
it("waits while the process has no descriptor left, and goes on", async () => {
  const disk = new SimulatedDisk();
  const { journal, stream, follower, clock } = await filled(disk.newProcess());
  const pass = async () => {
    for (let second = 0; second < 3; second++) {
      clock.advance(1_100);
      await settle();
    }
  };
  disk.onCall = ({ name }) =>
    name === "open" || name === "create" ? { error: "EMFILE" } : undefined;
  const before = follower.fates.length;
  for (let n = 0; n < 300; n++) stream.append([entry(kilobyte)]);
  await pass();
  expect(journal.status.state).toBe("full");
  disk.onCall = undefined;
  await pass();
  expect(journal.status.state).toBe("open");
  const kinds = follower.fates
    .slice(before)
    .map((fate) => (fate.kind === "refused" ? fate.error.code : fate.kind));
  expect(kinds).toHaveLength(300);
  expect(new Set(kinds)).toEqual(new Set(["committed", "HF_STORE_FULL"]));
  stream.append([entry(kilobyte)]);
  await follower.told(before + 301);
  expect(follower.fates.at(-1)?.kind).toBe("committed");
  await journal.close();
});
