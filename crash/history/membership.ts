/**
 * In which rooms a client was, as far as it can be known from outside: while it joins or leaves, either may be true.
 */
import type { LogEntry } from "./final-log.ts";
import type { MemberLine } from "./lines.ts";

/** Times; a part that has not happened is infinite. */
interface Stay {
  readonly joining: number;
  joined: number;
  leaving: number;
  left: number;
}

export class Membership {
  readonly #rooms = new Map<string, Stay[]>();

  add({ kind, room, at }: MemberLine): void {
    const stays = this.#rooms.get(room) ?? [];
    this.#rooms.set(room, stays);
    const last = stays.at(-1);
    // A request that got no answer is made again; the first one may have had its effect.
    if (kind === "joining" && (last === undefined || last.left < at)) {
      const never = Number.POSITIVE_INFINITY;
      stays.push({ joining: at, joined: never, leaving: never, left: never });
    } else if (last !== undefined && kind !== "joining") {
      last[kind] = Math.min(last[kind], at);
    }
  }

  /** The entry is certainly for the client. */
  requires(entry: LogEntry): boolean {
    const { after, before } = entry;
    const never = Number.POSITIVE_INFINITY;
    return this.#some(
      entry,
      ({ joined, leaving }) => joined < after && (leaving === never || before < leaving),
    );
  }

  /** The entry may be for the client. */
  allows(entry: LogEntry): boolean {
    return this.#some(entry, ({ joining, left }) => joining < entry.before && entry.after < left);
  }

  #some(entry: LogEntry, holds: (stay: Stay) => boolean): boolean {
    return entry.published.rooms.some((room) => this.#rooms.get(room)?.some(holds) === true);
  }
}
