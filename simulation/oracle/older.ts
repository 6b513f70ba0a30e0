/** Joins with older entries of a room: which ones come, and in what order. */
import { Backfill } from "./backfill.ts";
import type { StayModel } from "./connection-model.ts";
import type { EmitRecord } from "./emit-record.ts";
import type { Oracle } from "./oracle.ts";
import type { JoiningModel, SessionModel } from "./session-model.ts";

/** A join that is under way. */
export interface Joining {
  /** It is kept, unless the room was left meanwhile. */
  joined(): void;
  /** It is kept, or never will be. */
  over(): void;
}

export class Older {
  readonly #oracle: Oracle;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /** @param wanted tells those that must come from those that may */
  joins(
    session: SessionModel,
    room: string,
    wanted: (stored: readonly EmitRecord[]) => ReadonlySet<EmitRecord>,
  ): Joining {
    const asked = this.#oracle.call();
    const stored = this.#stored(session.namespace, room);
    const chosen = wanted(stored);
    const owed = stored.filter((emit) => chosen.has(emit) && isOnlyOlder(session, emit));
    const backfill = new Backfill(room, asked, this.#oracle.options.wallMs(), owed);
    for (const { n } of stored) {
      if (session.isOwed(n)) continue;
      session.allowed.add(n);
      session.unordered.add(n);
    }
    const joining: JoiningModel = { room, stay: session.stay };
    session.joining.add(joining);
    session.olderRooms.add(room);
    if (!session.rooms.has(room)) session.rooms.set(room, "maybe");
    return {
      joined: () => this.#hasJoined(session, backfill),
      over: () => {
        if (!session.joining.delete(joining)) return;
        // It may have been kept after a leave that was called later, also when its socket has gone meanwhile.
        if (!session.rooms.has(room)) session.rooms.set(room, "maybe");
      },
    };
  }

  /** A socket leaves a room that it does not show: what it is still to join of it with older entries, it never will. */
  leavesEarly(session: SessionModel, room: string): void {
    for (const joining of session.joining) {
      if (joining.room === room && joining.stay === session.stay) session.joining.delete(joining);
    }
  }

  /** What the journal has of a room, or is about to have. */
  #stored(namespace: string, room: string): EmitRecord[] {
    const { emits, options } = this.#oracle;
    const tail = options.tail(namespace);
    return [...emits.values()].filter(
      (emit) =>
        emit.namespace === namespace &&
        emit.kind === "stored" &&
        (emit.fate === "pending" || (emit.fate === "committed" && emit.offset >= tail)) &&
        emit.to.rooms.includes(room),
    );
  }

  #hasJoined(session: SessionModel, backfill: Backfill): void {
    const { room, asked } = backfill;
    // Whether it was joined before it was left, and is owed older entries, only the server knows.
    if ((session.lastLeave.get(room) ?? 0) > asked) return;
    backfill.joined = this.#oracle.call();
    const changed = (session.lastChange.get(room) ?? 0) > asked;
    const meanwhile: EmitRecord[] = [];
    for (let n = asked + 1; n < backfill.joined; n++) {
      const emit = this.#oracle.emits.get(n);
      if (emit?.kind !== "stored" || emit.namespace !== session.namespace) continue;
      const { rooms, except, notTo } = emit.to;
      if (!rooms.includes(room) || except.length > 0 || notTo === session) continue;
      if (!session.isOwed(n) && !changed) meanwhile.push(emit);
    }
    backfill.owed = [...backfill.owed, ...meanwhile];
    session.backfills.push(backfill);
    session.join(room, backfill.joined);
    session.committedUpTo(backfill.joined);
    // Which came first, that or this, only the server knows.
    if (changed) session.rooms.set(room, "maybe");
  }

  /** An older entry has reached its client. */
  check(stay: StayModel, { n, to }: EmitRecord): void {
    const { backfills, olderRooms, owner } = stay.session;
    // Older entries of two rooms: it comes with both.
    if (to.rooms.filter((room) => olderRooms.has(room)).length > 1) return;
    for (const backfill of backfills) {
      const later = backfill.has(n) ? backfill.give(stay, n) : undefined;
      if (later === undefined) continue;
      const what = `${owner} got ${n} of ${backfill.room} after ${later}`;
      this.#oracle.fail("I7 in order, no skip", what);
    }
  }

  /** What follows the join waits behind the older entries. */
  checkBefore(session: SessionModel, { n, to }: EmitRecord): void {
    for (const { room, joined, owed } of session.backfills) {
      if (n <= joined || !to.rooms.includes(room)) continue;
      const missing = owed.find((emit) => !session.isSettled(emit));
      if (missing === undefined) continue;
      const what = `${session.owner} got ${n} before the older ${missing.n}`;
      this.#oracle.fail("I7 in order, no skip", what);
    }
  }
}

/** Whether an entry comes as an older one, and not otherwise. */
function isOnlyOlder(session: SessionModel, { n, to }: EmitRecord): boolean {
  if (to.except.length > 0 || to.notTo === session || session.mayGet(n)) return false;
  return !session.backfills.some((backfill) => backfill.has(n));
}
