/**
 * What a store keeps of a room: what was said in it, where it stands, who is in it. `io.room(name)` gives one.
 */
import { type ResolvedPosition, resolvePosition } from "./delivery/application-position.ts";
import type { Delivery } from "./delivery/delivery.ts";
import type { Gap } from "./delivery/marker.ts";
import type { Addressed } from "./delivery/session.ts";
import type { EntryRecord, Page } from "./delivery/store.ts";
import { tagOfRoom } from "./delivery/tags.ts";
import { ServerError } from "./errors.ts";
import { missing, type SessionDetails } from "./publish.ts";
import { unusableRoom } from "./room-checks.ts";
import type { SessionKeeper } from "./session-keeper.ts";
import type { Room } from "./socket-types.ts";
import { eventOf } from "./stored-event.ts";
import type { ArgsWithoutAck, EventNames, EventParams, EventsMap } from "./typed-events.ts";
import { show } from "./units.ts";

export interface HistoryOptions {
  /** Only what came after this position. It comes from `publish`, `history` or `position()`. */
  after?: string;
  /** Only what came before this position. */
  before?: string;
  /** Only the newest of those, this many. Oldest first all the same. */
  last?: number;
  /** Ends after so many. */
  limit?: number;
  /**
   * Told of events that were asked for and cannot be had any more, instead of the error HF_HISTORY_GAP; what comes
   * after them follows.
   */
  onGap?: (gap: Gap) => void;
}

interface HistoryDetails {
  /** Where it stands: for `after`, `before`, and `join(room, { since })`. */
  readonly position: string;
  /** When it was published, in milliseconds since 1970. */
  readonly time: number;
  /** The id that it was published under. */
  readonly id: string | undefined;
  /** The sessions that the event is for and whose transports have not confirmed it: now, when this is called. */
  missing(): Promise<SessionDetails[]>;
}

/** One event of a room, as it was emitted, without its acknowledgement. */
export type HistoryEvent<EmitEvents extends EventsMap> = EventOf<
  EmitEvents,
  EventNames<EmitEvents> & string
>;

type EventOf<Map extends EventsMap, Ev extends EventNames<Map>> = Ev extends unknown
  ? HistoryDetails & {
      readonly event: Ev;
      readonly args: ArgsWithoutAck<EventParams<Map, Ev>>;
    }
  : never;

/** Events after `from` up to `to`: offsets of the stream. */
interface Range {
  readonly from: number;
  readonly to: number;
}

const optionNames: ReadonlySet<string> = new Set(["after", "before", "last", "limit", "onGap"]);

const pageBytes = 256 * 1024;
const pageEntriesMax = 500;

export class KeptRoom<EmitEvents extends EventsMap> {
  /** Its name. */
  readonly name: Room;
  readonly #keeper: SessionKeeper;

  /** @internal Namespaces make them: see `Namespace#room`. */
  constructor(keeper: SessionKeeper, name: Room) {
    const refusal = unusableRoom([name]);
    if (refusal !== undefined) throw refusal;
    this.name = name;
    this.#keeper = keeper;
  }

  /**
   * What was emitted to the room, oldest first, up to now. Read page by page: it may be long. Without `after` it begins
   * with the oldest that is kept. Events to everybody are not a room's; nor are those whose time to live has passed.
   *
   * @throws ServerError HF_POSITION_INVALID, HF_OPTION_INVALID; HF_HISTORY_GAP, whose `gap` says what is missing
   */
  async *history(options: HistoryOptions = {}): AsyncGenerator<HistoryEvent<EmitEvents>, void> {
    checkOptions(options);
    const { delivery } = this.#keeper;
    await delivery.ready;
    const range = await this.#rangeOf(options);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (left === 0) return;
    for await (const entry of this.#entries(range, options)) {
      yield this.#shown(entry);
      // Not one more is looked for: what lies behind was not asked for, be it far away or gone.
      if (--left === 0) return;
    }
  }

  /**
   * Where the room is now. Take it before you load what clients begin with, and have them follow from there:
   * `socket.join(room, { since: position })` misses nothing.
   */
  async position(): Promise<string> {
    const { delivery } = this.#keeper;
    await delivery.ready;
    return delivery.positions.encode("application", delivery.at(delivery.head));
  }

  /** The sessions that are in the room, connected or not. */
  async members(): Promise<SessionDetails[]> {
    const { delivery } = this.#keeper;
    await delivery.ready;
    const sessions = delivery.sessions.members(tagOfRoom(this.name));
    return [...sessions].map((session) => this.#keeper.detailsOf(session));
  }

  // --- history ---

  #shown(entry: EntryRecord): HistoryEvent<EmitEvents> {
    // What comes out of the store went in by a typed `emit`.
    return new KeptEvent(this.#keeper, entry) as unknown as HistoryEvent<EmitEvents>;
  }

  async #rangeOf(options: HistoryOptions): Promise<Range> {
    const { delivery } = this.#keeper;
    const { head } = delivery;
    let to = head;
    if (options.before !== undefined) {
      const { offset, lost } = resolved(delivery, "before", options.before);
      to = Math.min(head, lost === undefined ? offset - 1 : offset);
    }
    let from = (delivery.stream?.tail ?? 1) - 1;
    if (options.after !== undefined) {
      const { offset, lost } = resolved(delivery, "after", options.after);
      if (lost !== undefined) tellGap(delivery, lost, lost.reason, options);
      from = lost?.to ?? offset;
    }
    if (options.last !== undefined) from = await this.#beforeLast({ from, to }, options.last);
    return { from, to };
  }

