/**
 * Goal: whichever call of the disk fails, and however, nothing that was acknowledged is lost, nothing is acknowledged
 * after the failure (I13), and nothing hangs. Method: the same workload again and again; in run N the Nth call fails,
 * once or from then on, until a run has fewer than N calls. Then the power is cut, the disk works again, and what it
 * has is compared with what was acknowledged.
 */
import { expect, it } from "vitest";
import { CrashWorkload } from "../testing/crash-workload.ts";
import { type DiskFault, SeededRandom, SimulatedDisk } from "../testing/index.ts";

const long = process.env["HOLDFAST_LONG"] === "1";

const kinds: readonly [what: string, fault: DiskFault, forever: boolean][] = [
  ["an I/O error, once", { error: "EIO" }, false],
  ["an I/O error, from then on", { error: "EIO" }, true],
  ["no space, once", { error: "ENOSPC" }, false],
  ["no space, from then on", { error: "ENOSPC" }, true],
  ["a short write, once", { short: true }, false],
  ["short writes, from then on", { short: true }, true],
];

/** @returns whether the workload came to call `number` */
async function failAt(
  number: number,
  fault: DiskFault,
  forever: boolean,
  groupBytes: number,
): Promise<boolean> {
  const disk = new SimulatedDisk();
  let reached = false;
  disk.onCall = (call) => {
    const meant = forever ? call.number >= number : call.number === number;
    if (!meant || call.number === 0) return undefined;
    reached = true;
    return "short" in fault && call.name !== "write" ? undefined : fault;
  };
  const size = { lives: long ? 3 : 2, steps: long ? 25 : 14 };
  const workload = new CrashWorkload({ seed: 3, ...size, options: { groupBytes } });
  await workload.run(disk);
  const moment = workload.moment();
  for (const cut of ["keep all", "lose all", new SeededRandom(number)] as const) {
    await workload.check(disk.afterPowerCut(cut), moment);
  }
  return reached;
}

/** With the small one groups are full after a record or two: they go to the disk within calls, and before others are told. */
const groupSizes = [200, 100_000];

it.each(kinds)(
  "survives %s, at any call",
  async (what, fault, forever) => {
    const stride = long ? 1 : 5;
    let runs = 0;
    const problems: string[] = [];
    for (const groupBytes of groupSizes) {
      const first = 1 + (kinds.findIndex(([name]) => name === what) % stride);
      for (let number = first; ; number += stride) {
        runs++;
        try {
          if (!(await failAt(number, fault, forever, groupBytes))) break;
        } catch (error) {
          problems.push(`call ${number}, groups of ${groupBytes} bytes: ${String(error)}`);
          if (problems.length > 50) break;
        }
      }
    }
    console.log(`failing disk, ${what}: ${runs} runs, ${problems.length} bad`);
    expect(problems.slice(0, 5)).toEqual([]);
    expect(runs).toBeGreaterThan(30);
  },
  long ? 3_600_000 : 60_000,
);
