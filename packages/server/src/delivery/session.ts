/**
 * One session: a client in one namespace, connected or not, with its rooms and its position in the stream.
 *
 * It knows which entries are for it (`receives`): the one predicate of live delivery, of catching up and of
 * `missing()`. How far its connection has been sent what, see catch-up.ts.
 */
import type { Backfill } from "./backfill.ts";
import { burstEventsMax } from "./bursts.ts";
import type { FormerMembers } from "./former-members.ts";
import { type Intervals, pairsOf } from "./intervals.ts";
import { Suspicion } from "./poison.ts";
import type { RoomsAhead } from "./rooms-ahead.ts";
import type { Identity, SessionChange, StartGap } from "./session-changes.ts";
import type { HeldPacket, SessionLink } from "./session-link.ts";
import { charactersOf, sessionTag, userTag } from "./tags.ts";

/** What the predicate needs of an entry. */
export interface Addressed {
  readonly offset: number;
  readonly tags: readonly string[];
  readonly except: readonly string[];
}

/** So many rooms that it is in no more are remembered, of all whose events its client has. */
const leftRoomsMax = 1000;

/** Closed intervals that are kept though the receipt has passed them: a client may report an older position. */
const passedIntervalsMax = 16;

export class Session {
  // --- what is looked at for each delivery: side by side in memory, because of thousands of sessions none is at hand ---
  link: SessionLink | undefined;
  /** Gets what comes out of the lane at once. Otherwise it catches up, or is offline. */
  live = false;
  /** The last entry that was handed to the connection. */
  delivered = 0;
  /** The offset of its end. */
  end: number | undefined;
  /** Everything up to here is known to have arrived. */
  receipt = 0;
  /** Where it is more than `receipt`, the first entry that was handed to the connection and has none; -1 on a new one. */
  unconfirmed = -1;
  /** The entry that its client may be unable to take, or -1: it is replayed alone, and what follows waits for its receipt. */
  suspect = -1;
  /** Bytes of entries that were handed to the connection in this turn, since the last part of it. */
  burstBytes = 0;
  /** Something was delivered after which it must be told its position. */
  markDue = false;
  /** The client took something else for its position. */
  misled = false;
  /** The last position that this connection was told. */
  marked = 0;

  // --- what is kept of it ---
  readonly suspicion = new Suspicion();
  readonly key: string;
  readonly tag: string;
  readonly identity: Identity | undefined;
  readonly userTag: string | undefined;
  readonly slot: number;
  /** The offset of its start. Infinity until that is committed. */
  start = Number.POSITIVE_INFINITY;
  /** Under which it is found; the last one is what its client is told. */
  pids: string[];
  /** The ids of its sockets; the last one is current. What is addressed to any of them is for it. */
  socketIds: string[];
  data: unknown;
  readonly memberships = new Map<string, Intervals>();
  /** Of all names in `memberships`, and of those that it is about to join. */ roomCharacters = 0;
  /** Rooms that it has left, the one that it left last at the end; it may be in some again. */
  #left: Set<string> | undefined;
  /** What is still owed, in the order of the joins. */
  backfills: Backfill[] | undefined;
  /** Older entries that were owed at some time, by room: they are not owed again. Flat, as intervals. */
  readonly backfilled = new Map<string, Intervals>();
  /** Entries that were set aside: its client is told of each where it would have come. */
  skipped: Set<number> | undefined;
  /** What its client has missed before it began, until it is known to have been told. */
  untold: StartGap | undefined;
  /** Up to here it is not known any more in which rooms it was: nobody is given what lies behind a receipt that old. */
  forgottenUpTo = 0;
  storedReceipt = 0;
  /** Since when it is offline, in milliseconds of the wall clock. Undefined while it is connected. */
  offlineSinceMs: number | undefined;

