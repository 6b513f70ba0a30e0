/**
 * The oracle: is told each call of the application, each packet that leaves the server and each that reaches an
 * application on a client, and knows from the calls alone what everybody must get. Throws a Violation.
 */
import type { Scheduler } from "../kernel/scheduler.ts";
import { Trace } from "../kernel/trace.ts";
import { ConnectionModel, type Found, type StayModel } from "./connection-model.ts";
import type { EmitKind, EmitRecord, Recipients } from "./emit-record.ts";
import { Expiry } from "./expiry.ts";
import { Fates } from "./fates.ts";
import { Gaps } from "./gaps.ts";
import { Older } from "./older.ts";
import type { Arrival, Asked, OracleOptions } from "./oracle-types.ts";
import { Orders } from "./orders.ts";
import { SessionModel } from "./session-model.ts";
import { ownerOf, Tabs } from "./tabs.ts";
import { type Invariant, Violation } from "./violation.ts";
import { epochOf, offsetOf } from "./wire.ts";

/** The largest packet of a plan: it may wait alone, whatever the limit. */
const packetBytesMax = 2_200;

/** Without a store nothing can be read again, and what one turn brings waits: the largest burst of a plan. */
const burstBytes = 30_000;

/** What the server adds of its own, whatever the limit: markers, gaps, answers to CONNECT, pings. */
const ownBytes = 500;

export class Oracle {
  readonly options: OracleOptions;
  readonly emits = new Map<number, EmitRecord>();
  readonly connections = new Map<string, ConnectionModel>();
  sessions: SessionModel[] = [];
  /** What was committed and given, and in which order. */
  readonly order = new Trace(false);
  readonly fates: Fates;
  readonly orders: Orders;
  readonly expiry: Expiry;
  readonly tabs: Tabs;
  readonly older: Older;
  readonly gaps: Gaps;
  readonly #scheduler: Scheduler;
  readonly #trace: Trace;
  readonly #byPid = new Map<string, SessionModel>();
  /** By what the server calls them. */
  readonly #byKey = new Map<string, SessionModel>();
  /** The last call before a device asked for a namespace for the first time. */
  readonly #firstAsked = new Map<string, number>();
  /** Receipts that were known by then are stored, if the process is still to store some. */
  #storedUntil = Number.POSITIVE_INFINITY;
  #calls = 0;
  /** Packets that reached an application. */
  deliveries = 0;
  /** Broadcasts whose answers are awaited. */
  readonly #asked = new Map<number, Asked>();

  constructor(scheduler: Scheduler, trace: Trace, options: OracleOptions) {
    this.#scheduler = scheduler;
    this.#trace = trace;
    this.options = options;
    this.fates = new Fates(this);
    this.orders = new Orders(options.failed);
    this.tabs = new Tabs(this);
    this.expiry = new Expiry(options.wallMs);
    this.older = new Older(this);
    this.gaps = new Gaps(this);
  }

  fail(invariant: Invariant, what: string): never {
    throw new Violation(invariant, what);
  }

  connection(id: string): ConnectionModel {
    const known = this.connections.get(id);
    if (known !== undefined) return known;
    const made = new ConnectionModel(id);
    this.connections.set(id, made);
    return made;
  }

  // --- the calls of the application ---

  /** The number of the next call. */
  call(): number {
    this.#calls++;
    return this.#calls;
  }

  /** The application is about to emit. @returns the number that goes with the event */
  emit(namespace: string, kind: EmitKind, to: Recipients, ttlMs?: number): number {
    const n = this.call();
    const stored = kind === "stored";
    const emit: EmitRecord = {
      n,
      namespace,
      kind,
      tick: this.#scheduler.now,
      to,
      expiresMs: ttlMs === undefined ? undefined : this.options.wallMs() + ttlMs,
      expired: false,
      toAll: to.rooms.length === 0 && to.only === undefined,
      fate: stored && this.options.journal ? "pending" : "committed",
      offset: 0,
      published: false,
      acknowledged: false,
    };
    this.emits.set(n, emit);
    if (ttlMs !== undefined) this.expiry.add(emit);
    this.#trace.add(emit.tick, "emit", n, kind);
    this.#trace.note(`  to ${to.rooms.join() || to.only?.owner || "all"} but ${to.except.join()}`);
    for (const session of this.sessions) {
      if (session.namespace !== namespace) continue;
      if (session.ended && !session.endUncertain) continue;
      const membership = session.isMeant(to);
      if (stored && membership !== "in" && to.rooms.some((room) => session.isJoining(room))) {
        session.allowed.add(n);
        session.unordered.add(n);
      }
      if (membership === "out") continue;
      if (stored && membership === "in" && !session.ended) session.owe(emit);
      else session.allowed.add(n);
      if (!stored && membership === "in") this.#promise(session, emit);
    }
    return n;
  }

