/**
 * Goal: damage is always detected, never served, and never hides a record in silence. Method: stores as a workload has
 * left them, closed and killed; in copies of each a byte is changed, or a file is cut at a boundary of frames or one
 * byte beside it. Each copy is verified, opened and read, and salvaged, read and read again.
 */
import { describe, expect, it } from "vitest";
import { JournalError } from "../errors.ts";
import { CrashWorkload } from "../testing/crash-workload.ts";
import { SeededRandom, SimulatedDisk } from "../testing/index.ts";
import { decodeCheckpoint } from "./checkpoint.ts";
import { parseName } from "./names.ts";
import { salvage } from "./salvage.ts";
import { verify } from "./verify.ts";

const long = process.env["HOLDFAST_LONG"] === "1";
const samples = long ? 10_000 : 150;

type Damage = (disk: SimulatedDisk) => void;

async function build(lives: number): Promise<{ disk: SimulatedDisk; workload: CrashWorkload }> {
  const disk = new SimulatedDisk();
  const workload = new CrashWorkload({ seed: 5, lives, steps: 30 });
  await workload.run(disk);
  disk.newProcess(); // What the one before still has to do is not done any more.
  return { disk, workload };
}

const corrupt = (error: unknown): boolean =>
  error instanceof JournalError &&
  (error.code === "HF_STORE_CORRUPT" || error.code === "HF_STORE_FORMAT");

/** Where frames begin in a segment: by their own lengths, which is enough for a file that is whole. */
function boundaries(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places = [512];
  for (let at = 512; at + 8 <= bytes.length; ) {
    const length = (view.getUint32(at, true) & 0xffffff) * 8;
    if (length === 0) break;
    at += length;
    places.push(at);
  }
  return places;
}

/** The segment from which the record is read. */
function newestCheckpoint(disk: SimulatedDisk): number {
  const path =
    disk
      .paths()
      .filter((one) => one.endsWith(".checkpoint"))
      .at(-1) ?? "";
  const { number = 0 } = parseName(path.slice("/store/".length)) ?? {};
  return decodeCheckpoint(Buffer.from(disk.bytes(path)), number).segment;
}

interface Outcome {
  damages: number;
  refused: number;
  told: number;
  salvaged: number;
  problems: string[];
}

async function judge(
  what: string,
  damage: Damage,
  built: Awaited<ReturnType<typeof build>>,
  outcome: Outcome,
): Promise<void> {
  const image = (): SimulatedDisk => {
    const copy = built.disk.clone();
    damage(copy);
    return copy;
  };
  outcome.damages++;
  try {
    const report = await verify("/store", { disk: image().newProcess() }).catch(
      (error: unknown) => {
        if (corrupt(error)) return undefined;
        throw error;
      },
    );
    if (report?.problems.length === 0) outcome.problems.push(`${what}: not seen by verify`);

    try {
      const lost = await built.workload.checkHonest(image());
      if (lost > 0) outcome.told++;
    } catch (error) {
      if (!corrupt(error)) throw error;
      outcome.refused++;
      await judgeSalvage(image(), built.workload, outcome);
    }
  } catch (error) {
    outcome.problems.push(`${what}: ${String(error)}`);
  }
}

async function judgeSalvage(
  disk: SimulatedDisk,
  workload: CrashWorkload,
  outcome: Outcome,
): Promise<void> {
  const options = { ...workload.options, disk: disk.newProcess() };
  const report = await salvage("/store", options).catch((error: unknown) => {
    // Without the store file nothing can be told from noise; a newer format is not ours to change.
    if (corrupt(error)) return undefined;
    throw error;
  });
  if (report === undefined) return;
  outcome.salvaged++;
  await workload.checkHonest(disk);
  await workload.checkHonest(disk);
}

describe.each([
  ["closed", 3],
  ["killed", 2],
] as const)("a store that was %s", (what, lives) => {
  const print = (kind: string, { damages, refused, told, salvaged, problems }: Outcome): void => {
    console.log(
      `corruption, ${what}, ${kind}: ${damages} damages, ${refused} refused, ${told} told as gaps, ${salvaged} salvaged, ${problems.length} bad`,
    );
    expect(problems.slice(0, 5)).toEqual([]);
  };
  const newOutcome = (): Outcome => ({
    damages: 0,
    refused: 0,
    told: 0,
    salvaged: 0,
    problems: [],
  });

  it("shows each changed byte", { timeout: long ? 3_600_000 : 120_000 }, async () => {
    const built = await build(lives);
    const random = new SeededRandom(lives);
    const outcome = newOutcome();
    const paths = built.disk.paths();
    for (let sample = 0; sample < samples; sample++) {
      const path = paths[sample % paths.length] ?? "";
      const size = built.disk.bytes(path).length;
      // Half of them where something is written.
      const used = path.endsWith(".segment")
        ? (boundaries(built.disk.bytes(path)).at(-1) ?? 0)
        : size;
      const at = random.below(random.chance(0.5) ? Math.max(used, 1) : size);
      const flip = 1 + random.below(255);
      const damage: Damage = (disk) => {
        const bytes = disk.bytes(path);
        bytes[at] = (bytes[at] ?? 0) ^ flip;
      };
      await judge(`${path} byte ${at} ^ ${flip}`, damage, built, outcome);
    }
    print("bytes", outcome);
    expect(outcome.refused).toBeGreaterThan(samples / 4);
  });

  it("shows each file that is cut", { timeout: long ? 3_600_000 : 120_000 }, async () => {
    const built = await build(lives);
    const outcome = newOutcome();
    for (const path of built.disk.paths()) {
      const bytes = built.disk.bytes(path);
      const isSegment = path.endsWith(".segment");
      const places = isSegment ? [0, ...boundaries(bytes)] : [0, 32, bytes.length];
      const every = long ? 1 : 8;
      for (const place of places.filter((_, index) => index % every === 0 || !isSegment)) {
        for (const size of [place - 1, place, place + 1]) {
          if (size < 0 || size >= bytes.length) continue;
          await judge(`${path} cut to ${size}`, (disk) => disk.resize(path, size), built, outcome);
        }
      }
    }
    print("cuts", outcome);
    expect(outcome.damages).toBeGreaterThan(20);
  });

  it("shows each file that is missing", async () => {
    const built = await build(lives);
    const outcome = newOutcome();
    const checkpointed = newestCheckpoint(built.disk);
    const paths = built.disk.paths().filter((path) => {
      const { kind, number = 0 } = parseName(path.slice("/store/".length)) ?? {};
      // Ids that no checkpoint names are made again from their segment, as an index is.
      return kind !== "index" && !(kind === "ids" && number >= checkpointed);
    });
    const spare = paths.filter((path) => path.endsWith(".segment")).at(-1);
    for (const path of paths) {
      // A segment that was made ahead has nothing in it yet; without any checkpoint the record itself is read.
      const isEmpty = path === spare && boundaries(built.disk.bytes(path)).length === 1;
      if (isEmpty) continue;
      await judge(`${path} missing`, (disk) => disk.remove(path), built, outcome);
    }
    print("missing files", outcome);
  });
});
