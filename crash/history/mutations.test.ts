/**
 * Goal: nothing that is wrong in a history escapes the checker. Method: one line of a good history is dropped, doubled,
 * exchanged with another of its kind, or changed; every such history must be found, whatever the line.
 *
 * Left out is only what makes no wrong history: a marker less allows less, a repeated `connect` of faults says nothing.
 */
import { describe, expect, it } from "vitest";
import { type Chance, seeded } from "../../conformance/behaviour/upgrade/seeded.ts";
import { checkHistory } from "./checker.ts";
import type { Line } from "./lines.ts";
import { synthesizeHistory } from "./synthesize.ts";

/** Makes a wrong history out of a good one at a line; undefined when it would not be wrong there. */
type Mutation = (lines: readonly Line[], index: number, chance: Chance) => Line[] | undefined;

const promised = new Set<Line["kind"]>(["invoke", "ok", "fail", "info", "deliver", "entry"]);

const drop: Mutation = (lines, index) => {
  const line = lines[index];
  if (line === undefined || !promised.has(line.kind)) return undefined;
  // What came twice may as well have come once.
  if (line.kind === "deliver" && deliveriesLike(lines, line) > 1) return undefined;
  // What nobody was told of and nobody saw may as well not be there.
  if (line.kind === "entry" && tracesOf(lines, line).unknown && !isSeen(lines, line.mid)) {
    return undefined;
  }
  return lines.toSpliced(index, 1);
};

const duplicate: Mutation = (lines, index) => {
  const line = lines[index];
  return line !== undefined && promised.has(line.kind)
    ? lines.toSpliced(index, 0, line)
    : undefined;
};

/** Exchanges what two lines of one writer and kind say; the times stay where they were. */
const swap: Mutation = (lines, index) => {
  const line = lines[index];
  if (line?.kind !== "deliver" && line?.kind !== "entry") return undefined;
  const other = lines.findIndex((later, i) => i > index && sameWriter(line, later));
  const partner = lines[other];
  if (partner === undefined || midOf(line) === midOf(partner)) return undefined;
  return lines.with(index, { ...partner, at: line.at }).with(other, { ...line, at: partner.at });
};

function sameWriter(a: Line, b: Line): boolean {
  if (a.kind === "entry") return b.kind === "entry";
  return (
    a.kind === "deliver" &&
    b.kind === "deliver" &&
    a.client === b.client &&
    a.connection === b.connection
  );
}

function midOf(line: Line): string | undefined {
  return "mid" in line ? line.mid : undefined;
}

/** Every field that says something, given another value. */
const alter: Mutation = (lines, index, chance) => {
  const line = lines[index];
  if (line === undefined || !promised.has(line.kind)) return undefined;
  // Nobody is held to the wording of these, or to who it was.
  const free = ["at", "kind", "publisher", "code", "why", "trailing", "except"];
  const traces = tracesOf(lines, line);
  if (!traces.effect) return undefined;
  if (traces.unknown) free.push("position", "duplicate");
  // An attempt without an answer may have been one for anything, and a room without anybody any room.
  if (line.kind === "invoke" && traces.unknown) free.push("mid");
  if (line.kind === "invoke" && !isSeen(lines, line.mid)) free.push("rooms");
  const fields = Object.keys(line).filter((name) => !free.includes(name));
  const [first, ...rest] = fields;
  if (first === undefined) return undefined;
  const field = chance.pick([first, ...rest]);
  const value: unknown = line[field as keyof Line];
  return lines.with(index, { ...line, [field]: other(value) } as Line);
};

/** Nobody can say where an event stood whose answer was lost, nor what one was that left no other trace. */
function tracesOf(lines: readonly Line[], line: Line): { unknown: boolean; effect: boolean } {
  if (line.kind !== "invoke" && line.kind !== "ok" && line.kind !== "entry") {
    return { unknown: false, effect: true };
  }
  const invokes = lines.filter((one) => one.kind === "invoke");
  const name = line.kind === "ok" ? invokes.find(({ op }) => op === line.op)?.mid : line.mid;
  const operations = invokes.filter(({ mid }) => mid === name).map(({ op }) => op);
  return {
    unknown: lines.some((one) => one.kind === "info" && operations.includes(one.op)),
    effect: lines.some((one) => one.kind === "entry" && one.mid === name),
  };
}

function other(value: unknown): unknown {
  if (typeof value === "number") return value - 1000;
  if (typeof value === "boolean") return !value;
  if (Array.isArray(value)) return ["another"];
  return `another ${value}`;
}

function deliveriesLike(lines: readonly Line[], { client, mid }: { client: string; mid: string }) {
  return lines.filter((one) => one.kind === "deliver" && one.client === client && one.mid === mid)
    .length;
}

function isSeen(lines: readonly Line[], mid: string): boolean {
  return lines.some((line) => line.kind === "deliver" && line.mid === mid);
}

const mutations: [name: string, mutate: Mutation][] = [
  ["dropped", drop],
  ["doubled", duplicate],
  ["exchanged with another", swap],
  ["changed", alter],
];

describe.each(mutations)("a line that is %s", (_name, mutate) => {
  it("is found", () => {
    let planted = 0;
    const missed: string[] = [];
    for (let seed = 1; seed <= 4; seed++) {
      const chance = seeded(seed);
      const lines = synthesizeHistory(chance, 200);
      for (let index = 0; index < lines.length; index++) {
        const mutant = mutate(lines, index, chance);
        if (mutant === undefined) continue;
        planted++;
        if (checkHistory(mutant).violations.length > 0) continue;
        const changed = mutant.find((line, i) => line !== lines[i]);
        missed.push(`seed ${seed}, ${JSON.stringify(lines[index])} -> ${JSON.stringify(changed)}`);
      }
    }
    console.log(`found ${planted - missed.length} of ${planted}`);
    expect(missed).toEqual([]);
    expect(planted).toBeGreaterThan(300);
  });
});
