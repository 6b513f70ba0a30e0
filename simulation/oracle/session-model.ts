/**
 * What one session is owed, told from the calls of the application alone: the entries that were emitted to it
 * between its joins and leaves, in the order of the calls.
 */
import type { Backfill } from "./backfill.ts";
import type { StayModel } from "./connection-model.ts";
import type { EmitRecord, Recipients } from "./emit-record.ts";

/** maybe: the call that decided it was under way when the process was killed. */
export type Membership = "in" | "maybe";

/** A join with older entries that is under way. */
export interface JoiningModel {
  readonly room: string;
  /** Where it was called. */
  readonly stay: StayModel | undefined;
}

export class SessionModel {
  readonly namespace: string;
  /** Whose it is: the name of the simulated device. */
  readonly owner: string;
  /** In the order in which the client was told them. */
  readonly pids = new Set<string>();
  /** Those that the client has stopped using: it may still be found by them, or not. */
  readonly voidPids = new Set<string>();
  /** Those that are void if the server has kept that a later one was used. */
  readonly #doubtfulPids = new Set<string>();
  readonly rooms = new Map<string, Membership>();
  /** Changes of rooms that may not be committed, oldest first. */
  changes: { readonly n: number; readonly room: string; certain: boolean }[] = [];
  /** Its client came with the pid of another one, and does not know yet what that means. */
  untold = false;
  /** The store has failed: changes may have happened or not. */
  doubtful = false;
  ended = false;
  /** It ended, or the process was killed before that was committed. */
  endUncertain = false;
  endedAt = 0;
  /** Everything it is owed, in the order of the calls. */
  readonly owed: EmitRecord[] = [];
  readonly #owed = new Set<number>();
  /** What it may be given and is not owed. */
  readonly allowed = new Set<number>();
  /** How often it was given what. */
  readonly given = new Map<number, number>();
  /** Older entries that it has asked for. */
  readonly backfills: Backfill[] = [];
  readonly joining = new Set<JoiningModel>();
  /** Rooms that it has asked older entries of, whatever became of that. */
  readonly olderRooms = new Set<string>();
  /** The last call that changed a room, and the last one that may have left it. */
  readonly lastChange = new Map<string, number>();
  readonly lastLeave = new Map<string, number>();
  /** What may come as an older entry: out of the order of the others. */
  readonly unordered = new Set<number>();
  /** Older entries that were sent. */
  readonly sentOlder = new Set<number>();
  /** What it was told that it does not get. */
  readonly excused = new Set<number>();
  /** All before this place in `owed` is settled. */
  #settled = 0;
  /** Where it is connected. */
  stay: StayModel | undefined;
  /** The last call before each of its stays. */
  readonly begun: number[] = [];
  /** Proven to have arrived: pairs of when that was known and the call. */
  receipts: { readonly tick: number; readonly n: number }[] = [];
  /** The last call before it went offline. */
  offlineAt = 0;
  /** Which client was on it last. */
  tab = "";
  /** The last call that is proven to have arrived at the page that is open now. */
  provenToPage = 0;

  constructor(namespace: string, owner: string) {
    this.namespace = namespace;
    this.owner = owner;
  }

  /** On how many connections it has been since a call. */
  staysSince(n: number): number {
    return this.begun.filter((call) => call >= n).length;
  }

  /** Its client comes with this pid: those that it was told before count no longer. */
  presents(presented: string): void {
    // It was void, and is good all the same: it was told once more meanwhile, and whatever else was told may be void.
    if (this.voidPids.has(presented)) {
      for (const pid of this.pids) if (pid !== presented) this.#doubtfulPids.add(pid);
    }
    for (const pid of this.pids) {
      if (pid === presented) return;
      this.voidPids.add(pid);
    }
  }

  /** A client asks with this pid to be let in. */
  mayUse(asked: string): void {
    for (const pid of this.pids) {
      if (pid === asked) return;
      this.#doubtfulPids.add(pid);
    }
  }

