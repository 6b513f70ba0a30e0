/**
 * Sums a V8 CPU profile.
 *
 * Its sampler is a thread of the profiled process. On a machine with few cores that thread tends to
 * get its turn when the main thread enters the kernel, so system calls look dearer than they are
 * (writev at 88 % where perf sees 41 %). Trust it for JavaScript against JavaScript; for shares use
 * perf.
 */
import type { CallFrame, Places } from "./places.ts";
import { add, type FunctionCost, ProfileSums } from "./sums.ts";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[];
}

export interface V8Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

function selfTimes({ samples, timeDeltas }: V8Profile): Map<number, number> {
  const self = new Map<number, number>();
  samples.forEach((id, index) => {
    self.set(id, (self.get(id) ?? 0) + Math.max(0, timeDeltas[index + 1] ?? 0));
  });
  return self;
}

export function sumV8Profile(profile: V8Profile, places: Places): ProfileSums {
  const sums = new ProfileSums();
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const self = selfTimes(profile);

  /** Answers the inclusive time. `path` holds the functions above, so recursion counts once. */
  const visit = (node: ProfileNode, path: readonly FunctionCost[]): number => {
    const selfUs = self.get(node.id) ?? 0;
    if (node.callFrame.functionName === "(idle)") {
      sums.idle += selfUs;
      return 0;
    }
    const cost = sums.costOf(places.of(node.callFrame));
    sums.addSelf(cost, selfUs, path.at(-1)?.place);
    addLines(sums, places, node, selfUs);

    let total = selfUs;
    const below = [...path, cost];
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) total += visit(child, below);
    }
    if (!path.includes(cost)) cost.total += total;
    return total;
  };

  const root = profile.nodes[0];
  if (root !== undefined) visit(root, []);
  return sums;
}

function addLines(sums: ProfileSums, places: Places, node: ProfileNode, selfUs: number): void {
  const { url } = node.callFrame;
  if (url === "" || url.startsWith("node:")) return;
  const ticks = node.positionTicks ?? [];
  const all = ticks.reduce((sum, tick) => sum + tick.ticks, 0);
  for (const { line, ticks: hits } of ticks) {
    // A tick knows its line only; the end of the line maps to a statement on it.
    const place = places.original(url, line - 1, 10_000);
    add(sums.lines, `${place.file}:${place.line}`, (selfUs * hits) / all);
  }
}
