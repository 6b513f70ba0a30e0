/**
 * The lane of a namespace with a journal: entries and changes of sessions go in as they are made, are given to a stream on
 * disk together when the turn ends, and come out when they are committed, in the order of the stream.
 *
 * What is not stored (acknowledgements, transient events, DISCONNECT) waits behind the last pending record that
 * concerns its session, and only behind that.
 */
import {
  type Journal,
  JournalError,
  type Restored,
  type Stream,
  type StreamFollower,
  type StreamRecord,
} from "@holdfast/journal";
import { LaneChange, LaneEntry, type Outcome } from "./lane-records.ts";
import { PendingRecords } from "./pending-records.ts";
import type { Session } from "./session.ts";
import { isOfUnnamedRoom, tagOfRoom } from "./tags.ts";

type LaneRecord = LaneEntry | LaneChange;

/** Where records go when they leave the lane. Called in stream order, never from within itself. */
export interface LaneExit {
  /** The stream is open: the state to start from. */
  opened(stream: Stream, restored: Restored): void;
  committed(record: LaneRecord): void;
  /** Whatever has come out is to be with those that it is for: somebody waits for that, or nothing more comes now. */
  handOver(): void;
  /** A record that was appended here has no effect, or an unknown one. */
  refused(record: LaneRecord, error: JournalError): void;
  checkpoint(): Promise<Uint8Array>;
}

/** So many tags may be remembered though nothing with them is pending. */
const tagsSlack = 4096;

const noRooms: ReadonlySet<string> = new Set();

export class JournalLane implements StreamFollower {
  readonly #exit: LaneExit;
  #stream: Stream | undefined;
  #failure: JournalError | undefined;
  /** Appended, or to be done, before the stream was open. */
  #early: (LaneRecord | (() => void))[] | undefined = [];
  /**
   * Appended in this turn, and not given to the stream yet. One by one it would be between the reads of the turn, and each
   * read takes the place of the journal's code in the processor's caches. (Measured: 4 to 5 % of a small room's events.)
   */
  #made: LaneRecord[] = [];
  /** What is kept in memory is committed at once: nobody waits for it. */
  #inMemory = false;
  readonly #afterTurn: (run: () => void) => void;
  readonly #giveMade = () => this.give();
  readonly #pending = new PendingRecords();
  /**
   * The ticket of the last pending entry with a tag, and of the last one without any, of the entries up to `#noted`: the
   * others are noted when somebody asks, and where nothing follows, nobody does.
   */
  readonly #pendingTags = new Map<string, number>();
  /** With more tags those that have passed are looked for. */
  #tagsMax = tagsSlack;
  #pendingUntagged = 0;
  #noted = 0;
  /** What has happened and was not passed on yet: the exit is never called from within itself. */
  readonly #happened: (() => void)[] = [];
  #passingOn = false;

  constructor(exit: LaneExit, afterTurn: (run: () => void) => void) {
    this.#exit = exit;
    this.#afterTurn = afterTurn;
  }

  /** Opens the stream, and appends what has come before it was open. */
  async open(journal: Journal, name: string): Promise<void> {
    const stream = await journal.stream(name).catch((error: unknown) => {
      // Nothing of ours was in flight: what waits here has no effect, and that is known.
      const failed = error instanceof JournalError && error.code === "HF_STORE_FAILED";
      throw failed ? new JournalError("HF_STORE_READ_ONLY", { cause: error }) : error;
    });
    this.#stream = stream;
    this.#exit.opened(stream, stream.follow(this));
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const next of early) {
      if (typeof next === "function") next();
      else this.#made.push(next);
    }
    while (this.#made.length > 0) this.give();
    this.#inMemory = journal.durability === "memory";
  }

  /** The stream cannot be opened: nothing that was, or is, appended has an effect. */
  fail(cause: unknown): void {
    const error =
      cause instanceof JournalError
        ? cause
        : new JournalError("HF_STORE_INVALID", { cause, detail: String(cause) });
    this.#failure = error;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const next of early) if (typeof next !== "function") this.refused(next, error);
  }

