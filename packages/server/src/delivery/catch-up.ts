/**
 * Sessions that catch up: they are given what the journal has for them, from their position on, as fast as their
 * connection takes it, until there is nothing more and they are live.
 *
 * The last step reads the newest entries from memory and turns the session live before anything else can come out
 * of the lane, so replay and live never overlap and leave no hole between them. Packets outside the journal that
 * were emitted meanwhile wait for their place: they leave when everything that had come out of the lane before
 * them has been handed over.
 */
import type { EntryRecord, Page, ReadRequest, UnreadableRange } from "@holdfast/journal";
import createDebug from "debug";
import type { Delivery } from "./delivery.ts";
import { LaneEntry } from "./lane-records.ts";
import type { Gap, GapReason } from "./marker.ts";
import type { Progress } from "./progress.ts";
import type { Backfill, HeldPacket, Session, SessionLink } from "./session.ts";
import { StoredPackets } from "./stored-packets.ts";

const debug = createDebug("holdfast:catch-up");

/** Up to this many newest entries are looked through in memory; more are looked up by tag. */
export const recentMax = 2000;

const pageBytes = 256 * 1024;

/** What goes into one payload with CONNECT. */
const replayFirstBytes = 64 * 1024;
const pageEntriesMax = 2000;

interface Running {
  readonly link: SessionLink;
  readonly progress: Progress;
  /** A page is being read, or waits for its turn. */
  reading: boolean;
}

export class CatchUp {
  readonly #delivery: Delivery;
  readonly #readsMax: number;
  readonly #running = new Map<Session, Running>();
  readonly #stored: StoredPackets;
  #reads = 0;
  /** Sessions that wait until fewer pages are read. */
  readonly #waiting: Session[] = [];

  constructor(delivery: Delivery, readsMax: number) {
    this.#delivery = delivery;
    this.#readsMax = readsMax;
    this.#stored = new StoredPackets(delivery.options.later);
  }

  /** Begins to give a session what it has missed. Call it when its connection has been told CONNECT. */
  begin(session: Session, progress: Progress): void {
    const { link } = session;
    if (link === undefined) return;
    this.#running.set(session, { link, progress, reading: false });
    this.#advance(session);
  }

  /**
   * How many packets a session has missed that can be handed over at once; undefined when they cannot, or are large.
   * A packet with attachments counts as so many.
   */
  missedInMemory(session: Session): number | undefined {
    const { recent, head } = this.#delivery;
    if (!recent.covers(session.position) || session.backfills !== undefined) return undefined;
    if (head - session.position > recentMax) return undefined;
    let packets = 0;
    let bytes = 0;
    recent.visitAfter(session.position, (entry) => {
      if (session.receives(entry)) {
        packets += 1 + (entry.packet.attachments?.length ?? 0);
        bytes += entry.packet.size;
      }
      return bytes <= replayFirstBytes;
    });
    return bytes > replayFirstBytes ? undefined : packets;
  }

  /** A live session whose connection is full: it goes on from `position` when that has drained. */
  fallBehind(session: Session, position: number): void {
    const { link } = session;
    if (link === undefined) return;
    debug("%s: falls behind at %d", session.key.slice(0, 6), position);
    session.live = false;
    session.position = position;
    const progress: Progress = { missed: 0, expired: 0, gaps: [], caughtUp: undefined };
    this.#running.set(session, { link, progress, reading: false });
    link.awaitDrain();
  }

  /** A session has joined a room and is owed older entries of it: they come before what follows `offset`. */
  owes(session: Session | undefined, offset: number): void {
    if (session?.backfills === undefined || !session.live) return;
    this.fallBehind(session, offset);
    // Not within the lane: what follows is read as soon as the lane is through.
    process.nextTick(() => this.drained(session));
  }