  // --- of this process only ---
  /** Its place in the order of all sessions. */
  place = 0;
  /** Has it by each room that it is in no more, and whose entries of then are for it. */
  former: FormerMembers | undefined;
  /** Its end is in the lane, or has come out of it: nobody takes it up any more. */
  ending = false;
  /** The store did not take its end. */
  endRefused = false;
  /** Changes of rooms that are still in the lane, the last one of each room: the application sees them already. */
  ahead: Map<string, { readonly change: object; readonly joined: boolean }> | undefined;
  /** While it catches up: everything up to here has been handed to the connection. */
  position = 0;
  held: { readonly stamp: number; readonly item: HeldPacket }[] = [];
  heldBytes = 0;
  /** The last ticket of the lane that a packet outside the journal waited for. */
  waitTicket = 0;
  /** The ticket of its own last record. */
  ownTicket = 0;

  constructor(
    key: string,
    pid: string,
    socketId: string,
    identity: Identity | undefined,
    slot: number,
  ) {
    this.key = key;
    this.tag = sessionTag(key);
    this.identity = identity;
    this.userTag = identity?.user === undefined ? undefined : userTag(identity.user);
    this.slot = slot;
    this.pids = [pid];
    this.socketIds = [socketId];
  }

  /** Its connection has it no more, and what was for that alone is dropped. */
  unlink(): void {
    this.link = undefined;
    this.live = false;
    this.held = [];
    this.heldBytes = 0;
    this.markDue = false;
    this.misled = false;
    this.burstBytes = 0;
  }

  get pid(): string {
    return this.pids[this.pids.length - 1] ?? "";
  }

  get socketId(): string {
    return this.socketIds[this.socketIds.length - 1] ?? "";
  }

  /** The rooms that it is in, as of the last record that came out of the lane. */
  rooms(): string[] {
    return [...this.memberships]
      .filter(([, intervals]) => intervals[intervals.length - 1] === Number.POSITIVE_INFINITY)
      .map(([room]) => room);
  }

  isIn(room: string): boolean {
    return this.memberships.get(room)?.at(-1) === Number.POSITIVE_INFINITY;
  }

  /** What the application changes is so for it at once. @param changing the sessions of which that is true */
  lookAhead(change: SessionChange, changing: RoomsAhead): void {
    if (change.type === "end") {
      this.ending = true;
      this.endRefused = false;
    }
    if (change.type !== "join" && change.type !== "leave") return;
    if (this.ahead === undefined) changing.enter(this);
    this.ahead ??= new Map();
    const joined = change.type === "join";
    if (joined) this.roomCharacters += charactersOf(change.rooms);
    for (const room of change.rooms) {
      this.ahead.set(room, { change, joined });
      changing.add(room, this);
    }
  }

  /** The change has come out of the lane, or was refused. */
  caughtUpWith(change: SessionChange, changing: RoomsAhead): void {
    const { ahead } = this;
    if (change.type === "join") this.roomCharacters -= charactersOf(change.rooms);
    if (ahead === undefined || (change.type !== "join" && change.type !== "leave")) return;
    for (const room of change.rooms) {
      if (ahead.get(room)?.change !== change) continue;
      ahead.delete(room);
      changing.remove(room, this);
    }
    if (ahead.size > 0) return;
    this.ahead = undefined;
    changing.exit(this);
  }

  /** The change had no effect. Who was to end is not taken up all the same, and is ended once the store takes it. */
  takeBack({ type }: SessionChange): void {
    if (type === "end") this.endRefused = true;
  }

  /** Whether it is in the room as the application sees it: after all changes that it has made. */
  showsIn(room: string): boolean {
    return this.ahead?.get(room)?.joined ?? this.isIn(room);
  }

  /** The rooms that the application sees it in. */
  shownRooms(): string[] {
    if (this.ahead === undefined) return this.rooms();
    const rooms = new Set([...this.rooms(), ...this.ahead.keys()]);
    return [...rooms].filter((room) => this.showsIn(room));
  }

