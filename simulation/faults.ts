/**
 * Bugs that are planted into a copy of the sources, to show that the simulation finds them. Each replaces code that
 * occurs once in its file. Many of them were there, and were found like this.
 */

export interface Fault {
  readonly what: string;
  readonly file: string;
  readonly code: string;
  readonly without: string;
  /** How the simulation is called to find it, besides the seeds. */
  readonly words?: readonly string[];
}

const server = "packages/server/src";
const delivery = `${server}/delivery/delivery.ts`;
const lane = `${server}/delivery/journal-lane.ts`;
const session = `${server}/delivery/session.ts`;
const catchUp = `${server}/delivery/catch-up.ts`;
const claim = `${server}/delivery/claim.ts`;
const outbox = `${server}/delivery/outbox.ts`;
const entryRun = `${server}/delivery/entry-run.ts`;
const receipts = `${server}/delivery/receipts.ts`;
const stored = `${server}/delivery/stored-session.ts`;
const adapter = `${server}/journal-adapter.ts`;
const keeper = `${server}/session-keeper.ts`;
const admission = `${server}/admission.ts`;

export const faults: readonly Fault[] = [
  {
    what: "an entry is sent before its commit",
    file: delivery,
    code: "    this.lane.append(entry);",
    without:
      "    entry.offset = this.head + 1; this.#run = new EntryRun(entry); this.handOver(); this.lane.append(entry);",
  },
  {
    what: "what is not stored overtakes what is still in the lane",
    file: lane,
    code: "this.#pending.size === 0 ? undefined : this.#lastConcerning(session, rooms);",
    without: "undefined as LaneRecord | undefined;",
  },
  {
    what: "what is not stored overtakes an entry for everybody",
    file: lane,
    code: "session.ownTicket, this.#pendingUntagged);",
    without: "session.ownTicket);",
  },
  {
    what: "what is not stored overtakes an entry for a room",
    file: lane,
    code: "      this.#visitPendingTags(session, rooms ?? noRooms, consider);\n",
    without: "",
  },
  {
    what: "what is not stored overtakes the entries that came since somebody asked last",
    file: lane,
    code: "    this.#noteTags();\n",
    without: "    if (this.#noted === 0) this.#noteTags();\n",
  },
  {
    what: "what the application does before the store is open is forgotten",
    file: lane,
    code: "      else this.#made.push(next);",
    without: "",
  },
  {
    what: "what one turn has made is given to the journal the other way round",
    file: lane,
    code: "    for (const record of made) this.#stream?.append([record]);",
    without: "    for (const record of made.reverse()) this.#stream?.append([record]);",
  },
  {
    what: "sessions of clients that are away are not changed while the store opens",
    file: lane,
    code: "    else this.#early.push(act);",
    without: "",
  },
  {
    what: "a refused emit is told to nobody",
    file: delivery,
    code: "      this.options.refused(record, error);",
    without: "",
  },
  {
    what: "except is forgotten",
    file: session,
    code: "    if (except.some((tag) => this.#has(tag, offset))) return false;\n",
    without: "",
  },
  {
    what: "a membership reaches back to before the join",
    file: session,
    code: "this.restoreMembership(room, [offset, Number.POSITIVE_INFINITY]);",
    without: "this.restoreMembership(room, [0, Number.POSITIVE_INFINITY]);",
  },
  {
    what: "a leave takes what was emitted before it",
    file: session,
    code: "    intervals[intervals.length - 1] = offset;",
    without: "    intervals[intervals.length - 1] = intervals[intervals.length - 2] ?? 0;",
  },
  {
    what: "a room that was left is not read for what came before",
    file: session,
    code: "if ((intervals[intervals.length - 1] ?? 0) > offset) tags.add(room);",
    without: "if (intervals[intervals.length - 1] === Number.POSITIVE_INFINITY) tags.add(room);",
  },
  {
    what: "rooms of a session that comes back are shown without what is in the lane",
    file: session,
    code: "return this.ahead?.get(room)?.joined ?? this.isIn(room);",
    without: "return this.isIn(room);",
  },
  {
    what: "a session is taken up while its end is in the lane",
    file: session,
    code: "      this.ending = true;\n",
    without: "",
  },
  {
    what: "a session that catches up is live at once",
    file: catchUp,
    code: "    this.#running.set(session, { link, progress, reading: false, full: false, paged: false });\n    this.#advance(session);",
    without: "    session.live = true;",
  },
  {
    what: "the newest entries are left out when a session turns live",
    file: catchUp,
    code: "      full = !this.#give(session, running, entry, entry.packet);",
    without: "      session.position = entry.offset;",
  },
  {
    what: "a page is believed beyond the head of when it was asked for",
    file: catchUp,
    code: "Math.max(session.position, Math.min(page.next, head));",
    without: "Math.max(session.position, page.next);",
  },
  {
    what: "what retention has dropped is not told",
    file: catchUp,
    code: "    this.gap(session, running.link, running.progress, from, to, reason);\n    session.position",
    without: "    session.position",
  },
  {
    what: "what retention has dropped before a resume is not told",
    file: claim,
    code: 'return { session, from: kept, gap: { from, to: kept, reason: "retention" } };',
    without: "return { session, from: kept, gap: undefined };",
  },
  {
    what: "the client is told a position past a gap before the gap",
    file: keeper,
    code: "if (gap === undefined) delivery.mark(session, link);",
    without: "delivery.mark(session, link);",
  },
  {
    what: "what waits for an entry of a run goes out before it",
    file: lane,
    code: "    this.#exit.handOver();\n    this.#finish(",
    without: "    this.#finish(",
  },
  {
    what: "a session changes before it is handed the run that came before",
    file: delivery,
    code: "      this.handOver();\n      this.head = record.offset;\n      const",
    without: "      this.head = record.offset;\n      const",
    words: ["--wide"],
  },
  {
    what: "a run goes on with an entry for another room",
    file: entryRun,
    code: "entry.tags[0] === first.tags[0] && ",
    without: "",
    words: ["--wide"],
  },
  {
    what: "a run goes on with an entry for others, too",
    file: entryRun,
    code: " && isForOneRoom(entry) && isForOneRoom(first);",
    without: ";",
    words: ["--wide"],
  },
  {
    what: "a run is handed over without its last entry",
    file: outbox,
    code: "for (const packet of this.#packets) last = last.next(packet, parents);",
    without: "for (const packet of this.#packets.slice(0, -1)) last = last.next(packet, parents);",
    words: ["--wide"],
  },
  {
    what: "a slow client skips the entry at which it fell behind",
    file: delivery,
    code: "this.catchUp.fallBehind(session, first.offset - 1);",
    without: "this.catchUp.fallBehind(session, last.offset);",
  },
  {
    what: "a slow client is sent everything",
    file: delivery,
    code: "if (!link.hasRoom(bytes)) {",
    without: "if (link.unsentBytes === Number.POSITIVE_INFINITY) {",
  },
  {
    what: "who catches up is sent whole pages, whatever waits",
    file: catchUp,
    code: "    if (link.hasRoom(bytes)) return true;",
    without: "    if (bytes >= 0) return true;",
  },
  {
    what: "packets that wait for their place leave at once",
    file: catchUp,
    code: "while (next !== undefined && next.stamp <= offset && session.link === link) {",
    without: "while (next !== undefined && session.link === link) {",
  },
  {
    what: "packets that wait for their place are forgotten when the session turns live",
    file: catchUp,
    code: "    if (!this.#release(session, running, delivery.head)) return true;",
    without: "    session.held = [];",
  },
  {
    what: "who is in two of the rooms gets an event twice",
    file: delivery,
    code: "if (!session.live || link === undefined || session.delivered === last.offset) return;",
    without: "if (!session.live || link === undefined) return;",
  },
  {
    what: "markers name the head to who is still catching up",
    file: delivery,
    code: "return session.live ? this.head : session.position;",
    without: "return this.head;",
  },
  {
    what: "an event that asks for an answer goes out without its position",
    file: delivery,
    code: '      if (this.options.offsets === "argument") this.mislead(session, link);\n',
    without: "",
  },
  {
    what: "what was missed before a session began is told once, heard or not",
    file: claim,
    code: "  if (untold !== undefined) {",
    without: "  if (untold !== undefined && start < 0) {",
  },
  {
    what: "a receipt counts for what was sent after its ping",
    file: receipts,
    code: "const note = this.#outstanding.shift();",
    without: "const note = this.#outstanding.pop();",
  },
  {
    what: "the answer to an early ping counts for a later one",
    file: receipts,
    code: "      this.#outstanding.push({ heartbeat: true, positions: [], answered: undefined });",
    without: "",
  },
  {
    what: "a session is taken over, and the old connection goes on",
    file: keeper,
    code: "    this.#takeOver(session);\n    this.#nsp",
    without: "    this.#nsp",
  },
  {
    what: "a client goes on from the head, whatever position it brings",
    file: claim,
    code: "return { ...continuing(delivery, session, position.offset), ...found };",
    without: "return { ...continuing(delivery, session, head), ...found };",
  },
  {
    what: "a client without a position goes on from the head",
    file: claim,
    code: "return { ...continuing(delivery, session, session.receipt), ...found };",
    without: "return { ...continuing(delivery, session, delivery.head), ...found };",
  },
  {
    what: "who is found by name goes on from the head",
    file: admission,
    code: "continuing(this.#delivery, session, session.receipt);",
    without: "continuing(this.#delivery, session, this.#delivery.head);",
  },
  {
    what: "a session ends with its connection",
    file: keeper,
    code: "    if (!ends) {\n",
    without: "    if (ends && session.end !== undefined) {\n",
  },
  {
    what: "a join is not stored",
    file: adapter,
    code: "return this.#join(id, session, joined);",
    without: 'session.join(joined[0] ?? "", this.#delivery.head); return;',
  },
  {
    what: "a leave is not stored",
    file: adapter,
    code: "return this.#kept(id, session, [room], change);",
    without: "return;",
  },
  {
    what: "everybody but me is everybody but this socket's room",
    file: adapter,
    code: "const except = options.except === undefined ? noTags : this.#tags(options.except);",
    without: "const except = [...(options.except ?? [])];",
  },
  {
    what: "a client that answers twice counts twice",
    file: delivery,
    code: "if (acks.sessions.delete(session)) acks.ack(...args);",
    without: "acks.ack(...args, session);",
  },
  {
    what: "a checkpoint forgets the rooms",
    file: stored,
    code: "    memberships: [...session.memberships].map(([room, intervals]) => [",
    without: "    memberships: [...session.memberships].slice(1).map(([room, intervals]) => [",
  },
  {
    what: "a checkpoint in pieces says of each session that it is of later than it is",
    file: `${server}/delivery/session-table.ts`,
    code: "asOf = { upTo: applied,",
    without: "asOf = { upTo: applied + 9,",
  },
  {
    what: "a checkpoint in pieces has sessions that have ended meanwhile",
    file: `${server}/delivery/session-table.ts`,
    code: "if (session.end !== undefined) continue;",
    without: "",
  },
  {
    what: "a checkpoint forgets the receipts",
    file: stored,
    code: "  session.receipt = stored.receipt;",
    without: "  session.receipt = Number.MAX_SAFE_INTEGER;",
  },
  {
    what: "socketsJoin does not reach who is away",
    file: adapter,
    code: "this.#away.join(this.#delivery, options, rooms);",
    without: "",
  },
  {
    what: "a client that comes again while it is let in is let in twice",
    file: `${server}/client.ts`,
    code: "      this.#joiningSessions.add(namespace.name);",
    without: "",
    words: ["--wide"],
  },
  {
    what: "what comes before CONNECT is confirmed in parts",
    file: keeper,
    code: "      session.burstBytes = Number.NEGATIVE_INFINITY;\n",
    without: "",
    words: ["--wide"],
  },
  {
    what: "a receipt in the middle of a turn is for all that is emitted",
    file: receipts,
    code: "      const offset = delivery.sentUpTo(session);",
    without: "      const offset = delivery.head;",
  },
];
