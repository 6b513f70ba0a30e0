/** Joining a room with what was said in it before: `socket.join(room, { since })`. */
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
const pageEntriesMax = 2000;

/**
 * @returns resolves with the offset after which events are wanted
 * @throws ServerError HF_POSITION_INVALID, HF_OPTION_INVALID
 */
export async function offsetOf(
  delivery: Delivery,
  room: string,
  options: JoinSince,
): Promise<number> {
  if (options === "start") return (delivery.stream?.tail ?? 1) - 1;
  if (typeof options === "object" && options !== null) {
    if ("since" in options) return sinceOffset(delivery, options.since);
    if ("last" in options) return lastOffset(delivery, room, options.last);
    if ("ago" in options) {
      const agoMs = parseDuration("ago", options.ago);
      return agoOffset(delivery, room, delivery.options.wallMs() - agoMs);
    }
  }
  throw new ServerError(
    "HF_OPTION_INVALID",
    `the second argument of join() is ${show(options)}; accepted: "start", { since: position }, { last: count } or { ago: duration }`,
  );
}

function sinceOffset(delivery: Delivery, text: unknown): number {
  const position = delivery.positions.decode("application", text);
  if (position !== undefined) {
    const known = delivery.stream?.epochs.find(({ id }) => id === position.epoch);
    if (known !== undefined) return Math.min(position.offset, known.end ?? delivery.head);
  }
  throw new ServerError(
    "HF_POSITION_INVALID",
    `got ${show(text)}; accepted: what publish(), history() or room.position() of this namespace gave`,
  );
}

async function lastOffset(delivery: Delivery, room: string, count: unknown): Promise<number> {
  if (typeof count !== "number" || !Number.isInteger(count) || count < 0) {
    throw new ServerError(
      "HF_OPTION_INVALID",
      `"last" is ${show(count)}; accepted: a number of events, 0 or more`,
    );
  }
  let left = count;
  return walkBack(delivery, room, () => left-- <= 0);
}

function agoOffset(delivery: Delivery, room: string, sinceMs: number): Promise<number> {
  return walkBack(delivery, room, (timeMs) => timeMs < sinceMs);
}

/** Goes back over the events of a room until one is not wanted. @returns resolves with its offset */
async function walkBack(
  delivery: Delivery,
  room: string,
  isTooOld: (timeMs: number) => boolean,
): Promise<number> {
  const { stream } = delivery;
  if (stream === undefined) return 0;
  const oldest = stream.tail - 1;
  for (let from = stream.head + 1; from > oldest + 1; ) {
    const page = await stream.read({
      from,
      direction: "backward",
      tags: new Set([room]),
      untagged: false,
      maxBytes: pageBytes,
      maxEntries: pageEntriesMax,
    });
    for (const { offset, timeMs } of page.entries) if (isTooOld(timeMs)) return offset;
    if (page.next >= from) break;
    from = page.next;
  }
  return oldest;
}
