/**
 * Delivery with a journal, one per namespace: takes what is emitted into the lane, and hands what comes out to the
 * sessions that it is for.
 *
 * A session is live, and gets each entry as it comes out of the lane; or it catches up (catch-up.ts) from its
 * position until it is live; or nobody is connected, and the journal keeps what it will be given.
 */
import type {
  Durability,
  EntryContent,
  Epoch,
  Journal,
  JournalError,
  Position,
  Restored,
  Stream,
} from "@holdfast/journal";
import createDebug from "debug";
import { AwaitedBroadcasts } from "./awaited-broadcasts.ts";
import { burstOf } from "./bursts.ts";
import { CatchUp, recentMax } from "./catch-up.ts";
import type { DeliveryOptions } from "./delivery-options.ts";
import { packetOf, withPosition } from "./entry-body.ts";
import { EntryRun } from "./entry-run.ts";
import { JournalLane, type LaneExit } from "./journal-lane.ts";
import { type AwaitedAcks, LaneChange, LaneEntry } from "./lane-records.ts";
import { Markers } from "./marker.ts";
import type { OutgoingPacket } from "./outgoing-packet.ts";
import { awaitsSuspect, releaseOthers } from "./poison.ts";
import { epochOf, noEpoch, PidCodec, PositionCodec } from "./positions.ts";
import { ReceiptStore } from "./receipt-store.ts";
import { RecentEntries } from "./recent-entries.ts";
import { RoomsAhead } from "./rooms-ahead.ts";
import type { Session } from "./session.ts";
import type { SessionChange, SessionStart } from "./session-changes.ts";
import { SessionExpiry } from "./session-expiry.ts";
import type { HeldPacket, SessionLink } from "./session-link.ts";
import { SessionTable } from "./session-table.ts";

const debug = createDebug("holdfast:delivery");

/** So much of what was sent last is kept in memory, and so many entries: no more are looked through there. */
const recentBytesMax = 4 * 1024 * 1024;

export class Delivery implements LaneExit {
  readonly options: DeliveryOptions;
  readonly lane: JournalLane;
  readonly sessions: SessionTable;
  readonly catchUp: CatchUp;
  /** Resolves when the stream is open and its sessions are known. */
  readonly ready: Promise<void>;
  /** Everything up to here has come out of the lane. */
  head = 0;
  recent = new RecentEntries(recentBytesMax, recentMax, 0);
  positions!: PositionCodec;
  pids!: PidCodec;
  markers!: Markers;
  /** What a commit survives. */
  durability: Durability = "memory";
  /** So many bytes of a turn are handed over at once. */ readonly #burst: number;
  /** What has come out of the lane, and is not handed over. */ #run: EntryRun | undefined;
  readonly receipts: ReceiptStore;
  readonly expiry: SessionExpiry;
  /** Broadcasts that await answers, by offset. */ readonly awaitedAcks = new AwaitedBroadcasts();
  /** Sessions with changes of rooms in the lane. */ readonly changing = new RoomsAhead();

  constructor(journal: Promise<Journal>, options: DeliveryOptions) {
    this.options = options;
    this.#burst = burstOf(options.highWaterBytes);
    this.sessions = new SessionTable(options.replies);
    this.lane = new JournalLane(this, options.afterTurn);
    const { wallMs, monotonicMs, pieces } = options;
    const expiry = { ...options.expiry, wallMs, monotonicMs, pieces };
    this.expiry = new SessionExpiry(expiry, this.sessions, (change) => this.change(change));
    this.catchUp = new CatchUp(this, options.readsMax);
    this.receipts = new ReceiptStore(this, options.later, (session) => {
      this.catchUp.drained(session);
      if (!awaitsSuspect(session)) releaseOthers(session);
    });
    this.ready = this.#open(journal);
    // The server tells of a store that does not open; nobody need wait here.
    this.ready.catch((error: unknown) => this.lane.fail(error));
  }

