/** The command line of the planted faults: see mutate.mjs. */
import { parseArgs } from "node:util";
import { faults as firstFaults } from "./faults.ts";
import { type Bundle, type Search, search } from "./plant.ts";
import { wideFaults } from "./wide-faults.ts";
import { workerCount } from "./workers.ts";

const faults = [...firstFaults, ...wideFaults];

export async function mutate(words: readonly string[], bundle: Bundle): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seeds: { type: "string", default: "20000" },
      only: { type: "string", default: "" },
      part: { type: "string", default: "1/1" },
    },
  });
  const [part = 1, parts = 1] = values.part.split("/").map(Number);
  const chosen = faults
    .map((fault, number) => ({ fault, number }))
    .filter(({ fault, number }) => fault.what.includes(values.only) && number % parts === part - 1);
  const results: Search[] = [];
  const queue = [...chosen];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const result = await search(bundle, next.fault, {
        number: next.number,
        seeds: Number(values.seeds),
      });
      results.push(result);
      const { found, seeds, fault } = result;
      console.log(
        found === undefined
          ? `MISSED in ${seeds} seeds: ${fault.what}`
          : `seed ${found.seed}: ${fault.what}  <-  ${found.message.split("\n")[0]?.slice(0, 80)}`,
      );
    }
  };
  await Promise.all(Array.from({ length: workerCount }, work));
  const missed = results.filter(({ found }) => found === undefined);
  console.log(`${results.length} faults planted, ${missed.length} missed`);
  return missed.length === 0 ? 0 : 1;
}
