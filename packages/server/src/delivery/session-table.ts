/**
 * The sessions of one namespace: what their records have led to, in the order of the stream.
 *
 * The rooms here are those as of the last record that came out of the lane. They decide who gets an entry; what
 * `socket.rooms` shows runs ahead of them.
 */

import type { Restored } from "@holdfast/journal";
import { stillOwed } from "./backfill.ts";
import { joinLines, linesOf } from "./checkpoint-lines.ts";
import type { Pieces } from "./delivery-options.ts";
import { FormerMembers } from "./former-members.ts";
import { type OnceLimits, type OnceLine, OnceTable, type StoredOnce } from "./once-table.ts";
import { type Addressed, Session } from "./session.ts";
import {
  decodeChange,
  type Identity,
  type SessionChange,
  type SessionStart,
} from "./session-changes.ts";
import { SessionIndex } from "./session-index.ts";
import { restoredSession, type StoredSession, storedSession } from "./stored-session.ts";

/** So many private ids of a session are good: the one that its client uses, and those that were told last. */
const pidsMax = 4;

/** Older ids of a session's sockets under which it is still found. */
const socketIdsMax = 16;

/**
 * The first line of a checkpoint; each session, answer and attempt has one of its own behind it. In version 1 all are in
 * this one, in version 2 those of `once`.
 */
interface StoredState {
  readonly version: 1 | 2 | 3;
  readonly sessions?: readonly StoredSession[];
  readonly once?: StoredOnce;
}

/** The last record that is in a line, where that is not the one of the checkpoint. */
interface AsOf {
  readonly upTo?: number;
  readonly epoch?: string;
}

type EpochOf = (offset: number) => string;

function bitOfLength(id: string): number {
  return 1 << (id.length & 31);
}

export class SessionTable {
  readonly byKey = new Map<string, Session>();
  readonly #byPid = new Map<string, Session>();
  readonly #bySocketId = new Map<string, Session>();
  /** The lengths that ids of sockets have had, modulo 32, as bits: the name of a room mostly has another, and is not looked up. */
  #idLengths = 0;
  readonly #byHolder = new SessionIndex();
  /** Members by tag, connected or not. */
  readonly #members = new SessionIndex();
  /** Those who were members, by tag. */
  readonly #former = new FormerMembers();
  /** Connected members by tag. */
  readonly #connected = new SessionIndex();
  /** All that are connected. */
  readonly connected = new Set<Session>();
  /** Sessions whose start is not committed yet. */
  readonly #starting = new Map<string, Session>();
  readonly once: OnceTable;
  /** The last record that has come out of the lane. */
  #applied = 0;
  #placesGiven = 0;

  constructor(replies: OnceLimits) {
    this.once = new OnceTable(replies);
  }

  // --- finding ---

  byPid(pid: string): Session | undefined {
    return this.#byPid.get(pid);
  }

  bySocketId(id: string): Session | undefined {
    // Applications name rooms that are no strings, too.
    const mayBe = typeof id === "string" && (this.#idLengths & bitOfLength(id)) !== 0;
    return mayBe ? this.#bySocketId.get(id) : undefined;
  }

  #setSocketId(id: string, session: Session): void {
    this.#bySocketId.set(id, session);
    this.#idLengths |= bitOfLength(id);
  }

  ofHolder(identity: Identity): ReadonlySet<Session> {
    return this.#byHolder.of(holderOf(identity) ?? "");
  }

  members(tag: string): ReadonlySet<Session> {
    return this.#members.of(tag);
  }

  connectedMembers(tag: string): ReadonlySet<Session> {
    return this.#connected.of(tag);
  }

