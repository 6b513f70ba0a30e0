/**
 * Versions of ours side by side under one workload: is a change worth its code?
 *
 * The servers of all versions are up at once, each under its own load, and the loads take turns, short ones, so that what
 * else the machine does meets all of them. What differs from process to process (which code was compiled when, where
 * memory lies) is met by several generations of fresh processes. Ratios are formed within a generation, from the medians
 * of its turns.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { countOf } from "./harness/command-line.ts";
import { compileLoadgen } from "./harness/compile-loadgen.ts";
import { bundleSources } from "./harness/holdfast-module.ts";
import { LoadInTurns } from "./harness/load-generator.ts";
import { PeerProcess } from "./harness/peer-process.ts";
import { isPeerName, type PeerName } from "./harness/peers.ts";
import { short, showSpread, spreadOf } from "./harness/statistics.ts";
import { workloads } from "./workloads/all.ts";
import type { Workload } from "./workloads/workload.ts";

/** A load that can rest while others have their turns. */
const comparable = workloads.filter(({ load }) => load !== undefined);

/** The first turn begins behind a warm-up; each settles before it is measured. */
const times = { warmupMs: 3000, settleMs: 150, measureMs: 400 };

const usage = `node bench/compare.mjs <workload> [--generations 3] [--rounds 20] <version> <version> ...
  workload: ${comparable.map(({ id }) => id).join(", ")}
  version: <name>=<folder of a checkout, or bundle.cjs>[=memory | =disk] for ours, with a store if it says so; or the name of a peer.
  Each has its own name. The first is the one that the others are compared with.`;

interface Version {
  readonly name: string;
  readonly peer: PeerName;
  readonly module: string | undefined;
  readonly store: "memory" | "disk" | undefined;
}

interface Words {
  readonly workload: Workload;
  readonly generations: number;
  readonly rounds: number;
  readonly versions: readonly string[];
}

function readWords(words: readonly string[]): Words {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      generations: { type: "string", default: "3" },
      rounds: { type: "string", default: "20" },
    },
  });
  const [id, ...versions] = positionals;
  const workload = comparable.find((one) => one.id === id);
  // A bundle is named after its version: two of one name would be one.
  const names = new Set(versions.map((word) => word.split("=")[0]));
  if (workload === undefined || versions.length < 2 || names.size < versions.length)
    throw new Error(usage);
  return {
    workload,
    generations: countOf("generations", values.generations),
    rounds: countOf("rounds", values.rounds),
    versions,
  };
}

async function readVersion(benchFolder: string, word: string): Promise<Version> {
  const [name = "", folder, store] = word.split("=");
  if (folder === undefined) {
    if (!isPeerName(name)) throw new Error(usage);
    return { name, peer: name, module: undefined, store: undefined };
  }
  if (store !== undefined && store !== "memory" && store !== "disk") throw new Error(usage);
  const built = folder.endsWith(".cjs");
  const file = built ? resolve(folder) : join(benchFolder, "build", `version-${name}.cjs`);
  if (!built) await bundleSources(resolve(folder, "packages"), file);
  return { name, peer: "holdfast", module: file, store };
}

async function startAll(
  benchFolder: string,
  versions: readonly Version[],
  scratch: string,
): Promise<PeerProcess[]> {
  return Promise.all(
    versions.map(async ({ peer, module, store }) =>
      PeerProcess.start({
        benchFolder,
        name: peer,
        holdfastModule: module,
        ...(store && {
          serverOptions: { store: store === "disk" ? await mkdtemp(join(scratch, "d-")) : store },
        }),
      }),
    ),
  );
}

export interface CompareOptions {
  readonly benchFolder: string;
  readonly words: readonly string[];
}

export async function compare({ benchFolder, words }: CompareOptions): Promise<number> {
  const { workload, generations, rounds, versions: named } = readWords(words);
  const loadgen = await compileLoadgen(benchFolder);
  const versions = await Promise.all(named.map((word) => readVersion(benchFolder, word)));
  const immediateAcks = versions.some(({ store }) => store !== undefined);
  const ratios = versions.map((): number[] => []);
  for (let generation = 0; generation < generations; generation += 1) {
    const scratch = await mkdtemp(join(tmpdir(), "holdfast-compare-"));
    const servers = await startAll(benchFolder, versions, scratch);
    const costs = versions.map((): number[] => []);
    const loads: LoadInTurns[] = [];
    try {
      for (const server of servers) {
        const options = workload.load?.(server, { loadgen, quick: true, ...times, immediateAcks });
        if (options !== undefined) loads.push(await LoadInTurns.start(options));
      }
      for (let round = 0; round < rounds; round += 1) {
        for (let turn = 0; turn < loads.length; turn += 1) {
          const at = (turn + round) % loads.length;
          const taken = await loads[at]?.turn();
          if (taken !== undefined) {
            costs[at]?.push((taken.serverCpuSeconds * 1e6) / taken.delivered);
          }
        }
      }
      for (const load of loads) await load.end();
    } finally {
      await Promise.all(loads.map((load) => load.kill()));
      await Promise.all(servers.map((server) => server.end()));
      await rm(scratch, { recursive: true, force: true });
    }
    const medians = costs.map((of) => spreadOf(of)?.median ?? Number.NaN);
    const [reference = Number.NaN] = medians;
    for (const [at, median] of medians.entries()) ratios[at]?.push(reference / median);
    const figures = versions.map(({ name }, at) => `${name} ${short(medians[at] ?? 0)}`);
    console.log(`generation ${generation + 1}: ${figures.join(", ")} us per ${workload.unit}`);
  }
  for (const [at, { name }] of versions.entries()) {
    console.log(`${versions[0]?.name} / ${name}: ${showSpread(spreadOf(ratios[at] ?? []))}`);
  }
  return 0;
}