  async #open(opening: Promise<Journal>): Promise<void> {
    const journal = await opening;
    const { name, encode } = this.options;
    this.positions = new PositionCodec(journal.secret, name);
    this.pids = new PidCodec(journal.secret);
    this.durability = journal.durability;
    this.markers = new Markers(this.positions, encode);
    await this.lane.open(journal, name);
  }

  get stream(): Stream | undefined {
    return this.lane.stream;
  }

  get epoch(): Epoch {
    return this.stream?.epochs.at(-1) ?? noEpoch;
  }

  /** Where `offset` is, in the epoch that it belongs to. */
  readonly #epochOf = (offset: number): string => this.at(offset).epoch;

  at(offset: number): Position {
    return { epoch: epochOf(offset, this.stream?.epochs ?? [], this.epoch).id, offset };
  }

  // --- into the lane ---

  /** Takes an event for many. What comes of it is told to its `settled`; without one, a refusal is told to everybody. */
  publish(entry: LaneEntry): void {
    this.lane.append(entry);
  }

  /** Takes a change of sessions. Resolves when it is committed. */
  change(change: SessionChange): Promise<void> {
    const record = new LaneChange(change);
    const session = "session" in change ? this.sessions.byKey.get(change.session) : undefined;
    session?.lookAhead(change, this.changing);
    const done = new Promise<void>((resolve, reject) => {
      record.settled = (outcome) => {
        session?.caughtUpWith(change, this.changing);
        if ("error" in outcome) {
          session?.takeBack(change);
          reject(outcome.error);
        } else resolve();
      };
    });
    // Few await a join: that it was not stored must not end the process.
    const { name } = this.options;
    done.catch((error: unknown) => debug("%s: %s was refused: %s", name, change.type, error));
    this.lane.append(record);
    if (session !== undefined) session.ownTicket = record.ticket;
    return done;
  }

  /** Starts a session. It is there, and can be connected, when `started` resolves. */
  begin(start: SessionStart): { session: Session; started: Promise<void> } {
    const session = this.sessions.prepare(start);
    const started = this.change(start).catch((error: unknown) => {
      this.sessions.abandon(session);
      throw error;
    });
    started.catch(() => {});
    return { session, started };
  }

  /**
   * Sends what is not stored, after everything that was emitted before it to the same session.
   *
   * @param rooms those that the application sees the session's socket in
   */
  follow(session: Session, rooms: ReadonlySet<string> | undefined, item: HeldPacket): void {
    const { link } = session;
    if (link === undefined) return;
    this.lane.follow(session, rooms, () => {
      // Whoever has taken the session over since then gets nothing that was meant for the old connection.
      if (session.link === link) this.catchUp.place(session, link, item);
    });
  }

  /** Resolves when everything that concerns the session and was made before has come out of the lane. */
  settled(session: Session): Promise<void> {
    return new Promise((resolve) => this.lane.follow(session, undefined, resolve));
  }

  /** Runs `act` when all that was emitted to the session before has been handed to its connection. */
  followAct(session: Session, act: () => void): void {
    const item = { packet: undefined, shared: false, transient: false, misleading: false };
    this.follow(session, undefined, { ...item, act });
  }

  /** Sends what may be dropped: it goes only to a live session with nothing that waits. */
  sendVolatile(session: Session, packet: OutgoingPacket, misleading: boolean): void {
    const { link } = session;
    const goes = link !== undefined && session.live && link.writable && link.hasRoom(packet.size);
    if (goes) link.deliver(packet, true);
    else this.options.counters.volatileDropped++;
    if (goes && misleading) this.mislead(session, link);
  }

  /** Keeps in mind for so long that those who get the entry later are asked, too. */
  awaitAcks(entry: LaneEntry, timeoutMs: number): void {
    const { later, refused } = this.options;
    this.awaitedAcks.add(entry, { timeoutMs, later, refused });
  }

  // --- connections ---

  /** A connection takes the session up. What it has missed follows from `from` on, after `begin` of catch-up. */
  attach(session: Session, link: SessionLink, from: number): void {
    this.detach(session);
    session.link = link;
    session.live = false;
    session.position = from;
    session.delivered = from;
    session.marked = from;
    this.sessions.connect(session);
  }

  /** The connection of a session has ended, by itself or because its client `asked` for it. */
  lost(session: Session, asked: boolean): void {
    const offset = session.suspicion.ended(session, this.options.monotonicMs(), asked);
    this.detach(session);
    if (offset === undefined) return;
    void this.change({ type: "skip", session: session.key, offset });
    this.options.skipped(session, offset);
  }

  /** Nobody has the session any more, or somebody else. */
  detach(session: Session): void {
    releaseOthers(session);
    session.unlink();
    this.catchUp.end(session);
    this.sessions.disconnect(session, this.expiry.nowMs());
    this.options.wentOffline();
  }

  // --- out of the lane ---

  opened(stream: Stream, restored: Restored): void {
    this.sessions.restore(restored, this.#epochOf);
    // Whoever was connected when the server ended is not any more.
    this.expiry.opened();
    const nowMs = this.expiry.nowMs();
    for (const session of this.sessions.byKey.values()) session.offlineSinceMs ??= nowMs;
    this.head = stream.head;
    this.recent = new RecentEntries(recentBytesMax, recentMax, stream.head);
  }

  committed(record: LaneEntry | LaneChange): void {
    if (record instanceof LaneChange) {
      this.handOver();
      this.head = record.offset;
      const { change } = record;
      this.sessions.apply(change, record.offset, record.timeMs);
      if (change.type === "join" && change.since !== undefined) {
        this.catchUp.owes(this.sessions.byKey.get(change.session), record.offset);
      }
      return;
    }
    if (this.options.offsets === "argument") {
      record.packet = withPosition(record.packet, this.#positionAt(record.offset));
    }
    if (this.#run?.takes(record, this.#burst) !== true) {
      this.handOver();
      this.#run = new EntryRun(record);
    }
    this.head = record.offset;
    this.recent.push(record);
  }

  #positionAt(offset: number): string {
    return this.positions.encode("resume", this.at(offset));
  }

  /** The packet of an entry that was read from the journal. */
  packetOfStored(entry: Pick<EntryContent, "body" | "format">, offset: number): OutgoingPacket {
    const inArgument = this.options.offsets === "argument";
    return packetOf(entry, inArgument ? this.#positionAt(offset) : undefined);
  }

  refused(record: LaneEntry | LaneChange, error: JournalError): void {
    if (record instanceof LaneEntry && record.settled === undefined) {
      this.options.refused(record, error);
    }
  }

  checkpoint(): Promise<Uint8Array> {
    const first = Math.min(this.stream?.tail ?? 0, this.recent.first);
    return this.sessions.encode(first, this.#epochOf, this.options.pieces);
  }

  // --- to the sessions ---

  handOver(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    const { tags, expiresMs } = run.first;
    if (expiresMs !== undefined && expiresMs <= this.options.wallMs()) return;
    if (tags.length === 0) {
      for (const session of this.sessions.connected) this.#deliver(session, run);
    }
    for (const tag of tags) {
      for (const session of this.sessions.connectedMembers(tag)) this.#deliver(session, run);
    }
  }

  #deliver(session: Session, run: EntryRun): void {
    const { link } = session;
    const { first, last, packets, bytes } = run;
    // A session in several of the rooms gets it once.
    if (!session.live || link === undefined || session.delivered === last.offset) return;
    if (!session.receivesLive(first)) return;
    if (!link.hasRoom(bytes)) {
      this.catchUp.fallBehind(session, first.offset - 1);
    } else if (packets === undefined) {
      this.hand(session, link, first.offset, first.packet, first.acks);
    } else {
      link.deliverAll(packets);
      session.delivered = last.offset;
      this.#sent(session, first.offset, first.packet.size);
      this.handed(session, link, bytes, packets.length);
    }
  }

  /** Hands an entry to the connection of a session. */
  hand(
    session: Session,
    link: SessionLink,
    offset: number,
    packet: OutgoingPacket,
    acks: AwaitedAcks | undefined,
  ): void {
    if (acks?.sessions.has(session)) {
      // Once per session, whatever connection the answer comes on.
      link.awaitAck(acks.id, (...args) => {
        if (acks.sessions.delete(session)) acks.ack(...args);
      });
      link.deliver(acks.packet, true);
      // An event with an ack id carries no position: stock clients take none from it.
      if (this.options.offsets === "argument") this.mislead(session, link);
    } else {
      link.deliver(packet, true);
    }
    session.delivered = offset;
    this.#sent(session, offset, packet.size);
    if (session.suspect === offset && offset > session.receipt) link.suspected = session;
    this.handed(session, link, packet.size);
  }

  #sent(session: Session, offset: number, bytes: number): void {
    if (session.unconfirmed > session.receipt) return;
    session.suspicion.sent(session, offset, bytes, this.options.monotonicMs());
  }

  /** A client that loses its connection in the middle of a long turn is to know, and to have confirmed, how far it is. */
  handed(session: Session, link: SessionLink, bytes: number, events = 1): void {
    this.touch(session, link);
    if (!session.countBurst(bytes, events, this.#burst)) return;
    if (this.#isUnmarked(session)) this.mark(session, link);
    link.requestReceiptNow();
  }

  /** The client is to be told its position before this turn's packets go out. */
  touch(session: Session, link: SessionLink): void {
    if (session.markDue) return;
    session.markDue = true;
    link.awaitFlush();
  }

  /** The client takes the last argument of what was sent for its position: it is told the right one. */
  mislead(session: Session, link: SessionLink): void {
    session.misled = true;
    this.touch(session, link);
  }

  /** What this turn has brought for the session is about to be written. */
  flushes(session: Session, link: SessionLink): void {
    if (session.link !== link || !session.markDue) return;
    session.markDue = false;
    session.burstBytes = 0;
    if (this.#isUnmarked(session)) this.mark(session, link);
    link.requestReceipt();
  }

  #isUnmarked(session: Session): boolean {
    if (session.misled) return true;
    return this.options.offsets === "event" && this.sentUpTo(session) > session.marked;
  }

  /** Tells the client where it is, if the wire of this namespace does that. */
  mark(session: Session, link: SessionLink): void {
    if (this.options.offsets === "none") return;
    const offset = this.sentUpTo(session);
    session.misled = false;
    session.marked = offset;
    link.deliver(this.markers.at(offset, this.stream?.epochs ?? []), true);
  }

  /** Everything up to here that is for the session has been handed to its connection. */
  sentUpTo(session: Session): number {
    return session.live ? this.head : session.position;
  }

  /**
   * Called before each ping. A client is told its position before a ping proves that it has what it was handed: what it
   * brings back is never behind a receipt. With the heartbeat one that gets nothing does not fall behind what is kept.
   */
  beforePing(session: Session, heartbeat: boolean): void {
    const { link, markDue } = session;
    if (link !== undefined && (heartbeat || markDue) && this.#isUnmarked(session)) {
      this.mark(session, link);
    }
  }
}