  /** Whom an entry may be for: all that it is for are among them, in the order of `byKey`. */
  candidates({ tags }: Addressed): Iterable<Session> {
    const sets = tags.flatMap((tag) => [this.#members.of(tag), this.#former.of(tag)]);
    const most = sets.reduce((sum, { size }) => sum + size, 0);
    if (tags.length === 0 || most >= this.byKey.size) return this.byKey.values();
    const found = new Set(sets.flatMap((set) => [...set]));
    return [...found].sort((one, other) => one.place - other.place);
  }

  // --- changing ---

  /** Makes a session that will be there once its start is committed. It can be addressed at once. */
  prepare(start: SessionStart): Session {
    const { session: key, pid, socketId, identity, slot = 0 } = start;
    const session = new Session(key, pid, socketId, identity, slot);
    this.#starting.set(key, session);
    this.#setSocketId(socketId, session);
    return session;
  }

  /** Takes back a start that was refused. */
  abandon(session: Session): void {
    this.#starting.delete(session.key);
    for (const id of session.socketIds) {
      if (this.#bySocketId.get(id) === session) this.#bySocketId.delete(id);
    }
  }

  /** A connection took the session up: it counts among the connected. */
  connect(session: Session): void {
    if (this.connected.has(session)) return;
    this.connected.add(session);
    // What of older entries was on its way to the connection before is not known to have arrived.
    for (const backfill of session.backfills ?? []) backfill.sent = backfill.next;
    session.offlineSinceMs = undefined;
    for (const tag of openTags(session)) this.#connected.add(tag, session);
  }

  disconnect(session: Session, nowMs: number): void {
    if (!this.connected.delete(session)) return;
    session.offlineSinceMs = nowMs;
    for (const tag of openTags(session)) this.#connected.remove(tag, session);
    if (session.end !== undefined) this.#forget(session);
  }

  /** A pid or socket id under which the session is found from now on. */
  name(session: Session, socketId: string, pid: string | undefined): void {
    this.#setSocketId(socketId, session);
    if (session.socketId !== socketId) {
      session.socketIds = [...session.socketIds.filter((id) => id !== socketId), socketId];
    }
    while (session.socketIds.length > socketIdsMax) {
      const oldest = session.socketIds.shift();
      if (oldest !== undefined) this.#bySocketId.delete(oldest);
    }
    if (pid === undefined || session.pids.includes(pid)) return;
    session.pids = [...session.pids, pid];
    this.#byPid.set(pid, session);
    if (session.pids.length <= pidsMax) return;
    // The first stays good until another is used: whoever was to be told those may never have been.
    const [used = "", oldest = "", ...rest] = session.pids;
    this.#byPid.delete(oldest);
    session.pids = [used, ...rest];
  }

  /** Takes a change that has come out of the lane at `offset`. */
  apply(change: SessionChange, offset: number, timeMs: number): void {
    this.#applied = offset;
    if (change.type === "start") {
      this.#start(change, offset);
      return;
    }
    if (change.type === "receipts") {
      for (const [key, receipt] of change.receipts) this.#receipt(key, receipt);
      return;
    }
    if (change.type === "attempt") {
      this.once.begin(change);
      return;
    }
    if (change.type === "once") {
      this.once.keep(change, change.reply);
      return;
    }
    const session = this.byKey.get(change.session);
    if (session !== undefined) this.#change(session, change, offset, timeMs);
  }

  #change(
    session: Session,
    change: Exclude<SessionChange, { type: "start" | "receipts" | "attempt" | "once" }>,
    offset: number,
    timeMs: number,
  ): void {
    switch (change.type) {
      case "join":
        for (const room of change.rooms) {
          // What is owed depends on where it was before.
          if (change.since !== undefined) session.owe(room, change.since, offset);
          if (session.join(room, offset)) this.#enter(session, room);
        }
        break;
      case "leave":
        for (const room of change.rooms) {
          const { at } = change;
          const left = at === undefined ? session.leave(room, offset) : session.refuse(room, at);
          if (left) this.#exit(session, room);
        }
        break;
      case "connect":
        this.name(session, change.socketId, change.pid);
        session.offlineSinceMs = undefined;
        break;
      case "name":
        this.name(session, session.socketId, change.pid);
        break;
      case "pid":
        this.#used(session, change.pid);
        break;
      case "disconnect":
        // A connection may have taken it up again in the meantime.
        if (session.link === undefined) session.offlineSinceMs = change.atMs ?? timeMs;
        break;
      case "data":
        // What a connected socket holds is newer.
        if (session.link === undefined) session.data = change.data;
        break;
      case "skip":
        session.skipped ??= new Set();
        session.skipped.add(change.offset);
        break;
      case "backfills":
        session.backfills = stillOwed(session.backfills, change.arrived);
        break;
      case "end":
        this.#end(session, offset);
        break;
    }
  }

  #start(change: SessionStart, offset: number): void {
    const session = this.#starting.get(change.session) ?? this.prepare(change);
    this.#starting.delete(session.key);
    session.start = offset;
    session.receipt = offset;
    session.storedReceipt = offset;
    session.untold = change.gap;
    // Its client is let in now. Whoever is still connected when the server is killed went offline then, not here.
    session.offlineSinceMs = undefined;
    if (session.data === undefined) session.data = change.data;
    for (const room of change.rooms) session.join(room, offset);
    this.#add(session);
  }

  #add(session: Session): void {
    session.place = this.#placesGiven++;
    session.former = this.#former;
    this.byKey.set(session.key, session);
    for (const pid of session.pids) this.#byPid.set(pid, session);
    for (const id of session.socketIds) this.#setSocketId(id, session);
    const holder = session.identity && holderOf(session.identity);
    if (holder !== undefined) this.#byHolder.add(holder, session);
    for (const tag of openTags(session)) this.#members.add(tag, session);
    for (const room of session.memberships.keys()) {
      if (!session.isIn(room)) this.#former.add(room, session);
    }
  }

