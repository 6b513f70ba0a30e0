/** One cell of the table: so many trials of one scenario on one system over one transport. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seeded } from "../../conformance/security/seeded.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import type { ServerSetup, SystemName } from "./messages.ts";
import { type Program, ServerProcess } from "./server-process.ts";
import { Stage, type TransportName } from "./stage.ts";
import { type Cell, sum, type Tally } from "./tally.ts";

export interface CellSetup {
  readonly program: Program;
  readonly scenario: Scenario;
  readonly system: SystemName;
  readonly transports: readonly TransportName[];
  readonly trials: number;
  readonly seed: number;
  /** How many trials take place at the same time. */
  readonly width: number;
  /** Where Holdfast keeps its journal. */
  readonly store: "disk" | "memory";
  /** Where a Redis listens, for scenarios with several nodes. */
  readonly redis: string | undefined;
}

/** Servers that share a store folder, which goes with them. */
class Servers {
  readonly setup: ServerSetup;
  readonly nodes: readonly ServerProcess[];
  readonly #folder: string | undefined;

  private constructor(
    setup: ServerSetup,
    nodes: readonly ServerProcess[],
    folder: string | undefined,
  ) {
    this.setup = setup;
    this.nodes = nodes;
    this.#folder = folder;
  }

  static async start(cell: CellSetup): Promise<Servers> {
    const { program, scenario, system, redis } = cell;
    const durable = system === "holdfast";
    const folder =
      durable && cell.store === "disk"
        ? await mkdtemp(join(tmpdir(), "holdfast-prove-"))
        : undefined;
    const count = scenario.nodes?.(system) ?? 1;
    const setup: ServerSetup = {
      system,
      ...(durable ? { store: folder ?? "memory" } : {}),
      ...(count > 1 && redis !== undefined ? { redis } : {}),
      ...scenario.setup?.[system],
    };
    const nodes: ServerProcess[] = [];
    for (let node = 0; node < count; node++) nodes.push(await ServerProcess.start(program, setup));
    return new Servers(setup, nodes, folder);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }
}

async function runTrial(cell: CellSetup, servers: Servers, trial: number): Promise<Tally> {
  const { program, scenario, transports, seed } = cell;
  const stage = await Stage.open({
    program,
    server: servers.setup,
    nodes: servers.nodes,
    transports,
    room: `${scenario.id} ${trial}`,
    random: seeded(seed * 1_000 + trial),
  });
  try {
    return await scenario.trial(stage);
  } catch (error) {
    const where = `${scenario.id} on ${cell.system} over ${transports.join("+")}`;
    throw new Error(`${where}, seed ${seed}, trial ${trial}: ${String(error)}`, { cause: error });
  } finally {
    await stage.close();
  }
}

/** Runs the trials; rejects with the first that did not come to its end, after all others have. */
export async function runCell(cell: CellSetup): Promise<Cell> {
  const own = cell.scenario.ownServer === true;
  const shared = own ? undefined : await Servers.start(cell);
  const tallies: Tally[] = [];
  let next = 0;
  const worker = async () => {
    while (next < cell.trials) {
      const trial = next++;
      const servers = shared ?? (await Servers.start(cell));
      try {
        tallies.push(await runTrial(cell, servers, trial));
      } finally {
        if (own) await servers.stop();
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: cell.width }, worker));
  await shared?.stop();
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return sum(tallies);
}
