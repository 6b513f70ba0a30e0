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
import type { Backfill } from "./backfill.ts";
import type { Delivery } from "./delivery.ts";
import { LaneEntry } from "./lane-records.ts";
import type { Gap, GapReason } from "./marker.ts";
import { PageReads } from "./page-reads.ts";
import { waitsForReceipt } from "./poison.ts";
import type { Progress } from "./progress.ts";
import type { Session } from "./session.ts";
import type { HeldPacket, SessionLink } from "./session-link.ts";
import { StoredPackets } from "./stored-packets.ts";

const debug = createDebug("holdfast:catch-up");

/**
 * Up to this many newest entries are looked through in memory; more are looked up by tag, which is in memory, too, as long
 * as they are new. (Measured: with 2,000 of them, what the collector moves makes rooms of five cost 7 to 10 % more.)
 */
export const recentMax = 500;

const pageBytes = 256 * 1024;

const pageEntriesMax = 2000;

interface Running {
  readonly link: SessionLink;
  readonly progress: Progress;
  /** A page is being read, or waits for its turn. */
  reading: boolean;
  /** Its connection has no room for what comes next. */
  full: boolean;
  /** Whether a page was given at once: those that follow leave the others their turn. */
  paged: boolean;
}

export class CatchUp {
  readonly #delivery: Delivery;
  readonly #reads: PageReads;
  readonly #running = new Map<Session, Running>();
  readonly #stored: StoredPackets;

  constructor(delivery: Delivery, readsMax: number) {
    this.#delivery = delivery;
    this.#reads = new PageReads(readsMax, delivery.options.afterTurn);
    this.#stored = new StoredPackets(delivery);
  }

  /** Begins to give a session what it has missed. Call it when its connection has been told CONNECT. */
  begin(session: Session, progress: Progress): void {
    const { link } = session;
    if (link === undefined) return;
    this.#running.set(session, { link, progress, reading: false, full: false, paged: false });
    this.#advance(session);
  }

  end(session: Session): void {
    this.#running.delete(session);
  }

  /** A live session whose connection is full: it goes on from `position` when that has drained. */
  fallBehind(session: Session, position: number): void {
    const { link } = session;
    if (link === undefined) return;
    debug("%s: falls behind at %d", session.key.slice(0, 6), position);
    session.live = false;
    session.position = position;
    const progress: Progress = { missed: 0, expired: 0, gaps: [], caughtUp: undefined };
    this.#running.set(session, { link, progress, reading: false, full: false, paged: false });
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
    const running = this.#running.get(session);
    if (session.live || running === undefined) return;
    running.full = false;
    this.#advance(session);
  }

  // --- packets outside the journal ---