  /**
   * Whether a pid may be good no longer: a later one has been used, or it is neither the one that is used nor the
   * newest, of which only so many are kept (docs/reference/limits.md).
   */
  mayBeVoid(pid: string): boolean {
    if (this.voidPids.has(pid) || this.#doubtfulPids.has(pid)) return true;
    const good = [...this.pids].filter((one) => !this.voidPids.has(one));
    return good.includes(pid) && pid !== good[0] && pid !== good.at(-1);
  }

  owe(emit: EmitRecord): void {
    this.owed.push(emit);
    this.#owed.add(emit.n);
  }

  isOwed(n: number): boolean {
    return this.#owed.has(n);
  }

  mayGet(n: number): boolean {
    return this.#owed.has(n) || this.allowed.has(n);
  }

  give(n: number): number {
    const times = (this.given.get(n) ?? 0) + 1;
    this.given.set(n, times);
    return times;
  }

  /** The first entry before `n` that it is owed and was neither given nor told about. */
  firstMissingBefore(n: number): EmitRecord | undefined {
    for (; this.#settled < this.owed.length; this.#settled++) {
      const emit = this.owed[this.#settled];
      if (emit === undefined || emit.n >= n) return undefined;
      if (this.isSettled(emit)) continue;
      return emit.fate === "pending" ? undefined : emit;
    }
    return undefined;
  }

  /** Everything that is owed and still missing. */
  missing(): EmitRecord[] {
    if (this.ended) return [];
    const older = this.backfills.flatMap(({ owed }) => owed);
    return [...this.owed, ...older].filter((emit) => !this.isSettled(emit));
  }

  isSettled(emit: EmitRecord): boolean {
    return (
      this.given.has(emit.n) ||
      this.excused.has(emit.n) ||
      emit.expired ||
      emit.fate === "refused" ||
      emit.fate === "lost" ||
      emit.fate === "unknown"
    );
  }

  /** Something that had seemed lost is not. */
  unsettle(): void {
    this.#settled = 0;
  }

  isIn(room: string): Membership | "out" {
    // A join with older entries is kept later than what was called after it.
    return this.rooms.get(room) ?? (this.isJoining(room) ? "maybe" : "out");
  }

  isJoining(room: string): boolean {
    return [...this.joining].some((joining) => joining.room === room);
  }

  /** Whether an emit is for it. */
  isMeant(to: Recipients): Membership | "out" {
    if (to.only !== undefined) return to.only === this ? "in" : "out";
    if (to.notTo === this) return "out";
    let included: Membership | "out" = to.rooms.length === 0 ? "in" : "out";
    for (const room of to.rooms) {
      const membership = this.isIn(room);
      if (membership === "in") included = "in";
      else if (membership === "maybe" && included === "out") included = "maybe";
    }
    for (const room of to.except) {
      const membership = this.isIn(room);
      if (membership === "in") return "out";
      if (membership === "maybe" && included === "in") included = "maybe";
    }
    return included;
  }

  join(room: string, n: number): void {
    this.lastChange.set(room, n);
    this.rooms.set(room, this.doubtful ? "maybe" : "in");
    this.changes.push({ n, room, certain: false });
  }

  leave(room: string, n: number): void {
    this.lastChange.set(room, n);
    this.lastLeave.set(room, n);
    if (this.doubtful) this.rooms.set(room, "maybe");
    else this.rooms.delete(room);
    this.changes.push({ n, room, certain: false });
  }

  /** Whether it leaves depends on what only the server knows. */
  mayLeave(room: string, n: number): void {
    this.lastChange.set(room, n);
    this.lastLeave.set(room, n);
    if (this.rooms.has(room)) this.rooms.set(room, "maybe");
  }

  /** Changes up to and with this call are committed. */
  committedUpTo(n: number): void {
    if (this.changes.length > 0) this.changes = this.changes.filter((change) => change.n > n);
  }

  /** What was not stored before the process was killed is not known any more. */
  forgetReceiptsSince(tick: number): void {
    this.receipts = this.receipts.filter((receipt) => receipt.tick < tick);
  }

  /** What was not committed for certain may have happened or not. */
  doubt(committed: number): void {
    for (const { n, room, certain } of this.changes) {
      if (n > committed && !certain) this.rooms.set(room, "maybe");
    }
    this.changes = [];
    this.doubtful = true;
  }

  /** The process was killed. */
  crash(committed: number): void {
    this.doubt(committed);
    this.doubtful = false;
    if (this.ended && this.endedAt > committed) this.endUncertain = true;
    this.stay = undefined;
  }
}
