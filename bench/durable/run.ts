/**
 * The bench of the durable part: `node bench/run.mjs --durable`. Sections are measured one after the other in every
 * repetition, everybody in a section interleaved, each on fresh processes and in a folder of its own.
 *
 * Prints a table, keeps it in `bench/results/` and in the README when the run was the full one (else in `bench/build/`),
 * and exits 1 when anything was lost, wrong or not measured, or, with `--check`, when a goal is not reached.
 */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { compileLoadgen } from "../harness/compile-loadgen.ts";
import { findHoldfast } from "../harness/holdfast-module.ts";
import { versionOf } from "../harness/peers.ts";
import { short } from "../harness/statistics.ts";
import { countFlushesOfAll } from "./flush-counts.ts";
import { goalsOf, verdictOf } from "./goals.ts";
import { measureLatency } from "./latency.ts";
import { findModules } from "./modules.ts";
import { measurePublishing } from "./publishing.ts";
import { updateReadme } from "./readme.ts";
import { measureRecovery } from "./recovery.ts";
import { type DurableRecord, markdownOf, readmeBlockOf } from "./report.ts";
import { measureResume } from "./resume-storm.ts";
import { type DurableRun, type Sample, Samples } from "./sample.ts";
import { type DurableSettings, readDurableSettings, type SectionName } from "./settings.ts";
import { touchMemory } from "./touch-memory.ts";
import { measureWorkloads } from "./workloads.ts";

export interface DurableOptions {
  readonly benchFolder: string;
  readonly words: readonly string[];
}

/**
 * In how many repetitions a section is measured at most. Once is enough to count, and for how long a journal takes to
 * open; a ratio of two server processes scatters the most.
 */
const repetitionsMax: Readonly<Record<SectionName, number>> = {
  publish: 3,
  latency: 3,
  workloads: Number.POSITIVE_INFINITY,
  resume: 3,
  recovery: 1,
  flushes: 1,
};

export async function runDurable({ benchFolder, words }: DurableOptions): Promise<number> {
  const settings = readDurableSettings(words);
  const started = Date.now();
  const loadBefore = loadavg();
  const loadgen = await compileLoadgen(benchFolder);
  const ours = await findHoldfast(benchFolder);
  const modules = await findModules(benchFolder, ours);
  console.log(`holdfast: ${ours.description}`);
  console.log(`${await touchMemory()} MiB of memory were used once`);

  const folder = await mkdtemp(join(settings.folder ?? tmpdir(), "holdfast-bench-"));
  const samples: Sample[] = [];
  const run = { benchFolder, loadgen, modules, folder, ...timesOf(settings) };
  try {
    for (let repetition = 0; repetition < settings.repetitions; repetition++) {
      const record = (sample: Omit<Sample, "repetition">) => {
        samples.push({ ...sample, repetition });
        console.log(lineOf({ ...sample, repetition }));
      };
      const inTime = () => Date.now() - started < settings.minutes * 60_000;
      await measureAll({ ...run, repetition, record }, settings, inTime);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }

  return conclude(benchFolder, settings, {
    startedAt: new Date(started).toISOString().slice(0, 16).replace("T", " "),
    minutes: (Date.now() - started) / 60_000,
    command: ["node bench/run.mjs --durable", ...words].join(" "),
    machine: `${cpus().length} x ${cpus()[0]?.model ?? "unknown CPU"}, Linux, loopback`,
    loadBefore,
    loadAfter: loadavg(),
    versions: versionsOf(benchFolder, ours.description),
    repetitions: settings.repetitions,
    samples,
  });
}

function timesOf({ quick }: DurableSettings) {
  return { quick, warmupMs: quick ? 300 : 600, measureMs: quick ? 500 : 1200 };
}

async function measureAll(
  run: DurableRun,
  settings: DurableSettings,
  inTime: () => boolean,
): Promise<void> {
  const sections: Record<SectionName, () => Promise<void>> = {
    publish: () => measurePublishing(run),
    latency: () => measureLatency(run),
    workloads: () => measureWorkloads(run, settings.workloads),
    resume: () => measureResume(run),
    recovery: () => measureRecovery(run),
    flushes: () => countFlushesOfAll(run),
  };
  for (const name of settings.sections) {
    if (run.repetition >= repetitionsMax[name]) continue;
    if (!inTime()) {
      console.log(`${run.repetition + 1} ${name}: not begun, ${settings.minutes} minutes are over`);
      continue;
    }
    await sections[name]();
    // What was kept is not needed any more, and there is a lot of it.
    for (const kept of await readdir(run.folder)) {
      await rm(join(run.folder, kept), { recursive: true, force: true });
    }
  }
}

function lineOf({ repetition, section, row, setting, failure, values }: Sample): string {
  const head = `${repetition + 1} ${section} ${setting} ${row}:`;
  if (failure !== undefined) return `${head} no figure: ${failure}`;
  const figures = Object.entries(values).map(([name, value]) => `${name} ${short(value)}`);
  return `${head} ${figures.join(", ")}`;
}

function versionsOf(benchFolder: string, ours: string): Record<string, string> {
  const word = (command: string, pattern: RegExp) => {
    try {
      return pattern.exec(execFileSync(command, ["--version"], { encoding: "utf8" }))?.[1];
    } catch {
      return undefined;
    }
  };
  return {
    node: process.version,
    "socket.io": versionOf("socket.io", benchFolder) ?? "",
    redis: word("redis-server", /v=([\d.]+)/) ?? "none",
    nats: word("nats-server", /v([\d.]+)/) ?? "none",
    holdfast: `${versionOf("holdfast", benchFolder) ?? ""} (${ours})`,
  };
}

async function conclude(
  benchFolder: string,
  settings: DurableSettings,
  record: DurableRecord,
): Promise<number> {
  const markdown = markdownOf(record);
  const keep = settings.full || settings.write;
  const folder = join(benchFolder, keep ? "results" : "build");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "durable.md"), markdown);
  await writeFile(join(folder, "durable.json"), `${JSON.stringify(record, null, 1)}\n`);
  if (keep) await updateReadme(join(benchFolder, "..", "README.md"), readmeBlockOf(record));
  console.log(`\n${markdown}\nwritten: ${join(folder, "durable.md")}`);

  const failures = record.samples.filter((sample) => sample.failure !== undefined);
  const missed = goalsOf(new Samples(record.samples)).filter(
    (goal) => !["goal", "floor"].includes(verdictOf(goal)),
  );
  if (settings.check) for (const { what } of missed) console.error(`not reached: ${what}`);
  return failures.length > 0 || (settings.check && missed.length > 0) ? 1 : 0;
}