  /** Sends a packet that is not stored, or keeps it until its place has come. */
  place(session: Session, link: SessionLink, item: HeldPacket): void {
    const size = item.packet?.size ?? 0;
    if (session.live) {
      if (item.packet === undefined || link.hasRoom(size)) {
        this.#send(session, link, item);
        return;
      }
      if (item.transient) {
        this.#delivery.options.counters.transientDropped++;
        return;
      }
      // It waits as if it had been missed: what is in its way may be one large event, to a client that takes it.
      this.fallBehind(session, this.#delivery.head);
    }
    const { highWaterBytes } = this.#delivery.options;
    const full = session.heldBytes > 0 && session.heldBytes + size > highWaterBytes;
    if (full) {
      if (item.transient) this.#delivery.options.counters.transientDropped++;
      else link.overflow(`more than ${highWaterBytes} bytes wait behind what was missed`);
      return;
    }
    session.held.push({ stamp: this.#delivery.head, item });
    session.heldBytes += size;
    if (!this.#running.has(session)) return;
    this.#advance(session);
  }

  /** Sends what there is room for. */
  #send(session: Session, link: SessionLink, item: HeldPacket): void {
    if (item.packet !== undefined) {
      link.deliver(item.packet, item.shared);
      if (item.misleading) this.#delivery.mislead(session, link);
    }
    // Deferred: what an application does then must not run within the lane.
    if (item.act !== undefined) process.nextTick(item.act);
  }

  /** Sends what was held when nothing after `offset` had come out of the lane. @returns whether what follows may go */
  #release(session: Session, running: Running, offset: number): boolean {
    const { link } = running;
    let [next] = session.held;
    while (next !== undefined && next.stamp <= offset && session.link === link) {
      const { packet } = next.item;
      if (packet !== undefined && !this.#fits(running, packet.size)) return false;
      session.held.shift();
      session.heldBytes -= packet?.size ?? 0;
      this.#send(session, link, next.item);
      [next] = session.held;
    }
    return session.link === link;
  }

  /** Whether the connection takes so many bytes more. If not, it tells when it has drained. */
  #fits(running: Running, bytes: number): boolean {
    const { link } = running;
    if (link.hasRoom(bytes)) return true;
    running.full = true;
    link.awaitDrain();
    return false;
  }

  // --- entries ---

  #advance(session: Session): void {
    const running = this.#running.get(session);
    if (running === undefined || running.reading) return;
    const { link } = running;
    while (session.link === link && !session.live && !running.full) {
      if (this.#isFull(link) || waitsForReceipt(session, link)) return;
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
      if (this.#isFull(link) || waitsForReceipt(session, link)) {
        full = true;
        return false;
      }
      full = !this.#give(session, running, entry, entry.packet);
      return !full;
    });
    if (full || session.link !== link || waitsForReceipt(session, link)) return true;
    session.position = delivery.head;
    if (!this.#release(session, running, delivery.head)) return true;
    session.live = true;
    this.#running.delete(session);
    // In "event" mode the client learns that it has everything, also when nothing was for it.
    if (session.marked < delivery.head) delivery.touch(session, link);
    progress.caughtUp?.();
    return true;
  }

  /** Hands over an entry, if it is for the session. @returns whether what follows may be sent */
  #give(
    session: Session,
    running: Running,
    entry: LaneEntry | EntryRecord,
    packet: LaneEntry["packet"] | undefined,
  ): boolean {
    if (!this.#release(session, running, entry.offset - 1)) return false;
    const { offset } = entry;
    if (session.skipped?.has(offset)) {
      this.gap(session, running.link, running.progress, offset - 1, offset, "skipped");
    } else if (session.receives(entry)) {
      if (this.#isExpired(entry)) running.progress.expired++;
      else if (!this.#handOver(session, running, entry, packet)) return false;
    }
    session.position = offset;
    return session.link === running.link;
  }

  #isExpired({ expiresMs }: Pick<EntryRecord, "expiresMs">): boolean {
    return expiresMs !== undefined && expiresMs <= this.#delivery.options.wallMs();
  }

  /** @returns false when the connection has no room for it */
  #handOver(
    session: Session,
    running: Running,
    entry: LaneEntry | EntryRecord,
    packet: LaneEntry["packet"] | undefined,
  ): boolean {
    const delivery = this.#delivery;
    const known = entry instanceof LaneEntry ? entry : delivery.awaitedAcks.get(entry.offset);
    const sent = packet ?? known?.packet ?? this.#stored.at(entry, this.#running.size > 1);
    if (!this.#fits(running, sent.size)) return false;
    running.progress.missed++;
    // Before it is handed over: the marker after it says that this is where the session is.
    session.position = entry.offset;
    delivery.hand(session, running.link, entry.offset, sent, known?.acks);
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

  /** @returns whether it goes on at once; otherwise when the page is there */
  #read(
    session: Session,
    running: Running,
    wanted: Pick<ReadRequest, "from" | "tags" | "untagged">,
    take: (page: Page) => void,
  ): boolean {
    const { stream, options } = this.#delivery;
    const { link } = running;
    if (stream === undefined) return false;
    const end = (act: () => void) => {
      running.reading = false;
      if (this.#running.get(session) === running && session.link === link) act();
    };
    const maxBytes = Math.min(pageBytes, options.highWaterBytes / 2);
    const request = { ...wanted, maxBytes, maxEntries: pageEntriesMax };
    const takeLater = (page: Page) => {
      take(page);
      this.#advance(session);
    };
    running.reading = true;
    const page = this.#reads.read(() => stream.read({ ...request, direction: "forward" }), {
      again: () => end(() => this.#advance(session)),
      taken: (read) => end(() => takeLater(read)),
      // The client comes back, and its position says from where; the store tells of its own failure.
      failed: (error) => end(() => link.overflow(`the journal was not read: ${error}`)),
    });
    if (page === undefined) return false;
    if (running.paged) {
      options.afterTurn(() => end(() => takeLater(page)));
      return false;
    }
    running.paged = true;
    running.reading = false;
    take(page);
    return true;
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
      if (!this.#give(session, running, entry, undefined)) return;
      if (waitsForReceipt(session, link)) return;
    }
    for (const gap of gaps) this.#tellGap(session, running, gap);
    if (session.link !== link) return;
    session.position = Math.max(session.position, Math.min(page.next, head));
    if (!this.#release(session, running, session.position)) return;
    if (page.entries.length > 0 && this.#delivery.options.offsets === "event") {
      this.#delivery.mark(session, link);
    }
  }

  /** Hands over older entries of a room. They do not move the session's position. */
  #takeBackfill(session: Session, running: Running, backfill: Backfill, page: Page): void {
    const { link, progress } = running;
    const delivery = this.#delivery;
    const gaps = page.gaps.filter(({ from }) => from < backfill.until);
    const tellGaps = (upTo: number) => {
      for (let [gap] = gaps; gap !== undefined && gap.from < upTo; [gap] = gaps) {
        gaps.shift();
        const { from, to, reason } = gap;
        this.gap(session, link, progress, from, Math.min(to, backfill.until), reason);
      }
    };
    let next = Math.min(Math.max(page.next, backfill.sent), backfill.until);
    for (const entry of page.entries) {
      if (entry.offset > backfill.until) break;
      tellGaps(entry.offset);
      if (this.#isExpired(entry) || !session.isOwed(entry)) continue;
      const packet = delivery.packetOfStored(entry, session.position);
      if (!this.#fits(running, packet.size)) {
        next = entry.offset - 1;
        break;
      }
      link.deliver(packet, true);
      delivery.mislead(session, link);
      backfill.sent = entry.offset;
      delivery.handed(session, link, packet.size);
    }
    tellGaps(next);
    backfill.sent = next;
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