  /** Runs `act` when the sessions are known, in the order of the appends; at once if they are. */
  whenOpen(act: () => void): void {
    if (this.#early === undefined) act();
    else this.#early.push(act);
  }

  get stream(): Stream | undefined {
    return this.#stream;
  }

  // --- in ---

  append(record: LaneRecord): void {
    this.#pending.add(record);
    if (this.#early !== undefined) this.#early.push(record);
    else if (this.#failure !== undefined) this.refused(record, this.#failure);
    else if (this.#inMemory) this.#stream?.append([record]);
    else if (this.#made.push(record) === 1) this.#afterTurn(this.#giveMade);
  }

  /** Gives the stream what this turn has made. */
  give(): void {
    const made = this.#made;
    this.#made = [];
    for (const record of made) this.#stream?.append([record]);
  }

  /**
   * Runs `act` when the last pending record that concerns the session has left the lane; at once if there is none.
   *
   * @param rooms those that the application sees the session's socket in
   */
  follow(session: Session, rooms: ReadonlySet<string> | undefined, act: () => void): void {
    const record = this.#pending.size === 0 ? undefined : this.#lastConcerning(session, rooms);
    if (record === undefined) {
      act();
      return;
    }
    session.waitTicket = record.ticket;
    record.after ??= [];
    record.after.push(act);
  }

  #lastConcerning(
    session: Session,
    rooms: ReadonlySet<string> | undefined,
  ): LaneRecord | undefined {
    this.#noteTags();
    let last = Math.max(session.waitTicket, session.ownTicket, this.#pendingUntagged);
    const consider = (tag: string | undefined) => {
      const ticket = tag === undefined ? undefined : this.#pendingTags.get(tag);
      if (ticket !== undefined && ticket > last) last = ticket;
    };
    if (this.#pendingTags.size > 0) {
      consider(session.tag);
      consider(session.userTag);
      this.#visitPendingTags(session, rooms ?? noRooms, consider);
    }
    // Records may leave before older ones: one that was refused did.
    return this.#pending.lastUpTo(last);
  }

  /**
   * Visits all tags with which something is pending of the rooms that the session is in, or has left while that is still in
   * the lane. Each acknowledgement asks, and a session may be in as many rooms as others may have entries for: it looks
   * through whichever are fewer.
   */
  #visitPendingTags(
    { memberships }: Session,
    rooms: ReadonlySet<string>,
    visit: (tag: string) => void,
  ): void {
    if (this.#pendingTags.size >= rooms.size + memberships.size) {
      for (const room of rooms) visit(tagOfRoom(room));
      for (const room of memberships.keys()) visit(room);
      return;
    }
    let tags: ReadonlySet<string> | undefined;
    for (const tag of this.#pendingTags.keys()) {
      if (isOfUnnamedRoom(tag)) tags ??= new Set([...rooms].map(tagOfRoom));
      if ((tags ?? rooms).has(tag) || memberships.has(tag)) visit(tag);
    }
  }

  #noteTags(): void {
    this.#noted = this.#pending.visitAfter(this.#noted, (record) => {
      if (!(record instanceof LaneEntry)) return;
      if (record.tags.length === 0) this.#pendingUntagged = record.ticket;
      for (const tag of record.tags) this.#pendingTags.set(tag, record.ticket);
    });
  }

  // --- out ---

  committed(records: readonly StreamRecord[]): void {
    this.#passOn(() => {
      for (const record of records) if (isLaneRecord(record)) this.#leave(record);
      this.#exit.handOver();
    });
  }

  #leave(record: LaneRecord): void {
    this.#remove(record);
    this.#exit.committed(record);
    if (record.settled === undefined && record.after === undefined) return;
    this.#exit.handOver();
    this.#finish(record, { committed: { offset: record.offset, duplicate: false } });
  }

  duplicate(record: StreamRecord, offset: number): void {
    this.#passOn(() => {
      if (!isLaneRecord(record)) return;
      this.#remove(record);
      this.#finish(record, { committed: { offset, duplicate: true } });
    });
  }

  refused(record: StreamRecord, error: JournalError): void {
    this.#passOn(() => {
      if (!isLaneRecord(record)) return;
      this.#remove(record);
      this.#exit.refused(record, error);
      this.#finish(record, { error });
    });
  }

  checkpoint(): Promise<Uint8Array> {
    return this.#exit.checkpoint();
  }

  #remove(record: LaneRecord): void {
    this.#pending.remove(record);
    if (this.#pending.size > 0) {
      if (this.#pendingTags.size > this.#tagsMax) this.#forgetPassedTags();
      return;
    }
    if (this.#pendingTags.size > 0) this.#pendingTags.clear();
    this.#tagsMax = tagsSlack;
    this.#pendingUntagged = 0;
  }

  /** Under steady load the lane is never empty. */
  #forgetPassedTags(): void {
    const { oldest } = this.#pending;
    for (const [tag, ticket] of this.#pendingTags) {
      if (ticket < oldest) this.#pendingTags.delete(tag);
    }
    // An entry may have many: what is left is looked through again only when as many have come.
    this.#tagsMax = Math.max(tagsSlack, 2 * this.#pendingTags.size);
  }

  #finish(record: LaneRecord, outcome: Outcome): void {
    const { settled, after } = record;
    record.settled = undefined;
    record.after = undefined;
    settled?.(outcome);
    if (after !== undefined) for (const act of after) act();
  }

  #passOn(happen: () => void): void {
    if (this.#passingOn) {
      this.#happened.push(happen);
      return;
    }
    this.#passingOn = true;
    try {
      happen();
      for (let next = this.#happened.shift(); next !== undefined; next = this.#happened.shift()) {
        next();
      }
    } finally {
      this.#passingOn = false;
    }
  }
}

function isLaneRecord(record: StreamRecord): record is LaneRecord {
  return record instanceof LaneEntry || record instanceof LaneChange;
}
