/**
 * `npm run prove`: how peers lose events, and that ours does not, in one run.
 *
 *   TRIALS=100 npm run prove                    so many trials in each cell (default 20)
 *   npm run prove -- --only S2,S12              these scenarios
 *   npm run prove -- --systems socket.io        one system only
 *   npm run prove -- --seed 7                   other chances
 *   npm run prove -- --store memory             Holdfast without a disk: a killed server forgets
 *   npm run prove -- --update                   writes results/latest.md and the table in README.md
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { startRedis } from "../conformance/third-party/redis-server.ts";
import type { SystemName } from "./harness/messages.ts";
import { complaints, fullTable, notes, type Row, shortTable } from "./harness/report.ts";
import { runCell } from "./harness/run-cell.ts";
import { bundleProgram } from "./harness/server-process.ts";
import type { TransportName } from "./harness/stage.ts";
import type { Cell } from "./harness/tally.ts";
import { scenarios } from "./scenarios/all.ts";
import type { Scenario } from "./scenarios/scenario.ts";

const systemNames: readonly SystemName[] = ["socket.io", "holdfast"];
/** Trials wait for reconnects most of the time. */
const width = 4;

interface Run {
  readonly rows: readonly Row[];
  readonly trials: number;
  readonly seed: number;
  readonly seconds: number;
}

type RunOne = (
  scenario: Scenario,
  system: SystemName,
  transports: readonly TransportName[],
) => Promise<Cell | string>;

async function runAll(chosen: readonly Scenario[], runOne: RunOne): Promise<Row[]> {
  const rows: Row[] = [];
  for (const scenario of chosen) {
    for (const transports of scenario.transports) {
      const cells = {
        "socket.io": await runOne(scenario, "socket.io", transports),
        holdfast: await runOne(scenario, "holdfast", transports),
      };
      const row = { scenario, transports, cells };
      rows.push(row);
      for (const line of fullTable([row]).split("\n").slice(2)) console.log(line);
    }
  }
  return rows;
}

function page({ rows, trials, seed, seconds }: Run): string {
  const machine = `${cpus().length} cores, Node ${process.version}`;
  return `# Events lost, twice, or out of order

${trials} trials in each cell, seed ${seed}, ${Math.round(seconds)} s in all; ${machine}. npm socket.io 4.8.4 with connection state recovery on; Holdfast
with the same options and a store on disk; the client is socket.io-client 4.8.4, unmodified, behind a proxy that is a bad network. Every event
has a number, and is counted at the client that it was for. Again: \`npm run prove -- --update\`.

${fullTable(rows)}

\`recovered\`: of how many reconnects the client says so. What the servers do not do alike:

${notes(rows)}
`;
}

function updateReadme(rows: readonly Row[]): void {
  const begin = "<!-- prove:start -->";
  const end = "<!-- prove:end -->";
  const readme = readFileSync("README.md", "utf8");
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`README.md has no ${begin} … ${end}`);
  const head = readme.slice(0, from + begin.length);
  writeFileSync("README.md", `${head}\n${shortTable(rows)}\n${readme.slice(to)}`);
}

function chosenScenarios(only: string | undefined): readonly Scenario[] {
  if (only === undefined) return scenarios;
  const ids = only.split(",");
  const unknown = ids.filter((id) => !scenarios.some((scenario) => scenario.id === id));
  if (unknown.length > 0) throw new Error(`--only: no scenario ${unknown.join()}`);
  return scenarios.filter(({ id }) => ids.includes(id));
}

function storeOf(word: string): "disk" | "memory" {
  if (word === "disk" || word === "memory") return word;
  throw new Error("--store: expected disk or memory");
}

export async function prove(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      systems: { type: "string", default: systemNames.join() },
      seed: { type: "string", default: "1" },
      store: { type: "string", default: "disk" },
      update: { type: "boolean", default: false },
    },
  });
  const trials = Number(process.env["TRIALS"] ?? 20);
  if (!Number.isInteger(trials) || trials < 1) throw new Error("TRIALS: expected a whole number");
  const seed = Number(values.seed);
  const store = storeOf(values.store);
  const systems = values.systems.split(",");
  const begin = performance.now();
  const chosen = chosenScenarios(values.only);
  const redis = chosen.some(({ nodes }) => nodes !== undefined) ? await startRedis() : undefined;
  const program = await bundleProgram();
  try {
    const rows = await runAll(chosen, async (scenario, system, transports) => {
      if (!systems.includes(system)) return "not run";
      const cell = { program, scenario, system, transports, trials, seed, width, store };
      return runCell({ ...cell, redis: redis?.path }).catch((error: unknown) => {
        console.error(error);
        return "failed";
      });
    });
    const seconds = (performance.now() - begin) / 1000;
    const text = page({ rows, trials, seed, seconds });
    console.log(`\n${text}`);
    if (values.update) {
      mkdirSync("prove/results", { recursive: true });
      writeFileSync("prove/results/latest.md", text);
      updateReadme(rows);
    }
    const wrong = systems.includes("holdfast") ? complaints(rows) : [];
    for (const complaint of wrong) console.error(`NOT HELD ${complaint}`);
    if (wrong.length > 0 || text.includes("| failed |")) process.exitCode = 1;
  } finally {
    program.remove();
    await redis?.stop();
  }
}