  /** The connection of a session can take more. */
  drained(session: Session): void {
    if (!session.live && this.#running.has(session)) this.#advance(session);
  }

  // --- packets outside the journal ---

  /** Sends a packet that is not stored, or keeps it until its place has come. */
  place(session: Session, link: SessionLink, item: HeldPacket): void {
    if (session.live) {
      this.#send(session, link, item);
      return;
    }
    const size = item.packet?.size ?? 0;
    const { highWaterBytes } = this.#delivery.options;
    const full = session.heldBytes > 0 && session.heldBytes + size > highWaterBytes;
    if (full) {
      this.#leaveOut(link, item, `more than ${highWaterBytes} bytes wait behind what was missed`);
      return;
    }
    session.held.push({ stamp: this.#delivery.head, item });
    session.heldBytes += size;
    if (!this.#running.has(session)) return;
    this.#advance(session);
  }

  /** There is no room for a packet that is not stored. */
  #leaveOut(link: SessionLink, item: HeldPacket, detail: string): void {
    if (item.transient) this.#delivery.options.counters.transientDropped++;
    else link.overflow(detail);
  }

  #send(session: Session, link: SessionLink, item: HeldPacket): void {
    if (item.packet !== undefined) {
      const full = link.unsentBytes > this.#delivery.options.highWaterBytes;
      if (full) {
        const detail = "the client does not read, and what is not stored cannot wait for it";
        this.#leaveOut(link, item, detail);
        return;
      }
      link.deliver(item.packet, item.shared);
      if (item.misleading) this.#delivery.mislead(session, link);
    }
    // Deferred: what an application does then must not run within the lane.
    if (item.act !== undefined) process.nextTick(item.act);
  }

  /** Sends the held packets that were emitted when nothing after `offset` had come out of the lane. */
  #release(session: Session, link: SessionLink, offset: number): void {
    let [next] = session.held;
    while (next !== undefined && next.stamp <= offset && session.link === link) {
      session.held.shift();
      session.heldBytes -= next.item.packet?.size ?? 0;
      this.#send(session, link, next.item);
      [next] = session.held;
    }
  }

  // --- entries ---

  #advance(session: Session): void {
    const running = this.#running.get(session);
    if (running === undefined || running.reading) return;
    const { link } = running;
    while (session.link === link && !session.live) {
      if (this.#isFull(link) || this.#waitsForReceipt(session, link)) return;
      const backfill = session.backfills?.find(({ sent, until }) => sent < until);
      if (backfill !== undefined) {
        if (!this.#readBackfill(session, running, backfill)) return;
        continue;
      }
      const { recent } = this.#delivery;
      const { position } = session;
      if (recent.covers(position) && recent.countAfter(position) <= recentMax) {
        if (this.#finish(session, running)) return;
      } else if (!this.#readPage(session, running)) {
        return;
      }
    }
    if (session.link !== link) this.#running.delete(session);
  }

  #isFull(link: SessionLink): boolean {
    if (link.unsentBytes <= this.#delivery.options.highWaterBytes / 2) return false;
    link.awaitDrain();
    return true;
  }

  /** Hands over the newest entries from memory. @returns whether the session is live, or its connection full */
  #finish(session: Session, running: Running): boolean {
    const { link, progress } = running;
    const delivery = this.#delivery;
    let full = false;
    delivery.recent.visitAfter(session.position, (entry) => {
      if (this.#isFull(link) || this.#waitsForReceipt(session, link)) {
        full = true;
        return false;
      }
      this.#give(session, running, entry, entry.packet);
      return session.link === link;
    });
    if (full || session.link !== link || this.#waitsForReceipt(session, link)) return true;
    session.position = delivery.head;
    this.#release(session, link, delivery.head);
    if (session.link !== link) return true;
    session.live = true;
    this.#running.delete(session);
    // In "event" mode the client learns that it has everything, also when nothing was for it.
    if (session.marked < delivery.head) delivery.touch(session, link);
    progress.caughtUp?.();
    return true;
  }

  #give(
    session: Session,
    { link, progress }: Running,
    entry: LaneEntry | EntryRecord,
    packet: LaneEntry["packet"] | undefined,
  ): void {
    const delivery = this.#delivery;
    this.#release(session, link, entry.offset - 1);
    if (session.link !== link) return;
    session.position = entry.offset;
    if (session.skipped?.has(entry.offset)) {
      this.gap(session, link, progress, entry.offset - 1, entry.offset, "skipped");
      return;
    }
    if (!session.receives(entry)) return;
    if (entry.expiresMs !== undefined && entry.expiresMs <= delivery.options.wallMs()) {
      progress.expired++;
      return;
    }
    progress.missed++;
    const known = entry instanceof LaneEntry ? entry : delivery.awaitedAcks.get(entry.offset);
    const sent =
      packet ??
      known?.packet ??
      this.#stored.at(entry.offset, () => delivery.packetOfStored(entry, entry.offset));
    delivery.hand(session, link, entry.offset, sent, known?.acks);
  }

  /** Whether nothing more may be sent until a suspected entry is known to have arrived. */
  #waitsForReceipt(session: Session, link: SessionLink): boolean {
    const { position, receipt, suspicion } = session;
    if (receipt >= position || !suspicion.isSuspect(position)) return false;
    link.requestReceipt();
    return true;
  }

  #readPage(session: Session, running: Running): boolean {
    const { head } = this.#delivery;
    const wanted = {
      from: session.position,
      tags: session.tagsAfter(session.position),
      untagged: true,
    };
    return this.#read(session, running, wanted, (page) => {
      this.#take(session, running, page, head);
    });
  }

  #readBackfill(session: Session, running: Running, backfill: Backfill): boolean {
    const wanted = { from: backfill.sent, tags: new Set([backfill.room]), untagged: false };
    return this.#read(session, running, wanted, (page) => {
      this.#takeBackfill(session, running, backfill, page);
    });
  }

  #read(
    session: Session,
    running: Running,
    wanted: Pick<ReadRequest, "from" | "tags" | "untagged">,
    take: (page: Page) => void,
  ): boolean {
    const { stream } = this.#delivery;
    if (stream === undefined) return false;
    if (this.#reads >= this.#readsMax) {
      running.reading = true;
      this.#waiting.push(session);
      return false;
    }
    // What is left below the high-water mark: a page is handed over as a whole.
    const maxBytes = Math.min(pageBytes, this.#delivery.options.highWaterBytes / 2);
    const limits = { maxBytes, maxEntries: pageEntriesMax };
    const page = stream.read({ ...wanted, ...limits, direction: "forward" });
    if (!(page instanceof Promise)) {
      take(page);
      return true;
    }
    running.reading = true;
    this.#reads++;
    void this.#takeLater(session, running, page, take);
    return false;
  }

  async #takeLater(
    session: Session,
    running: Running,
    reading: Promise<Page>,
    take: (page: Page) => void,
  ): Promise<void> {
    const { link } = running;
    let page: Page | undefined;
    let failure: unknown;
    try {
      page = await reading;
    } catch (error) {
      failure = error;
    }
    this.#reads--;
    running.reading = false;
    this.#wakeNext();
    if (this.#running.get(session) !== running || session.link !== link) return;
    if (page === undefined) {
      debug("%s: cannot read: %s", session.key.slice(0, 6), failure);
      // The client comes back, and its position says from where; the store tells of its own failure.
      link.overflow(`the journal was not read: ${failure}`);
      return;
    }
    take(page);
    this.#advance(session);
  }

  #wakeNext(): void {
    // One that is gone, or that finds all it wants in memory, leaves its turn to the next.
    while (this.#reads < this.#readsMax) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const running = this.#running.get(next);
      if (running === undefined) continue;
      running.reading = false;
      this.#advance(next);
    }
  }

  /** @param head that of when the page was asked for: for what came later the session may be in other rooms */
  #take(session: Session, running: Running, page: Page, head: number): void {
    const { link } = running;
    const gaps = [...page.gaps];
    for (const entry of page.entries) {
      if (entry.offset > head) break;
      for (let [gap] = gaps; gap !== undefined && gap.to < entry.offset; [gap] = gaps) {
        gaps.shift();
        this.#tellGap(session, running, gap);
      }
      if (session.link !== link) return;
      this.#give(session, running, entry, undefined);
      if (this.#waitsForReceipt(session, link)) return;
    }
    for (const gap of gaps) this.#tellGap(session, running, gap);
    if (session.link !== link) return;
    session.position = Math.max(session.position, Math.min(page.next, head));
    this.#release(session, link, session.position);
    if (page.entries.length > 0 && this.#delivery.options.offsets === "event") {
      this.#delivery.mark(session, link);
    }
  }

  /** Hands over older entries of a room. They do not move the session's position. */
  #takeBackfill(session: Session, running: Running, backfill: Backfill, page: Page): void {
    const { link, progress } = running;
    const delivery = this.#delivery;
    for (const { from, to, reason } of page.gaps) {
      if (from < backfill.until) {
        this.gap(session, link, progress, from, Math.min(to, backfill.until), reason);
      }
    }
    for (const entry of page.entries) {
      if (entry.offset > backfill.until) break;
      const expired = entry.expiresMs !== undefined && entry.expiresMs <= delivery.options.wallMs();
      if (expired || !session.isOwed(entry)) continue;
      link.deliver(delivery.packetOfStored(entry, session.position), true);
      delivery.mislead(session, link);
    }
    backfill.sent = Math.min(Math.max(page.next, backfill.sent), backfill.until);
    link.requestReceipt();
  }

  #tellGap(session: Session, running: Running, { from, to, reason }: UnreadableRange): void {
    this.gap(session, running.link, running.progress, from, to, reason);
    session.position = Math.max(session.position, to);
  }

  /** Tells a client of events that it is not given, and what the last of them is. */
  gap(
    session: Session,
    link: SessionLink,
    progress: Progress,
    from: number | undefined,
    to: number,
    reason: GapReason,
  ): void {
    const delivery = this.#delivery;
    const show = (offset: number) => delivery.positions.encode("application", delivery.at(offset));
    const gap: Gap = { from: from === undefined ? null : show(from), to: show(to), reason };
    progress.gaps.push(gap);
    debug("%s: gap %o", session.key.slice(0, 6), gap);
    link.deliver(delivery.markers.gap(gap), false);
    delivery.mislead(session, link);
  }
}
