/** What clients are told that they do not get: whether that is so, and whom it excuses from getting it. */
import type { StayModel } from "./connection-model.ts";
import type { Oracle } from "./oracle.ts";
import { offsetOf } from "./wire.ts";

/** An entry is set aside after so many connections in a row that ended soon after it had been sent. */
const skippedAfter = 5;

/** What the event `hf:gap` says. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

export class Gaps {
  readonly #oracle: Oracle;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /** A gap leaves the server. To a client that has left it is as good as told: SEMANTICS 1, "Receipt". */
  sent(connectionId: string, namespace: string, words: unknown): void {
    const stay = this.#oracle.connection(connectionId).current(namespace);
    if (stay === undefined) return;
    const gap = this.#read(words);
    this.#check(stay, gap);
    if (stay.left) this.#excuse(stay, gap);
    else stay.gaps.push(gap);
  }

  /** The client leaves: its library drops what it was sent and did not get, a gap as well as an entry. */
  left(stay: StayModel): void {
    for (const gap of stay.gaps.splice(0)) this.#excuse(stay, gap);
  }

  /** A client got the event `hf:gap`. */
  received(connectionId: string, namespace: string, words: unknown): void {
    const gap = this.#read(words);
    const stay = this.#oracle.connection(connectionId).current(namespace);
    if (stay === undefined) return;
    const at = stay.gaps.findIndex(({ from, to }) => from === gap.from && to === gap.to);
    if (at === -1) this.#check(stay, gap);
    else stay.gaps.splice(at, 1);
    this.#excuse(stay, gap);
  }

  #read(words: unknown): Gap {
    const { from, to, reason }: { from?: unknown; to?: unknown; reason?: unknown } =
      typeof words === "object" && words !== null ? words : {};
    const last = offsetOf(to);
    if (last === undefined) this.#oracle.fail("I10 honest gap", "a gap without an end");
    return { from: offsetOf(from) ?? 0, to: last, reason: `${reason}` };
  }

  #check({ session }: StayModel, { from, to, reason }: Gap): void {
    const { namespace, owed, given, owner } = session;
    // One entry, which is there (I10), and which it was given again and again.
    const skipped = reason === "skipped" && to - from === 1;
    const n = owed.find(({ offset }) => offset === to)?.n ?? 0;
    if (skipped && session.staysSince(n) >= skippedAfter) return;
    if (reason === "retention" && to < this.#oracle.options.tail(namespace)) return;
    // Of the session before: nothing of this one may be in it.
    const own = owed.some(({ n, offset }) => offset > from && offset <= to && !given.has(n));
    if (reason === "session" && !own) return;
    const what = `${owner} was told that nothing is left up to ${to}: ${reason}`;
    this.#oracle.fail("I10 honest gap", what);
  }

  #excuse({ session }: StayModel, { from, to, reason }: Gap): void {
    if (reason === "session") session.untold = false;
    const older = session.backfills.flatMap(({ owed }) => owed);
    for (const { n, offset } of [...session.owed, ...older]) {
      if (offset > from && offset <= to) session.excused.add(n);
    }
  }
}
