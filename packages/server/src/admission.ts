/**
 * How a client comes to a namespace that keeps sessions: what it brings back is found, middlewares and the
 * application's `identify` decide who it is, and the session goes on from its position.
 */
import createDebug from "debug";
import { type Claim, type ClaimedGap, continuing, readClaim } from "./delivery/claim.ts";
import type { Delivery } from "./delivery/delivery.ts";
import type { Session } from "./delivery/session.ts";
import type { Identity, StartGap } from "./delivery/session-changes.ts";
import { holderOf } from "./delivery/session-table.ts";
import { ServerError } from "./errors.ts";
import type { Host } from "./host/host.ts";
import { show } from "./units.ts";

const debug = createDebug("holdfast:admission");

/** How long a connection is asked whether its client is still there before another takes its session. */
const probeMs = 1000;
/** Of more connections of one holder only so many are asked: where "guest" names everybody, each one that comes would ask all. */
const askedMax = 64;

/** What `identify` may give: one stable name, or the names of user and device. */
export type GivenIdentity =
  | string
  | { readonly user?: string | undefined; readonly device?: string | undefined }
  | null
  | undefined;

/** Who has a session now, and can be asked whether he is there. */
export interface SessionHolder {
  readonly client: {
    readonly _sessions: {
      /** Resolves with false when the client does not answer in time. */
      probe(waitMs: number): Promise<boolean>;
      /** When its client answered last, by the monotonic clock. */
      readonly answeredMs: number;
    };
  };
}

/** The session of a socket that is being let in, and from where it goes on. */
export interface Admitted {
  readonly session: Session;
  /** It was there before. */
  readonly resumed: boolean;
  readonly from: number;
  readonly gap: ClaimedGap | undefined;
  readonly socketId: string;
  /** What the client is told. A new one where something is missing, so that it does not take itself for recovered. */
  readonly pid: string;
}

/** Both are in each message id of the holder, as JSON, which may take six characters for one. */
const nameCharactersMax = 1024;

/** @throws ServerError HF_IDENTITY_INVALID */
export function readIdentity(given: unknown): Identity | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === "string" && isName(given)) return { user: given, device: undefined };
  // One of other names, { userId }, would make an anonymous client of somebody.
  if (typeof given === "object" && ("user" in given || "device" in given)) {
    const { user, device } = given as { user?: unknown; device?: unknown };
    if (isName(user) && isName(device)) {
      return user === undefined && device === undefined ? undefined : { user, device };
    }
  }
  throw new ServerError(
    "HF_IDENTITY_INVALID",
    `got ${show(given)}; accepted: a string, { user, device } of strings, or undefined; of 1 to ${nameCharactersMax} characters`,
  );
}

function isName(value: unknown): value is string | undefined {
  if (value === undefined) return true;
  return typeof value === "string" && value !== "" && value.length <= nameCharactersMax;
}

function sameHolder(left: Identity | undefined, right: Identity | undefined): boolean {
  return (left && holderOf(left)) === (right && holderOf(right));
}

/**
 * Those who were connected when the server ended went together: then the one that began last. One that began before may
 * be of a client that went before it was let in, whose end the journal did not keep any more.
 */
function lastFirst(a: Session, b: Session): number {
  return (b.offlineSinceMs ?? 0) - (a.offlineSinceMs ?? 0) || b.start - a.start;
}

function startGapOf({ from, reason }: ClaimedGap): StartGap {
  return from === undefined ? { reason } : { from, reason };
}

export class Admission {
  readonly #delivery: Delivery;
  readonly #host: Host;
  /** Who has which session. */
  readonly #holders: ReadonlyMap<Session, SessionHolder>;
  /** Sessions that have been chosen for a client which is not connected yet, and what to call when it is or is gone. */
  readonly #reserved = new Map<Session, { readonly settled: Promise<void>; settle(): void }>();

  constructor(delivery: Delivery, host: Host, holders: ReadonlyMap<Session, SessionHolder>) {
    this.#delivery = delivery;
    this.#host = host;
    this.#holders = holders;
  }