  /** @returns resolves with the offset after which the newest `count` events of the range begin */
  async #beforeLast({ from, to }: Range, count: number): Promise<number> {
    let left = count;
    if (left === 0) return to;
    for (let at = to + 1; at > from + 1; ) {
      const page = await this.#read(at, "backward", Math.min(left, pageEntriesMax));
      for (const entry of page.entries) {
        if (entry.offset <= from) return from;
        if (!this.#isExpired(entry) && --left === 0) return entry.offset - 1;
      }
      if (page.next >= at) break;
      at = page.next;
    }
    return from;
  }

  async *#entries({ from, to }: Range, options: HistoryOptions): AsyncGenerator<EntryRecord, void> {
    const { delivery } = this.#keeper;
    const { limit = pageEntriesMax } = options;
    for (let at = from; at < to; ) {
      const page = await this.#read(at, "forward", Math.min(limit, pageEntriesMax));
      // The oldest that is kept may have gone since it was looked up: nobody asked for that one.
      const wanted = options.after !== undefined || at > from;
      const gaps = page.gaps.filter(
        (gap) => gap.from < to && (wanted || gap.reason !== "retention"),
      );
      for (const entry of page.entries) {
        for (let [gap] = gaps; gap !== undefined && gap.to < entry.offset; [gap] = gaps) {
          gaps.shift();
          tellGap(delivery, gap, gap.reason, options);
        }
        if (entry.offset > to) return;
        if (!this.#isExpired(entry)) yield entry;
      }
      for (const gap of gaps) tellGap(delivery, gap, gap.reason, options);
      if (page.next <= at) return;
      at = page.next;
    }
  }

  async #read(
    from: number,
    direction: "forward" | "backward",
    maxEntries = pageEntriesMax,
  ): Promise<Page> {
    const { stream, options } = this.#keeper.delivery;
    // A page that is in memory is there at once: a long room would leave nobody else a turn.
    await new Promise<void>((resolve) => options.afterTurn(resolve));
    const page = await stream?.read({
      from,
      direction,
      tags: new Set([tagOfRoom(this.name)]),
      untagged: false,
      maxBytes: pageBytes,
      maxEntries,
    });
    return page ?? { entries: [], next: from, gaps: [] };
  }

  #isExpired({ expiresMs }: EntryRecord): boolean {
    return expiresMs !== undefined && expiresMs <= this.#keeper.delivery.options.wallMs();
  }
}

class KeptEvent implements HistoryDetails {
  readonly event: string;
  readonly args: readonly unknown[];
  readonly position: string;
  readonly time: number;
  readonly id: string | undefined;
  readonly #keeper: SessionKeeper;
  readonly #addressed: Addressed;

  constructor(keeper: SessionKeeper, entry: EntryRecord) {
    const { delivery, parser } = keeper;
    const { offset, tags, except } = entry;
    const { event, args } = eventOf(entry, parser);
    this.event = event;
    this.args = args;
    this.position = delivery.positions.encode("application", delivery.at(offset));
    this.time = entry.timeMs;
    this.id = entry.messageId?.id;
    this.#keeper = keeper;
    // Not the entry: its bytes are not needed any more.
    this.#addressed = { offset, tags, except };
  }

  missing(): Promise<SessionDetails[]> {
    return Promise.resolve(missing(this.#keeper, this.#addressed));
  }
}

/** @throws ServerError HF_POSITION_INVALID */
function resolved(delivery: Delivery, option: string, text: unknown): ResolvedPosition {
  const position = resolvePosition(delivery, text);
  if (position !== undefined) return position;
  throw new ServerError(
    "HF_POSITION_INVALID",
    `"${option}" is ${show(text)}; accepted: what publish(), history() or position() of this namespace gave`,
  );
}

/** @throws ServerError HF_HISTORY_GAP when nobody is there to be told */
function tellGap(
  delivery: Delivery,
  { from, to }: Range,
  reason: Gap["reason"],
  { onGap }: HistoryOptions,
): void {
  const show = (offset: number) => delivery.positions.encode("application", delivery.at(offset));
  const gap: Gap = { from: show(from), to: show(to), reason };
  if (onGap === undefined) throw new HistoryGapError(gap);
  onGap(gap);
}

/** Events that were asked for cannot be had any more. */
export class HistoryGapError extends ServerError {
  /** Which, and why. `history({ after: gap.to })` goes on behind them. */
  readonly gap: Gap;

  /** @internal */
  constructor(gap: Gap) {
    super("HF_HISTORY_GAP", gap.reason);
    this.gap = gap;
  }
}

/** @throws ServerError HF_OPTION_INVALID */
function checkOptions(options: HistoryOptions): void {
  const isObject = typeof options === "object" && (options as unknown) !== null;
  const unknown = isObject
    ? Object.keys(options).find((name) => !optionNames.has(name))
    : undefined;
  if (!isObject || unknown !== undefined) {
    throw new ServerError(
      "HF_OPTION_INVALID",
      `history() got ${show(unknown ?? options)}; accepted: an object of ${[...optionNames].join(", ")}`,
    );
  }
  const { last, limit } = options;
  for (const [name, value] of Object.entries({ last, limit })) {
    if (value === undefined || (Number.isInteger(value) && value >= 0)) continue;
    throw new ServerError(
      "HF_OPTION_INVALID",
      `"${name}" is ${show(value)}; accepted: a number of events, 0 or more`,
    );
  }
}
