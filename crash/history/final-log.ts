/**
 * The journal of one stream as it was read in the end: the order that everything else is held against.
 *
 * When an entry was committed is not seen from outside, but bounded: not before any entry up to it was asked for, and
 * not after any entry from it on was acknowledged.
 */
import type { EntryLine } from "./lines.ts";
import type { Published } from "./publishes.ts";
import type { Verdict } from "./verdict.ts";

export interface LogEntry {
  readonly index: number;
  readonly offset: number;
  readonly hash: string;
  readonly published: Published;
  /** Committed after this… */
  readonly after: number;
  /** …and before this. */
  before: number;
}

export class FinalLog {
  readonly entries: LogEntry[] = [];
  readonly byMid = new Map<string, LogEntry>();
  readonly #verdict: Verdict;
  #lastOffset = -1;
  #after = Number.NEGATIVE_INFINITY;

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  add(line: EntryLine, lineIndex: number, published: Published | undefined): void {
    const { mid, offset, position, hash } = line;
    const complain = (...args: [rule: "I2" | "I3" | "I4" | "I5" | "I6", what: string]) => {
      const figure = args[0] === "I3" ? "duplicated" : args[0] === "I4" ? "outOfOrder" : "phantom";
      this.#verdict.complain(args[0], lineIndex, figure, args[1]);
    };
    if (offset <= this.#lastOffset) complain("I4", `offset ${offset} follows ${this.#lastOffset}`);
    this.#lastOffset = offset;
    if (published === undefined || published.stream !== line.stream) {
      complain("I6", `nobody published ${mid} here`);
      return;
    }
    if (this.byMid.has(mid)) {
      complain("I3", `${mid} is in the journal twice`);
      return;
    }
    if (published.hash !== hash) complain("I5", `${mid} has another content`);
    if (published.ackedLine < 0 && !published.unknown) complain("I2", `${mid} was refused`);
    if (published.position !== undefined && published.position !== position) {
      complain("I5", `${mid} was acknowledged at ${published.position}, and is at ${position}`);
    }
    this.#after = Math.max(this.#after, published.invokedAt);
    const entry: LogEntry = {
      ...{ index: this.entries.length, offset, hash, published },
      after: this.#after,
      before: published.ackedAt,
    };
    this.entries.push(entry);
    this.byMid.set(mid, entry);
  }

  /** Bounds the commits from above, and holds the order against time. */
  finish(): void {
    let before = Number.POSITIVE_INFINITY;
    for (const entry of this.entries.toReversed()) {
      before = Math.min(before, entry.before);
      entry.before = before;
      if (entry.published.invokedAt > before) {
        const { mid, line } = entry.published;
        const message = `${mid} was asked for after a later entry was acknowledged`;
        this.#verdict.complain("I4", line, "outOfOrder", message);
      }
    }
  }
}
