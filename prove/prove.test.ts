// Goal: no published event is lost, comes twice or out of order, whatever happens to connections, pages and servers;
// and each scenario bites: where npm socket.io is known to lose events, it does.
// Method: the scenarios of `npm run prove`, a few trials each. FAILURES S1 to S12.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SystemName } from "./harness/messages.ts";
import { runCell } from "./harness/run-cell.ts";
import { bundleProgram, type Program } from "./harness/server-process.ts";
import type { Cell } from "./harness/tally.ts";
import { scenarios } from "./scenarios/all.ts";
import type { Scenario } from "./scenarios/scenario.ts";

const trials = 3;
const seed = 1_000;

let program: Program | undefined;
beforeAll(async () => {
  program = await bundleProgram();
});
afterAll(() => program?.remove());

function run(
  scenario: Scenario,
  system: SystemName,
  transports: Scenario["transports"][number],
): Promise<Cell> {
  if (program === undefined) throw new Error("no program");
  const rest = { trials, seed, width: trials, store: "disk" as const, redis: undefined };
  return runCell({ program, scenario, system, transports, ...rest });
}

const rows = scenarios.flatMap((scenario) =>
  scenario.transports.map(
    (transports) =>
      [
        [scenario.id, ...scenario.failures].join(", "),
        scenario.what,
        transports.join(" → "),
        { scenario, transports },
      ] as const,
  ),
);

describe("holdfast loses nothing", () => {
  it.each(rows)("%s: %s, over %s", async (_id, _what, _over, { scenario, transports }) => {
    const cell = await run(scenario, "holdfast", transports);
    expect(cell.events).toBeGreaterThan(0);
    expect(cell).toMatchObject({ trials, lost: 0, duplicated: 0, outOfOrder: 0 });
  });
});

describe("the scenario bites: npm socket.io loses events", () => {
  const known = new Set(["S2", "S3", "S5", "S8", "S12"]);
  const biting = rows.filter(
    ([, , , { scenario, transports }]) =>
      known.has(scenario.id) && transports.at(-1) === "websocket",
  );
  it.each(biting)("%s: %s, over %s", async (_id, _what, _over, { scenario, transports }) => {
    const cell = await run(scenario, "socket.io", transports);
    expect(cell.lost).toBeGreaterThan(0);
    expect(cell.trialsWithLoss).toBe(trials);
  });
});
