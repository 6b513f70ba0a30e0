/** Prints the sums of a profile: shares of busy time and microseconds per unit of work. */
import { add, type FunctionCost, type ProfileSums } from "./sums.ts";

export interface ShowOptions {
  readonly unit: string;
  /** Server CPU per unit, profiler included. */
  readonly costUs: number;
  readonly top: number;
}

type Row = readonly [label: string, cost: number];

export function showSums(sums: ProfileSums, options: ShowOptions): string {
  const { top } = options;
  const cells = (cost: number) => {
    const share = cost / sums.busy;
    const perUnit = share * options.costUs;
    return `${(share * 100).toFixed(1).padStart(5)} %  ${perUnit.toFixed(perUnit < 1 ? 3 : 2).padStart(8)}`;
  };
  const section = (title: string, rows: readonly Row[]) => {
    if (rows.length === 0) return [];
    const head = `${title}  (share of the CPU time, us per ${options.unit})`;
    return ["", head, ...rows.map(([label, cost]) => `  ${cells(cost)}  ${label}`)];
  };
  const ranked = (map: ReadonlyMap<string, number>, count: number): Row[] =>
    [...map].sort((a, b) => b[1] - a[1]).slice(0, count);
  const labelOf = ({ place }: FunctionCost) => `${place.name}  ${place.at}`.trimEnd();
  const bySelf = [...sums.functions].sort((a, b) => b.self - a.self).slice(0, top);
  const byTotal = [...sums.functions]
    .filter(({ place }) => place.name !== "(root)")
    .sort((a, b) => b.total - a.total)
    .slice(0, top);
  const native = bySelf.filter(({ place, callers }) => place.at === "" && callers.size > 0);

  return [
    ...section("Groups", ranked(sums.groups, 20)),
    ...section("Files", ranked(sums.files, 15)),
    ...section(
      "Functions by self time",
      bySelf.map((cost): Row => [labelOf(cost), cost.self]),
    ),
    ...section(
      "Functions by total time",
      byTotal.map((cost): Row => [labelOf(cost), cost.total]),
    ),
    ...section(
      "Who calls the native functions",
      native.flatMap((cost) =>
        ranked(cost.callers, 3).map(
          ([caller, amount]): Row => [`${cost.place.name} <- ${caller}`, amount],
        ),
      ),
    ),
    ...section(
      "JavaScript by the native code and kernel time it causes",
      ranked(causesOf(sums), 15),
    ),
    ...section("Lines", ranked(sums.lines, 15)),
  ].join("\n");
}

/** All native code together, by the JavaScript function nearest above it. */
function causesOf(sums: ProfileSums): Map<string, number> {
  const causes = new Map<string, number>();
  for (const { place, callers } of sums.functions) {
    if (place.at !== "") continue;
    for (const [caller, amount] of callers) add(causes, caller, amount);
  }
  return causes;
}
