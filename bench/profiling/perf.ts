/** Runs `perf` on a peer for the length of the measured window. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";
import { JitMap } from "./jit-map.ts";
import { sumPerfProfile } from "./perf-profile.ts";
import type { Places } from "./places.ts";
import type { ProfileSums } from "./sums.ts";

const run = promisify(execFile);
const samplesPerSecond = 1999;

/** Makes Node name its compiled code for perf, and keep interpreted functions apart. */
export const perfNodeFlags = ["--perf-basic-prof", "--interpreted-frames-native-stack"];

export async function perfWorks(): Promise<boolean> {
  const flags = ["record", "-q", "-e", "cpu-clock", "-g", "-o", "/dev/null", "--", "true"];
  return run("perf", flags).then(
    () => true,
    () => false,
  );
}

export class PerfRecording {
  readonly #child: ChildProcess;
  readonly #pid: number;
  readonly #file: string;

  constructor(pid: number, file: string) {
    this.#pid = pid;
    this.#file = file;
    const flags = ["-q", "-e", "cpu-clock", "-F", String(samplesPerSecond), "-g"];
    this.#child = spawn("perf", ["record", ...flags, "-p", String(pid), "-o", file], {
      stdio: ["ignore", "ignore", "ignore"],
    });
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGINT");
    await gone;
  }

  /** The map of compiled code is in /tmp, where perf looks for it; it goes when it was read. */
  async sums(places: Places): Promise<ProfileSums> {
    const map = `/tmp/perf-${this.#pid}.map`;
    const { stdout } = await run("perf", ["script", "-i", this.#file, "-F", "tid,ip,sym,dso"], {
      maxBuffer: 1 << 30,
    });
    const jit = new JitMap(map);
    await rm(map, { force: true });
    return sumPerfProfile({ script: stdout, pid: this.#pid, jit, places });
  }
}