  /** @returns whether it was not in the room before */
  join(room: string, offset: number): boolean {
    const intervals = this.memberships.get(room);
    if (intervals === undefined) {
      this.restoreMembership(room, [offset, Number.POSITIVE_INFINITY]);
      return true;
    }
    if (intervals[intervals.length - 1] === Number.POSITIVE_INFINITY) return false;
    intervals.push(offset, Number.POSITIVE_INFINITY);
    return true;
  }

  /** @returns whether it was in the room before */
  leave(room: string, offset: number): boolean {
    const intervals = this.memberships.get(room);
    if (intervals?.[intervals.length - 1] !== Number.POSITIVE_INFINITY) return false;
    intervals[intervals.length - 1] = offset;
    this.#forgetPassed(room, intervals);
    this.#hasLeft(room);
    return true;
  }

  /** Of a room that it was not in, as far as is known: as a checkpoint has it. */
  restoreMembership(room: string, intervals: Intervals): void {
    this.memberships.set(room, intervals);
    this.roomCharacters += room.length;
    if (!this.isIn(room)) this.#hasLeft(room);
  }

  #hasLeft(room: string): void {
    this.#left ??= new Set();
    this.#left.delete(room);
    this.#left.add(room);
    this.forgetLeft(leftRoomsMax);
  }

  /** Forgets the rooms that it left first, but for `kept` of them, as far as all that was said there has arrived. */
  forgetLeft(kept = 0): void {
    const left = this.#left ?? new Set<string>();
    for (const oldest of left) {
      if (left.size <= kept) return;
      const upTo = this.memberships.get(oldest)?.at(-1) ?? 0;
      const isIn = upTo === Number.POSITIVE_INFINITY;
      const isOwed = this.backfills?.some(({ room }) => room === oldest) ?? false;
      if (!isIn && (upTo > this.#passed || isOwed)) return;
      left.delete(oldest);
      if (isIn) continue;
      this.#forget(upTo);
      this.#forgetRoom(oldest);
      this.backfilled.delete(oldest);
    }
  }

  /**
   * Nothing of the room that was sent after `at` is for it any more, and nothing that it was owed.
   *
   * @returns whether it was in the room before
   */
  refuse(room: string, at: number): boolean {
    const wasIn = this.isIn(room);
    const kept = pairsOf(this.memberships.get(room)).filter(({ after }) => after < at);
    if (kept.length === 0) this.#forgetRoom(room);
    else
      this.memberships.set(
        room,
        kept.flatMap(({ after, upTo }) => [after, Math.min(upTo, at)]),
      );
    for (const backfill of this.backfills ?? []) {
      if (backfill.room === room) this.#takeBack(backfill);
    }
    return wasIn;
  }

  /** What has not arrived may be owed again. */
  #takeBack(owed: Backfill): void {
    const left = this.backfills?.filter((backfill) => backfill !== owed) ?? [];
    this.backfills = left.length === 0 ? undefined : left;
    const kept = pairsOf(this.backfilled.get(owed.room))
      .map(({ after, upTo }) => [after, upTo === owed.until ? owed.next : upTo] as const)
      .filter(([after, upTo]) => after < upTo);
    this.backfilled.set(owed.room, kept.flat());
  }

  /**
   * Owes the session the entries of a room after `since`, but for those that it was a member for, or that were owed
   * before.
   */
  owe(room: string, since: number, until: number): void {
    const covered = [...pairsOf(this.memberships.get(room)), ...pairsOf(this.backfilled.get(room))];
    covered.sort((a, b) => a.after - b.after);
    let next = since;
    for (const { after, upTo } of [...covered, { after: until, upTo: until }]) {
      if (after > next) {
        this.backfills ??= [];
        const end = Math.min(after, until);
        this.backfills.push({ room, next, until: end, sent: next });
        const known = this.backfilled.get(room);
        if (known === undefined) this.backfilled.set(room, [next, end]);
        else known.push(next, end);
      }
      next = Math.max(next, upTo);
      if (next >= until) return;
    }
  }

  /** Whether an entry of a room that is owed is one that it does not get otherwise. */
  isOwed(entry: Addressed): boolean {
    if (this.receives(entry)) return false;
    return !entry.except.some((tag) => this.#has(tag, entry.offset));
  }

  /** What its client has, and is not given again. */
  get #passed(): number {
    const catchesUp = this.link !== undefined && !this.live;
    return catchesUp ? Math.min(this.receipt, this.position) : this.receipt;
  }

  #forget(upTo: number): void {
    this.forgottenUpTo = Math.max(this.forgottenUpTo, upTo);
  }

  #forgetPassed(room: string, intervals: Intervals): void {
    while (intervals.length > 2 * passedIntervalsMax) {
      const [, upTo = 0] = intervals;
      if (upTo > this.#passed) break;
      intervals.splice(0, 2);
      this.#forget(upTo);
    }
    if (intervals.length === 0) this.#forgetRoom(room);
  }

  #forgetRoom(room: string): void {
    if (this.memberships.delete(room)) this.roomCharacters -= room.length;
    this.former?.remove(room, this);
  }

  /** Forgets what lies before the first entry that can be read, or given from memory; not what it is still to pass. */
  forgetBefore(first: number): void {
    const catchesUp = this.link !== undefined && !this.live;
    const tail = catchesUp ? Math.min(first, this.position + 1) : first;
    for (const [room, intervals] of this.memberships) {
      while (intervals.length > 0 && (intervals[1] ?? 0) < tail) intervals.splice(0, 2);
      if (intervals.length === 0) this.#forgetRoom(room);
    }
    for (const [room, intervals] of this.backfilled) {
      while (intervals.length > 0 && (intervals[1] ?? 0) < tail) intervals.splice(0, 2);
      if (intervals.length === 0) this.backfilled.delete(room);
    }
    if (this.skipped !== undefined) {
      for (const offset of this.skipped) if (offset < tail) this.skipped.delete(offset);
    }
  }

  #has(tag: string, offset: number): boolean {
    if (tag === this.tag || tag === this.userTag) return true;
    const intervals = this.memberships.get(tag);
    if (intervals === undefined) return false;
    // Newest first: that is where most questions are.
    for (let at = intervals.length - 2; at >= 0; at -= 2) {
      if (offset > (intervals[at] ?? 0)) return offset <= (intervals[at + 1] ?? 0);
    }
    return false;
  }

  /** Whether the entry is for this session: inside its life, in one of its rooms, and in none that is excluded. */
  receives({ offset, tags, except }: Addressed): boolean {
    if (offset <= this.start || (this.end !== undefined && offset > this.end)) return false;
    if (tags.length > 0 && !tags.some((tag) => this.#has(tag, offset))) return false;
    if (except.some((tag) => this.#has(tag, offset))) return false;
    return this.skipped === undefined || !this.skipped.has(offset);
  }

  /** The live form of `receives`: whoever is live has begun before, and was looked up among those who are in the room now. */
  receivesLive(entry: Addressed): boolean {
    if (this.end !== undefined) return false;
    return entry.except.length === 0 || this.receives(entry);
  }

  /** @returns whether so much of this turn was handed to the connection that a part of it, of `burst` bytes, ends here */
  countBurst(bytes: number, events: number, burst: number): boolean {
    this.burstBytes += Math.max(bytes, (events * burst) / burstEventsMax);
    if (this.burstBytes < burst) return false;
    this.burstBytes = 0;
    return true;
  }

  /** What entries after `offset` that are for it can be tagged with, besides those without any tag. */
  tagsAfter(offset: number): Set<string> {
    const tags = new Set<string>([this.tag]);
    if (this.userTag !== undefined) tags.add(this.userTag);
    for (const [room, intervals] of this.memberships) {
      if ((intervals[intervals.length - 1] ?? 0) > offset) tags.add(room);
    }
    return tags;
  }
}