  /** What the client brings back. Call it when the delivery is ready. */
  claim(auth: Readonly<Record<string, unknown>>): Claim {
    return readClaim(this.#delivery, auth);
  }

  /**
   * Chooses the session of a client, or makes one.
   *
   * @param identity who it is, as the application says
   * @param start what a new session begins with
   * @returns resolves when the session can be connected: a new one when its start is committed
   */
  async admit(
    claim: Claim,
    identity: Identity | undefined,
    start: { socketId: string; rooms: readonly string[]; data: unknown },
  ): Promise<Admitted> {
    const claimed = await this.#claimed(claim, identity);
    if (claimed !== undefined) return claimed;
    const lost = this.#lost(claim);
    // In the place of one that is no more there is no other: docs/decisions/a-session-that-is-gone.md
    if (lost !== undefined) return this.#begin(lost, identity, start);
    if (identity !== undefined && holderOf(identity) !== undefined) {
      const session = await this.#freeSlot(identity);
      if (session !== undefined) {
        const { from, gap } = continuing(this.#delivery, session, session.receipt);
        return this.#resumed(session, { from, gap, socketId: start.socketId, pid: undefined });
      }
    }
    return this.#begin(undefined, identity, start);
  }

  /**
   * What a client is to be told that gets a new session: that the one it named is gone, which may have happened in the
   * meantime. One that stays with somebody else is as good as not named, and so is what is missing there.
   */
  #lost({ session, from, gap }: Claim): ClaimedGap | undefined {
    if (session === undefined) return gap;
    if (!session.ending) return undefined;
    return {
      from: gap === undefined ? from : gap.from,
      to: this.#delivery.head,
      reason: "session",
    };
  }

  async #claimed(claim: Claim, identity: Identity | undefined): Promise<Admitted | undefined> {
    const { session } = claim;
    if (session === undefined || session.ending) return undefined;
    // Who holds another's pid does not become the other.
    if (!sameHolder(session.identity, identity)) {
      debug("%s: the pid is of another identity", session.key.slice(0, 6));
      return undefined;
    }
    // A page that was duplicated has the same pid; the first one answers.
    if (claim.saved && !(await this.#reserveIfSilent(session))) return undefined;
    const { from, gap, saved } = claim;
    const pid = saved ? undefined : claim.pid;
    return this.#resumed(session, { from, gap, socketId: session.socketId, pid });
  }

  /** An offline session of the holder, the latest first; else one whose client does not answer. */
  async #freeSlot(identity: Identity): Promise<Session | undefined> {
    const slots = [...this.#delivery.sessions.ofHolder(identity)].filter(({ ending }) => !ending);
    const [latest] = slots
      .filter((session) => session.link === undefined && !this.#reserved.has(session))
      .sort(lastFirst);
    if (latest !== undefined) {
      this.#reserve(latest);
      return latest;
    }
    return this.#firstSilent(this.#quietest(slots));
  }

  /** Those that answered last the longest ago: a client that is not there is among them, sooner or later. */
  #quietest(slots: readonly Session[]): readonly Session[] {
    if (slots.length <= askedMax) return slots;
    const answeredMs = (session: Session) => this.#clientOf(session)?.answeredMs ?? 0;
    return [...slots].sort((a, b) => answeredMs(a) - answeredMs(b)).slice(0, askedMax);
  }

  /** One is enough: the others stay with whoever may still be there. */
  #firstSilent(slots: readonly Session[]): Promise<Session | undefined> {
    return new Promise((resolve) => {
      let chosen: Session | undefined;
      const asked = slots.map(async (session) => {
        if (!(await this.#reserveIfSilent(session))) return;
        if (chosen === undefined) resolve(session);
        else this.settled(session);
        chosen ??= session;
      });
      void Promise.all(asked).then(() => resolve(chosen));
    });
  }

  /**
   * A session that is reserved may be free in a moment: a client that got no answer in time tries again, and must not
   * find its own first try in its way.
   *
   * @returns resolves with whether nobody answers for the session, which is reserved then
   */
  async #reserveIfSilent(session: Session): Promise<boolean> {
    for (;;) {
      await this.#reserved.get(session)?.settled;
      const client = session.link && this.#clientOf(session);
      if (client !== undefined && (await client.probe(probeMs))) return false;
      if (session.ending) return false;
      if (this.#reserved.has(session)) continue;
      this.#reserve(session);
      return true;
    }
  }

  #clientOf(session: Session) {
    return this.#holders.get(session)?.client._sessions;
  }

  #reserve(session: Session): void {
    let settle = (): void => {};
    const settled = new Promise<void>((resolve) => {
      settle = resolve;
    });
    this.#reserved.set(session, { settled, settle });
  }

  /** The session was connected, or will not be: it can be chosen again. */
  settled(session: Session): void {
    this.#reserved.get(session)?.settle();
    this.#reserved.delete(session);
  }

  /**
   * A client that has no pid in its memory is told a new one: whoever had the session before may still be there, and
   * two who have the same would take it from each other for ever. The others become void when it is used.
   *
   * @param how `pid`: what the client remembers
   */
  #resumed(
    session: Session,
    how: Pick<Admitted, "from" | "gap" | "socketId"> & { readonly pid: string | undefined },
  ): Admitted {
    const pid = (how.gap === undefined ? how.pid : undefined) ?? this.#newPid();
    return { ...how, session, resumed: true, pid };
  }

  #newPid(): string {
    return this.#delivery.pids.encode(this.#host.newId());
  }

  async #begin(
    gap: ClaimedGap | undefined,
    identity: Identity | undefined,
    { socketId, rooms, data }: { socketId: string; rooms: readonly string[]; data: unknown },
  ): Promise<Admitted> {
    const pid = this.#newPid();
    const slot = this.#nextSlot(identity);
    const { session, started } = this.#delivery.begin({
      type: "start",
      session: this.#host.newId(),
      pid,
      socketId,
      rooms,
      ...(identity !== undefined && { identity }),
      ...(slot > 0 && { slot }),
      ...(data !== undefined && { data }),
      ...(gap !== undefined && { gap: startGapOf(gap) }),
    });
    await started;
    const { start } = session;
    // What lies between what it asked for and where it begins is not for it.
    const told = gap && { ...gap, to: start };
    return { session, resumed: false, from: start, gap: told, socketId, pid };
  }

  #nextSlot(identity: Identity | undefined): number {
    let next = 0;
    if (identity !== undefined) {
      for (const { slot } of this.#delivery.sessions.ofHolder(identity)) {
        next = Math.max(next, slot + 1);
      }
    }
    return next;
  }
}
