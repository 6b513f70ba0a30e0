/** One client of a history: what it got, held against the order of the journal and the rooms it was in. */
import type { FinalLog, LogEntry } from "./final-log.ts";
import type { ConnectLine, DeliverLine, GapLine, MarkerLine } from "./lines.ts";
import { Membership } from "./membership.ts";
import type { Rule, Verdict } from "./verdict.ts";

interface Gap {
  readonly from: number;
  readonly to: number;
}

export class Receiver {
  readonly membership = new Membership();
  readonly #name: string;
  readonly #log: FinalLog;
  readonly #verdict: Verdict;
  readonly #repeatsMax: "none" | "after the position" | "any";
  readonly #seen = new Set<number>();
  readonly #gaps: Gap[] = [];
  #connection = 0;
  /** The newest entry of this connection, and of all. */
  #last = -1;
  #newest = -1;
  /** Up to this offset the client has everything, as it will say when it comes back. */
  #position = -1;
  /** Up to this index nothing is missing that its positions cover. */
  #covered = -1;
  /** What a string at the end of an event has made of the position since. */
  #positionSpoilt = false;

  constructor(log: FinalLog, first: ConnectLine, offsets: string, verdict: Verdict) {
    this.#name = first.client;
    this.#log = log;
    this.#verdict = verdict;
    this.#repeatsMax =
      offsets === "argument" && first.reports
        ? "none"
        : offsets === "event" && first.reports
          ? "after the position"
          : "any";
  }

  connect({ connection }: ConnectLine, line: number): void {
    if (connection <= this.#connection) {
      this.#complain("history", line, "other", `connection ${connection} opens again`);
    }
    this.#connection = connection;
    this.#last = -1;
    // The stock client has given back the string instead: the server goes by its last receipt, which nobody sees.
    if (this.#positionSpoilt) this.#position = -1;
    this.#positionSpoilt = false;
  }

  marker({ connection, offset }: MarkerLine, line: number): void {
    if (connection !== this.#connection) {
      this.#complain("I11", line, "other", `connection ${connection} is told its position`);
      return;
    }
    // A client that has said where it is must not be taken back: what is repeated then was had.
    this.#position = Math.max(this.#position, offset);
    this.#positionSpoilt = false;
    const { entries } = this.#log;
    for (
      let next = entries[this.#covered + 1];
      next !== undefined;
      next = entries[next.index + 1]
    ) {
      if (next.offset > offset) break;
      this.#covered = next.index;
      if (this.#seen.has(next.index) || !this.#required(next) || this.#told(next)) continue;
      const message = `position ${offset} covers ${next.published.mid}, which did not come`;
      this.#complain("I8", line, "other", message);
    }
  }

  deliver(delivery: DeliverLine, line: number): void {
    this.#verdict.figures.delivered++;
    const entry = this.#accepted(delivery, line);
    if (entry === undefined) return;
    const { index } = entry;
    if (delivery.trailing === true) this.#positionSpoilt = true;
    if (index <= this.#last) {
      const repeated = this.#seen.has(index);
      const what = repeated ? "again" : "late";
      const message = `${delivery.mid} comes ${what} on connection ${this.#connection}`;
      this.#complain("I7", line, repeated ? "duplicated" : "outOfOrder", message);
    } else if (this.#seen.has(index)) this.#repeat(delivery, entry, line);
    else if (index < this.#newest) {
      this.#complain("I7", line, "outOfOrder", `${delivery.mid} was left out before`);
    }
    this.#seen.add(index);
    this.#last = Math.max(this.#last, index);
    this.#newest = Math.max(this.#newest, index);
  }

  gap({ from, to, reason }: GapLine, line: number): void {
    this.#verdict.figures.gaps++;
    this.#gaps.push({ from, to });
    const readable = this.#log.entries.find(({ offset }) => offset > from && offset <= to);
    if (readable !== undefined && reason !== "skipped") {
      const message = `${this.#name} is told that ${readable.published.mid} is gone`;
      this.#complain("I10", line, "other", message);
    }
  }

  /** Looks for what never came. */
  finish(): void {
    let missing = false;
    for (const entry of this.#log.entries) {
      const misses = !this.#seen.has(entry.index) && this.#required(entry) && !this.#told(entry);
      if (misses) {
        this.#complain("I8", entry.published.line, "lost", `${entry.published.mid} never came`);
        if (!missing) this.#verdict.figures.silentGaps++;
      }
      if (misses || this.#seen.has(entry.index)) missing = misses;
    }
  }

  #required(entry: LogEntry): boolean {
    return entry.published.except !== this.#name && this.membership.requires(entry);
  }

  #told({ offset }: LogEntry): boolean {
    return this.#gaps.some(({ from, to }) => offset > from && offset <= to);
  }

  /** The entry that was delivered, when it may be delivered at all. */
  #accepted({ mid, hash, connection, at }: DeliverLine, line: number): LogEntry | undefined {
    const entry = this.#log.byMid.get(mid);
    if (entry === undefined) {
      this.#complain("I6", line, "phantom", `${mid} is not in the journal`);
      return undefined;
    }
    if (hash !== entry.hash) this.#complain("I5", line, "phantom", `${mid} has another content`);
    if (at < entry.published.invokedAt) {
      this.#complain("I6", line, "phantom", `${mid} comes before it was published`);
    }
    if (entry.published.except === this.#name || !this.membership.allows(entry)) {
      this.#complain("I20", line, "phantom", `${mid} is not for ${this.#name}`);
    }
    if (connection !== this.#connection) {
      const message = `connection ${connection} was followed by ${this.#connection}`;
      this.#complain("I11", line, "other", message);
      return undefined;
    }
    return entry;
  }

  #repeat({ mid }: DeliverLine, { offset }: LogEntry, line: number): void {
    const allowed =
      this.#repeatsMax === "any" ||
      (this.#repeatsMax === "after the position" && offset > this.#position);
    if (allowed) this.#verdict.figures.repeated++;
    else this.#complain("I9", line, "duplicated", `${mid} was had before`);
  }

  #complain(
    rule: Rule,
    line: number,
    figure: "lost" | "duplicated" | "outOfOrder" | "phantom" | "other",
    message: string,
  ): void {
    this.#verdict.complain(rule, line, figure, `${this.#name}: ${message}`);
  }
}