  #end(session: Session, offset: number): void {
    session.end = offset;
    for (const pid of session.pids) this.#byPid.delete(pid);
    const holder = session.identity && holderOf(session.identity);
    if (holder !== undefined) this.#byHolder.remove(holder, session);
    this.byKey.delete(session.key);
    for (const tag of openTags(session)) this.#members.remove(tag, session);
    for (const room of session.memberships.keys()) this.#former.remove(room, session);
    session.former = undefined;
    // One that still catches up gets what came before its end.
    if (!this.connected.has(session)) this.#forget(session);
  }

  #forget(session: Session): void {
    for (const id of session.socketIds) {
      if (this.#bySocketId.get(id) === session) this.#bySocketId.delete(id);
    }
  }

  #enter(session: Session, room: string): void {
    this.#members.add(room, session);
    this.#former.remove(room, session);
    if (this.connected.has(session)) this.#connected.add(room, session);
  }

  #exit(session: Session, room: string): void {
    this.#members.remove(room, session);
    this.#connected.remove(room, session);
    if (session.memberships.has(room)) this.#former.add(room, session);
  }

  #receipt(key: string, receipt: number): void {
    const session = this.byKey.get(key);
    if (session === undefined) return;
    session.storedReceipt = Math.max(session.storedReceipt, receipt);
    session.receipt = Math.max(session.receipt, receipt);
    if (session.receipt > session.start) session.untold = undefined;
  }

  /** What was told before the pid that was used is void; what was told after it may be used yet. */
  #used(session: Session, pid: string): void {
    const at = session.pids.indexOf(pid);
    if (at === -1) return;
    for (const older of session.pids.slice(0, at)) this.#byPid.delete(older);
    session.pids = session.pids.slice(at);
  }

  // --- checkpoints ---

  /**
   * The whole state, for a checkpoint of the journal: the sessions of now. It takes many turns when they are many, so what
   * comes meanwhile may be in it: each line says up to which record, if that is not the last one of now.
   *
   * @param first what is older is not read any more
   */
  encode(first: number, epochOf: EpochOf, pieces: Pieces): Promise<Uint8Array> {
    return joinLines(this.#lines(first, epochOf), pieces);
  }

  /** What there is when the first one is asked for, each as it is when it is its turn. */
  *#lines(first: number, epochOf: EpochOf): Generator<string> {
    const sessions = [...this.byKey.values()];
    const once = this.once.lines();
    let applied = this.#applied;
    let asOf: AsOf = {};
    const head: StoredState = { version: 3 };
    yield JSON.stringify(head);
    for (const session of sessions) {
      if (session.end !== undefined) continue;
      session.forgetBefore(first);
      if (applied !== this.#applied) {
        applied = this.#applied;
        asOf = { upTo: applied, epoch: epochOf(applied) };
      }
      yield JSON.stringify({ ...storedSession(session), ...asOf });
    }
    for (const line of once) yield JSON.stringify(line);
  }

  /** Begins with what the journal has kept. */
  restore({ checkpoint, records }: Restored, epochOf: EpochOf): void {
    const known = checkpoint === undefined ? undefined : this.#decode(checkpoint.state);
    this.#applied = checkpoint?.offset ?? 0;
    for (const { body, offset, timeMs } of records) {
      const change = decodeChange(body);
      const { upTo = 0, epoch } = ("session" in change && known?.get(change.session)) || {};
      // What was lost by damage has given its offsets to others, in another epoch.
      if (offset > upTo || epochOf(offset) !== epoch) this.apply(change, offset, timeMs);
    }
  }

  /** @returns the sessions that are of later than the checkpoint */
  #decode(bytes: Uint8Array): Map<string, AsOf> {
    const lines = linesOf(bytes);
    const { sessions = [], once } = JSON.parse(lines.next().value ?? "") as StoredState;
    for (const stored of sessions) this.#add(restoredSession(stored));
    for (const reply of once?.replies ?? []) this.once.restore({ reply });
    for (const attempts of once?.attempts ?? []) this.once.restore({ attempts });
    const later = new Map<string, AsOf>();
    for (const text of lines) {
      const line = JSON.parse(text) as (StoredSession & AsOf) | OnceLine;
      if ("key" in line) {
        this.#add(restoredSession(line));
        if (line.upTo !== undefined) later.set(line.key, line);
      } else this.once.restore(line);
    }
    return later;
  }
}

/** The name that sessions of one device share. */
export function holderOf(identity: Identity): string | undefined {
  const { user, device } = identity;
  if (user === undefined && device === undefined) return undefined;
  return JSON.stringify([user ?? null, device ?? null]);
}

/** The tags under which the session gets entries now. */
function openTags(session: Session): string[] {
  const tags = [session.tag, ...session.rooms()];
  if (session.userTag !== undefined) tags.push(session.userTag);
  return tags;
}
