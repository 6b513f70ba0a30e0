/** What a history was found to be: figures, and what broke which invariant of docs/guide/guarantees.md where. */
import type { Line } from "./lines.ts";

/** The invariants that a history can show to be broken; `history` is a history that no run can have written. */
export type Rule =
  | "I1"
  | "I2"
  | "I3"
  | "I4"
  | "I5"
  | "I6"
  | "I7"
  | "I8"
  | "I9"
  | "I10"
  | "I11"
  | "I12"
  | "I18"
  | "I20"
  | "history";

const meanings: Readonly<Record<Rule, string>> = {
  I1: "an acknowledged event is in the journal",
  I2: "what was refused has no effect",
  I3: "an event has one effect",
  I4: "the order of the journal is the order of time",
  I5: "a position keeps its event, an event its content",
  I6: "what is delivered is in the journal",
  I7: "a connection gets its events in order, without a hole",
  I8: "a session gets every event that is for it",
  I9: "nothing is repeated that the client said it has",
  I10: "what a gap names is gone",
  I11: "nothing comes on a connection that was taken over",
  I12: "a result claims the class that was promised",
  I18: "every publish ends, once",
  I20: "nobody gets what is not for him",
  history: "the history is one that can have been written",
};

export interface Violation {
  readonly rule: Rule;
  readonly message: string;
  /** Index into the lines. */
  readonly line: number;
}

export interface Figures {
  published: number;
  acked: number;
  refused: number;
  unknown: number;
  delivered: number;
  kills: number;
  gaps: number;
  /** Deliveries that were had before and may be: after a client's last position. */
  repeated: number;
  /** Zero, all of these. */
  lost: number;
  duplicated: number;
  outOfOrder: number;
  phantom: number;
  silentGaps: number;
  other: number;
}

export class Verdict {
  readonly figures: Figures = {
    published: 0,
    acked: 0,
    refused: 0,
    unknown: 0,
    delivered: 0,
    kills: 0,
    gaps: 0,
    repeated: 0,
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    phantom: 0,
    silentGaps: 0,
    other: 0,
  };
  readonly violations: Violation[] = [];

  /** @param counted the figure it counts in */
  complain(rule: Rule, line: number, counted: keyof Figures, message: string): void {
    this.figures[counted]++;
    this.violations.push({ rule, line, message });
  }

  /** The one that comes first in the history. */
  get first(): Violation | undefined {
    return this.violations.reduce<Violation | undefined>(
      (least, one) => (least === undefined || one.line < least.line ? one : least),
      undefined,
    );
  }
}

const linesAround = 10;

/** The first violation with the twenty lines around it, for people. Empty when there is none. */
export function describeFirst(verdict: Verdict, lines: readonly Line[]): string {
  const { first } = verdict;
  if (first === undefined) return "";
  const from = Math.max(0, first.line - linesAround);
  const around = lines.slice(from, first.line + linesAround + 1).map((line, i) => {
    const mark = from + i === first.line ? ">" : " ";
    return `${mark} ${from + i}: ${JSON.stringify(line)}`;
  });
  const count = verdict.violations.length;
  return [
    `${first.rule} (${meanings[first.rule]}) is broken in line ${first.line}: ${first.message}`,
    `the first of ${count} violations: ${tally(verdict)}`,
    ...around,
  ].join("\n");
}

function tally({ violations }: Verdict): string {
  const counts = new Map<string, number>();
  for (const { rule } of violations) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return [...counts].map(([rule, count]) => `${rule} ${count}`).join(", ");
}

/** The figures in one line. */
export function describeFigures(figures: Figures): string {
  return [
    `${figures.kills} kills`,
    `${figures.acked} acked`,
    `${figures.delivered} delivered`,
    `${figures.refused} refused`,
    `${figures.unknown} unknown`,
    `${figures.repeated} allowed repeats`,
    `lost ${figures.lost}`,
    `dup ${figures.duplicated}`,
    `ooo ${figures.outOfOrder}`,
    `phantom ${figures.phantom}`,
    `silent gaps ${figures.silentGaps}`,
    `other ${figures.other}`,
  ].join(", ");
}