  #promise(session: SessionModel, emit: EmitRecord): void {
    if (emit.kind === "volatile") return;
    session.stay?.promised.push({ n: emit.n, droppable: emit.kind === "transient" });
  }

  /** The sessions in a room. */
  members(namespace: string, room: string): SessionModel[] {
    return this.sessions.filter(
      (session) =>
        session.namespace === namespace &&
        (!session.ended || session.endUncertain) &&
        session.isIn(room) !== "out",
    );
  }

  /** The application awaits the answers of those who are connected and get the event `n`. */
  asked(n: number): Asked {
    const asked: Asked = {
      answered: (answers) => {
        if (!this.#asked.delete(n)) this.fail("I3 one effect", `the callback of ${n} ran twice`);
        const names = new Set(answers);
        // A tab may go on with the session of another, and answer for that, too.
        if (names.size < answers.length && this.options.tabs === undefined)
          this.fail("I3 one effect", `somebody answered ${n} twice`);
        for (const name of names) {
          const owner = ownerOf(`${name}`);
          if (this.sessions.some((session) => session.owner === owner && session.mayGet(n)))
            continue;
          this.fail("I20 isolation", `${owner} answered ${n}, which was not for it`);
        }
      },
    };
    this.#asked.set(n, asked);
    return asked;
  }

  // --- sessions ---

  /** A socket has connected. */
  connected(namespace: string, connectionId: string, owner: string, found: Found): SessionModel {
    const connection = this.connection(connectionId);
    const { pid, presented, position } = found;
    const { tabs } = this.options;
    let session = this.#resumed(namespace, owner, found, connection.asked.get(namespace) ?? 0);
    if (session?.ended === true) {
      if (!session.endUncertain)
        this.fail("I8 resume", `a session of ${owner} came back after its end`);
      session.ended = false;
      session.endUncertain = false;
    }
    if (session === undefined) {
      session = new SessionModel(namespace, owner);
      session.untold = this.#isGone(presented);
      this.sessions.push(session);
      if (found.key !== undefined) this.#byKey.set(found.key, session);
      this.#allowEarly(session, connection);
      if (tabs !== undefined && !this.#mayBeGone(presented)) {
        this.tabs.begins(session, found, connection.asked.get(namespace) ?? 0);
      }
    }
    if (session.owner !== owner)
      this.fail("I20 isolation", `${owner} got the session of ${session.owner}`);
    const isOwn = presented !== undefined && this.#byPid.get(presented) === session;
    const unsure = presented !== undefined && session.mayBeVoid(presented);
    if (isOwn) session.presents(presented);
    if (pid !== undefined) {
      session.pids.add(pid);
      this.#byPid.set(pid, session);
    }
    if (tabs !== undefined) this.tabs.checkTaken(session, found, isOwn);
    if (session.stay !== undefined) session.stay.fenced = true;
    session.stay = connection.begin(namespace, session);
    if (session.stay.left) {
      for (const n of connection.early.get(namespace) ?? []) session.excused.add(n);
    }
    session.begun.push(this.#calls);
    session.stay.tab = found.tab;
    session.stay.wallMs = this.options.wallMs();
    session.stay.clockSets = this.expiry.clockSets;
    // It counts beside a pid of the session only, and one of an earlier store is as good as none.
    const counts = isOwn && this.options.epochs(namespace).includes(epochOf(position) ?? "");
    session.stay.reported = counts ? offsetOf(position) : undefined;
    session.stay.reportedUnsure = unsure;
    const samePage = isOwn && found.remembers && session.tab === found.tab;
    // One that took another string for its position goes on from a receipt, and is told that: it may be older.
    if (!samePage || session.stay.reported === undefined) session.provenToPage = 0;
    session.tab = found.tab;
    this.#trace.add(this.#scheduler.now, "connected", owner, namespace);
    return session;
  }

  /** Whether the session of a pid is no more; among tabs another one may be on it. */
  #isGone(pid: string | undefined): boolean {
    const session = pid === undefined ? undefined : this.#byPid.get(pid);
    return session !== undefined && (this.options.tabs === undefined || session.ended);
  }

  /** Whether nothing is found by a pid any more, as far as is known: it has no other session in its place. */
  #mayBeGone(pid: string | undefined): boolean {
    const session = pid === undefined ? undefined : this.#byPid.get(pid);
    if (session === undefined || pid === undefined) return false;
    return session.ended || session.mayBeVoid(pid);
  }

  /** The session that a client goes on with. */
  #resumed(
    namespace: string,
    owner: string,
    { key, presented, goesOn }: Found,
    asked: number,
  ): SessionModel | undefined {
    if (key === undefined) return this.#byName(namespace, owner);
    const given = this.#byKey.get(key);
    const previous = presented === undefined ? undefined : this.#byPid.get(presented);
    const isThere =
      previous !== undefined && (!previous.ended || (previous.endUncertain && goesOn));
    // Only what is known for certain, and was before the client asked.
    const isGone = previous?.ended === true && !previous.endUncertain && previous.endedAt < asked;
    if (isGone && given !== undefined && given !== previous)
      this.fail("I10 honest gap", `${owner} was not told that its session is gone, and goes on`);
    // A pid is void when the client has used one that it was given later.
    const isVoid = presented !== undefined && previous?.voidPids.has(presented) === true;
    // Among tabs another one may be on it.
    if (isThere && !isVoid && given !== previous && this.options.tabs === undefined)
      this.fail("I20 isolation", `${owner} was given another's session`);
    return given;
  }

  /** The session of a device, where the server keeps none and yet is held to it. */
  #byName(namespace: string, owner: string): SessionModel | undefined {
    if (!this.options.durable) return undefined;
    return this.sessions.find(
      (session) => session.namespace === namespace && session.owner === owner && !session.ended,
    );
  }

  /** A client asks for a namespace. @param auth what it brings, as text */
  asks(connectionId: string, namespace: string, auth: string): void {
    this.connection(connectionId).asks(namespace, this.#calls);
    const owner = `${/"device":"(\w+)"/.exec(auth)?.[1]}${namespace}`;
    if (!this.#firstAsked.has(owner)) this.#firstAsked.set(owner, this.#calls);
    // That it was used may be kept, also when the client is gone before it is let in.
    const pid = /"pid":"([^"]+)"/.exec(auth)?.[1] ?? "";
    this.#byPid.get(pid)?.mayUse(pid);
  }

  /** What was emitted to all between the client's wish to connect and its answer may already be for it. */
  #allowEarly(session: SessionModel, { asked }: ConnectionModel): void {
    const { namespace, owner } = session;
    // One that is found by its name may have begun when an earlier wish was cut off.
    const since = this.options.identify ? this.#firstAsked.get(owner + namespace) : undefined;
    for (let n = (since ?? asked.get(namespace) ?? this.#calls) + 1; n <= this.#calls; n++) {
      const emit = this.emits.get(n);
      if (emit?.namespace === namespace && emit.toAll) session.allowed.add(n);
    }
  }

  /** The server, or the client by a packet, has ended the session; or its connection, where sessions are no more than that. */
  ended(session: SessionModel): void {
    if (session.ended) return;
    session.ended = true;
    session.endedAt = this.call();
  }

  disconnected(session: SessionModel, connectionId: string): void {
    if (session.stay?.connectionId === connectionId) {
      session.stay = undefined;
      session.offlineAt = this.call();
    }
    if (!this.options.durable) this.ended(session);
  }

  // --- the end of a process ---

  /**
   * The process is no more. What the journal has by now is all that there is of what it did.
   *
   * @param storedUntil what it knew by then, it has stored
   */
  crashed(storedUntil: number): void {
    this.fates.crashed();
    this.orders.crashed();
    this.#asked.clear();
    for (const session of this.sessions) {
      session.crash(this.fates.lastCommitted(session.namespace));
      session.forgetReceiptsSince(Math.min(storedUntil, this.#storedUntil));
      if (!this.options.durable) this.ended(session);
    }
    this.#storedUntil = Number.POSITIVE_INFINITY;
  }

  /** The process goes on for a while, and stores nothing any more. */
  storeFailed(): void {
    this.orders.crashed();
    this.#storedUntil = this.#scheduler.now - this.options.receiptStoredMs;
    for (const session of this.sessions) {
      session.doubt(this.fates.lastCommitted(session.namespace));
    }
  }

  /** The client leaves of its own will: what is on its way is not for anybody. */
  left({ connectionId, stayNumber }: Arrival, namespace: string): void {
    const connection = this.connection(connectionId);
    connection.left.set(namespace, stayNumber);
    const stay = connection.current(namespace);
    if (stay === undefined || stay !== connection.stay(namespace, stayNumber)) return;
    stay.left = true;
    this.gaps.left(stay);
    for (const { n } of stay.session.owed) if (n <= stay.sent) stay.session.excused.add(n);
    for (const n of stay.session.sentOlder) stay.session.excused.add(n);
  }

  /** The store was the memory of the process: nothing of what was is owed any more. */
  lostAll(): void {
    this.orders.lostAll();
    this.fates.lostAll();
    this.#byPid.clear();
    for (const session of this.sessions) {
      this.ended(session);
      session.stay = undefined;
    }
  }

  // --- what leaves the server ---

  sent(connectionId: string, namespace: string, n: number): void {
    const emit = this.emits.get(n);
    if (emit === undefined) this.fail("I6 no phantom", `${n} was sent, and nobody emitted it`);
    if (emit.fate !== "committed") this.fail("I6 no phantom", `${n} was sent while ${emit.fate}`);
    const connection = this.connection(connectionId);
    const stay = connection.current(namespace);
    if (stay === undefined) {
      connection.sentBefore(namespace, n);
      return;
    }
    if (stay.fenced) {
      this.fail("I11 fencing", `${n} was sent on a connection whose session had been taken over`);
    }
    const older = stay.session.unordered.has(n);
    if (older) stay.session.sentOlder.add(n);
    if (emit.kind === "stored" && !older) stay.sent = Math.max(n, stay.sent);
    this.expiry.checkAlive(stay, emit);
    if (stay.left) stay.session.excused.add(n);
  }

  pinged(connectionId: string): void {
    const { stays, pings } = this.connection(connectionId);
    pings.push([...stays.values()].flat().map((stay) => ({ stay, n: stay.sent })));
  }

  ponged(connectionId: string): void {
    for (const { stay, n } of this.connection(connectionId).pings.shift() ?? []) {
      const { session } = stay;
      // A client that has left drops what its transport has; and if it has asked anew, its stay may be fenced.
      if (session.stay !== stay || stay.left) continue;
      session.receipts.push({ tick: this.#scheduler.now, n });
      session.provenToPage = Math.max(session.provenToPage, n);
    }
  }

  /** The journal has it that the client of a session has everything up to an offset: it will not be sent again. */
  receiptStored(key: string, offset: number): void {
    const session = this.#byKey.get(key);
    if (session === undefined || session.ended) return;
    this.expiry.look();
    const early = session.owed.find(
      (emit) => emit.fate === "committed" && emit.offset <= offset && !session.isSettled(emit),
    );
    if (early === undefined) return;
    const what = `${session.owner} is said to have ${early.n}, and never got it`;
    this.fail("I8 resume", `${what} (${session.namespace})`);
  }

  /** What a connection holds in the memory of the process. */
  holds(connectionId: string, bytes: number): void {
    const { durable, highWaterBytes } = this.options;
    const most = durable ? Math.max(highWaterBytes, packetBytesMax) : highWaterBytes + burstBytes;
    if (bytes <= most + ownBytes) return;
    this.fail("I14 bound", `${connectionId.slice(0, 6)} holds ${bytes} bytes`);
  }

  // --- what reaches an application on a client ---

  /** @param stayNumber the stay in the namespace, counted by the client */
  received(
    { connectionId, stayNumber }: Arrival,
    namespace: string,
    n: number,
    owner: string,
  ): void {
    this.deliveries++;
    this.#trace.add(this.#scheduler.now, "got", owner, n, stayNumber);
    this.order.add(0, "got", owner, n);
    const emit = this.emits.get(n);
    if (emit === undefined) this.fail("I6 no phantom", `${owner} got ${n}, which nobody emitted`);
    const connection = this.connection(connectionId);
    let stay = connection.stay(namespace, stayNumber);
    // In one payload, what was missed may come before the answer that begins another stay, of another session.
    if (stay?.session.mayGet(n) === false)
      stay = connection.stay(namespace, stayNumber + 1) ?? stay;
    const session = stay?.session;
    if (stay === undefined || session?.owner !== owner || !session.mayGet(n)) {
      this.fail("I20 isolation", `${owner} got ${n} (${emit.kind}), which was not for it`);
    }
    if (session.untold && !stay.left)
      this.fail("I10 honest gap", `${owner} got ${n}, and was not told that its session is gone`);
    const times = session.give(n);
    this.expiry.look();
    if (session.unordered.has(n)) {
      if (!stay.left) this.older.check(stay, emit);
      return;
    }
    if (times > 1) this.#checkRepeat(stay, emit);
    if (emit.kind === "volatile") return;
    if (n <= stay.latest) {
      this.fail("I21 emit order", `${owner} got ${n} after ${stay.latest} on one connection`);
    }
    stay.latest = n;
    if (stay.left) return;
    this.#checkPromised(stay, n);
    if (emit.kind !== "stored") return;
    const missing = session.firstMissingBefore(n);
    if (missing !== undefined) {
      this.fail("I7 in order, no skip", `${owner} got ${n} and never ${missing.n}`);
    }
    this.older.checkBefore(session, emit);
  }

  #checkRepeat(stay: StayModel, emit: EmitRecord): void {
    const { session, reported } = stay;
    // What another tab gets late, that has lost the session to this one.
    if (stay.tab !== session.tab) return;
    const { n, kind } = emit;
    const { owner } = session;
    if (kind !== "stored" || !this.options.durable) {
      this.fail("I9 no repeats", `${owner} got ${n} (${kind}) again`);
    }
    const again = this.#inSpiteOfReceipt(session, n);
    if (reported === undefined) {
      if (again !== undefined) this.fail("I9 no repeats", again);
      return;
    }
    // A void pid is as good as none, and so is the position beside it; but whether the record that made it void was
    // kept when a process was killed is not known.
    if (stay.reportedUnsure && again === undefined) return;
    const what = this.#inSpiteOfPosition(session, emit, reported);
    if (what !== undefined) this.fail("I9 no repeats", what);
  }

  #inSpiteOfPosition(
    { owner, provenToPage }: SessionModel,
    { n, offset }: EmitRecord,
    reported: number,
  ): string | undefined {
    if (offset <= reported) return `${owner} got ${n} again, and had said that it has it`;
    // The position goes out before the ping that asks for the receipt.
    return n <= provenToPage
      ? `${owner} got ${n} again, whose position it was not told`
      : undefined;
  }

  #inSpiteOfReceipt({ owner, receipts }: SessionModel, n: number): string | undefined {
    const knownBefore = this.#scheduler.now - this.options.receiptStoredMs;
    const receipt = receipts.findLast(({ tick }) => tick < knownBefore);
    return receipt !== undefined && n <= receipt.n
      ? `${owner} got ${n} again, in spite of its receipt`
      : undefined;
  }

  #checkPromised({ promised, session }: StayModel, n: number): void {
    // One large packet is enough for transient ones to be dropped.
    const narrow = this.options.highWaterBytes < 100_000;
    for (let [next] = promised; next !== undefined && next.n <= n; [next] = promised) {
      promised.shift();
      if (next.n < n && !(next.droppable && narrow)) {
        const { owner } = session;
        this.fail("I21 emit order", `${owner} got ${n} and not ${next.n}, which came before`);
      }
    }
  }

  /** A handler of the application was called for the message `m` of a client. */
  heard(connectionId: string, namespace: string, m: number): void {
    const stay = this.connection(connectionId).current(namespace);
    if (stay === undefined) return;
    if (stay.fenced) {
      this.fail(
        "I11 fencing",
        `message ${m} was accepted on a connection that had been taken over`,
      );
    }
    if (m <= stay.heard)
      this.fail("I21 emit order", `message ${m} was handled after ${stay.heard}`);
    stay.heard = m;
  }

  // --- the end ---

  /** Everybody is connected, and time enough has passed: nobody may miss anything. */
  checkComplete(): void {
    this.expiry.look();
    const [asked] = this.#asked.keys();
    this.fates.checkComplete();
    const { open } = this.orders;
    if (open !== undefined) this.fail("I18 liveness", `${open} was never answered`);
    if (asked !== undefined) this.fail("I18 liveness", `the callback of ${asked} never ran`);
    for (const session of this.sessions) {
      if (session.ended) continue;
      if (session.untold && session.stay !== undefined)
        this.fail("I10 honest gap", `${session.owner} was not told that its session is gone`);
      const [first, ...more] = session.missing();
      if (first === undefined) continue;
      if (session.stay === undefined) continue;
      const others = more.length === 0 ? "" : ` and ${more.length} more`;
      this.fail(
        "I8 resume",
        `${session.owner} never got ${first.n}${others} (${session.namespace})`,
      );
    }
  }

  /** Whether nothing is owed to anybody who is connected. */
  get isComplete(): boolean {
    this.expiry.look();
    if (this.#asked.size > 0 || this.fates.publishing > 0) return false;
    if (this.orders.open !== undefined) return false;
    return this.sessions.every(
      (session) =>
        session.ended ||
        session.stay === undefined ||
        (!session.untold && session.missing().length === 0),
    );
  }
}
