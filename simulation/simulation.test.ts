/**
 * The short form of the simulation. Goal: every promise holds in every seed, a seed is always the same, and the
 * oracle sees what is lost. Method: as many seeds as fit into the time on two processors, from a fixed first one.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { bundle } from "./bundle.mjs";
import { faults } from "./faults.ts";
import { search } from "./plant.ts";
import { wideFaults } from "./wide-faults.ts";
import { runWorker, sum, workerCount } from "./workers.ts";

/** Both campaigns, the planted faults and plain Socket.IO take three minutes together. */
const campaigns = [
  // A free machine with two processors runs all of them, a busy one not a tenth. Fewer than the least would say little.
  { name: "first", words: [], seconds: 120, seedsMin: 300, seedsMax: 20_000 },
  {
    name: "wide",
    words: ["--wide"],
    seconds: 45,
    seedsMin: 100,
    seedsMax: 1_900,
  },
];

/** Of each kind one that is found soon. */
const sampledFaults = [
  "an entry is sent before its commit",
  "a leave takes what was emitted before it",
  "a commit is told before it is flushed",
  "the answer of a handler with once is not kept",
  "a drain takes nothing any more from the beginning",
  "what follows a join does not wait for the older events",
];

const program = await bundle({ entry: "main.mjs" });

it.each(campaigns)("keeps every promise in every seed: $name", async (campaign) => {
  const { name, words, seconds, seedsMin, seedsMax } = campaign;
  const workers = Array.from({ length: workerCount }, (_, index) =>
    runWorker(program, [
      `--from=${1 + index}`,
      `--step=${workerCount}`,
      `--seeds=${seedsMax / workerCount}`,
      `--budget-ms=${seconds * 1000}`,
      ...words,
    ]),
  );
  const figures = sum(await Promise.all(workers));
  const hours = (figures.virtualMs / 3_600_000).toFixed(0);
  console.log(
    `simulation, ${name}: ${figures.seeds} of ${seedsMax} seeds in ${seconds} s at most, ${figures.repeated} of them twice, ${figures.steps} steps, ` +
      `${figures.deliveries} deliveries, ${hours} virtual hours, ${figures.found.length} violations`,
  );
  expect(figures.found.slice(0, 20)).toEqual([]);
  expect(figures.seeds).toBeGreaterThan(seedsMin);
});

/** Otherwise the long search for them ends at the first one whose code has changed. */
it("knows the code that each planted fault changes", () => {
  const astray = [...faults, ...wideFaults].filter(
    ({ file, code }) => readFileSync(file, "utf8").split(code).length !== 2,
  );
  expect(astray.map(({ what }) => what)).toEqual([]);
});

/**
 * Goal: the checks see what they are there for. Method: some of the faults that `npm run mutate:simulation` plants, one
 * after the other; each shows within few seeds.
 */
it("finds faults that are planted", async () => {
  const all = [...faults, ...wideFaults];
  const queue = sampledFaults.map((what) => all.findIndex((fault) => fault.what === what));
  const missed: string[] = [];
  const work = async (): Promise<void> => {
    for (let number = queue.shift(); number !== undefined; number = queue.shift()) {
      const fault = all[number];
      if (fault === undefined) throw new Error("no such fault");
      const { found } = await search(bundle, fault, { number, seeds: 500 });
      if (found === undefined) missed.push(fault.what);
    }
  };
  await Promise.all(Array.from({ length: workerCount }, work));
  expect(missed).toEqual([]);
});

it("sees what plain Socket.IO loses", async () => {
  const { found } = await runWorker(program, ["--store=none", "--strict", "--seeds=100"]);
  expect(found.length).toBeGreaterThan(20);
  expect(found.map(({ invariant }) => invariant)).toContain("I8 resume");
});

it("holds for plain Socket.IO what that promises", async () => {
  const { found } = await runWorker(program, ["--store=none", "--seeds=500"]);
  expect(found).toEqual([]);
});
