/** Joining a room with what was said in it before: `socket.join(room, { since })`. */
import { type LostEntries, resolvePosition } from "./delivery/application-position.ts";
import type { Delivery } from "./delivery/delivery.ts";
import { ServerError } from "./errors.ts";
import { parseDuration, show } from "./units.ts";

/** From where older events of a room are wanted. */
export type JoinSince =
  /** Everything that is kept. */
  | "start"
  /** What came after a position that `publish`, `history` or `room.position()` gave. */
  | { readonly since: string }
  /** The newest events, this many; and what is published meanwhile. */
  | { readonly last: number }
  /** What was published in the last milliseconds, or in "10m". */
  | { readonly ago: number | string };

const pageBytes = 256 * 1024;
const pageEntriesMax = 500;

/** Most who ask for the last minutes find few. */
const agoEntriesFirst = 50;

/** After which offset events are wanted, and what of them cannot be had any more. */
export interface SinceOffset {
  readonly after: number;
  readonly lost: LostEntries | undefined;
}

/** @throws ServerError HF_POSITION_INVALID, HF_OPTION_INVALID */
export async function sinceOffset(
  delivery: Delivery,
  room: string,
  options: JoinSince,
): Promise<SinceOffset> {
  refuseSeveral(options);
  if (typeof options === "object" && options !== null && "since" in options) {
    return afterPosition(delivery, options.since);
  }
  return { after: await offsetOf(delivery, room, options), lost: undefined };
}

/** Nothing says which of them would count. */
function refuseSeveral(options: JoinSince): void {
  if (typeof options !== "object" || options === null) return;
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  if (given.length > 1) refuse(options);
}

function refuse(options: unknown): never {
  throw new ServerError(
    "HF_OPTION_INVALID",
    `the second argument of join() is ${show(options)}; accepted: one of "start", { since: position }, { last: count } and { ago: duration }`,
  );
}

async function offsetOf(
  delivery: Delivery,
  room: string,
  options: Exclude<JoinSince, { since: string }>,
): Promise<number> {
  if (options === "start") return (delivery.stream?.tail ?? 1) - 1;
  if (typeof options === "object" && options !== null) {
    if ("last" in options) return lastOffset(delivery, room, options.last);
    if ("ago" in options) {
      const agoMs = parseDuration("ago", options.ago);
      return agoOffset(delivery, room, delivery.options.wallMs() - agoMs);
    }
  }
  return refuse(options);
}

function afterPosition(delivery: Delivery, text: unknown): SinceOffset {
  const position = resolvePosition(delivery, text);
  if (position === undefined) {
    throw new ServerError(
      "HF_POSITION_INVALID",
      `got ${show(text)}; accepted: what publish(), history() or room.position() of this namespace gave`,
    );
  }
  const { offset, lost } = position;
  return { after: lost?.to ?? offset, lost };
}

async function lastOffset(delivery: Delivery, room: string, count: unknown): Promise<number> {
  if (typeof count !== "number" || !Number.isInteger(count) || count < 0) {
    throw new ServerError(
      "HF_OPTION_INVALID",
      `"last" is ${show(count)}; accepted: a number of events, 0 or more`,
    );
  }
  let left = count;
  const isTooOld = () => left-- <= 0;
  return walkBack(delivery, room, { isTooOld, entriesFirst: count + 1 });
}

function agoOffset(delivery: Delivery, room: string, sinceMs: number): Promise<number> {
  const isTooOld = (timeMs: number) => timeMs < sinceMs;
  return walkBack(delivery, room, { isTooOld, entriesFirst: agoEntriesFirst });
}

interface Walk {
  readonly isTooOld: (timeMs: number) => boolean;
  /** How many are looked at first. Pages after that are as long as they get. */
  readonly entriesFirst: number;
}

/** Goes back over the events of a room until one is not wanted. @returns resolves with its offset */
async function walkBack(
  delivery: Delivery,
  room: string,
  { isTooOld, entriesFirst }: Walk,
): Promise<number> {
  const { stream, options } = delivery;
  if (stream === undefined) return 0;
  const oldest = stream.tail - 1;
  let maxEntries = Math.min(entriesFirst, pageEntriesMax);
  for (let from = stream.head + 1; from > oldest + 1; ) {
    const page = await stream.read({
      from,
      direction: "backward",
      tags: new Set([room]),
      untagged: false,
      maxBytes: pageBytes,
      maxEntries,
    });
    for (const { offset, timeMs } of page.entries) if (isTooOld(timeMs)) return offset;
    if (page.next >= from) break;
    from = page.next;
    maxEntries = pageEntriesMax;
    // What is in memory comes at once, and many may join at once.
    await new Promise<void>((resolve) => options.afterTurn(resolve));
  }
  return oldest;
}
