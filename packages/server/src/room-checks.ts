/** What rooms there can be, and how many one may be in. Clients choose both, as applications let them. */
import type { Session } from "./delivery/session.ts";
import { tagCharactersMax, tagOfRoom } from "./delivery/tags.ts";
import { ServerError } from "./errors.ts";
import type { Room } from "./socket-types.ts";
import { show } from "./units.ts";

/**
 * So many characters may the names of all rooms of a session have together: those that it is in, and those that it has left
 * and whose events its client has not confirmed. They are one line of a checkpoint, and that is one string.
 */
const charactersMax = 8 * 1024 * 1024;

/**
 * Why there can be no room of one of these names where there is a store, which a client may have chosen. Tags of the
 * server's own begin with a character that it could send, too.
 */
export function unusableRoom(rooms: Iterable<Room>): ServerError | undefined {
  for (const room of rooms) {
    if (typeof room === "string" && room.startsWith("\u0000")) {
      return new ServerError("HF_ROOM_RESERVED", show(room));
    }
    const { length } = tagOfRoom(room);
    if (length > tagCharactersMax) {
      return new ServerError("HF_ROOM_NAME_TOO_LONG", `${length}, at most ${tagCharactersMax}`);
    }
  }
  return undefined;
}

/** Why rooms cannot be joined besides those that somebody is in, if `most` says so. */
export function tooManyRooms(
  joined: ReadonlySet<unknown>,
  current: ReadonlySet<unknown> | undefined,
  most: number,
): ServerError | undefined {
  const count = current?.size ?? 0;
  if (joined.size + count <= most) return undefined;
  let added = 0;
  for (const room of joined) if (current?.has(room) !== true) added++;
  // Whoever is in too many already may join again those that it is in.
  if (added === 0 || added + count <= most) return undefined;
  return new ServerError("HF_ROOMS_TOO_MANY", `more than ${most}`);
}

/** Why a session cannot join rooms of these names besides those that it is in, if it cannot. */
export function unkeptRooms(
  joined: Iterable<Room>,
  session: Session | undefined,
): ServerError | undefined {
  const unusable = unusableRoom(joined);
  if (unusable !== undefined) return unusable;
  let characters = 0;
  for (const room of joined) {
    const tag = tagOfRoom(room);
    if (session?.memberships.has(tag) !== true) characters += tag.length;
  }
  const isTooMuch = () => characters + (session?.roomCharacters ?? 0) > charactersMax;
  if (isTooMuch()) session?.forgetLeft();
  if (!isTooMuch()) return undefined;
  const detail = `their names have more than ${charactersMax} characters`;
  return new ServerError("HF_ROOMS_TOO_MANY", detail);
}

const warned = new Set<string>();

/** Warns once of what nobody listens to. */
export function warnOnce({ code, message }: ServerError): void {
  if (warned.has(code)) return;
  warned.add(code);
  process.emitWarning(`${message}; "error" of a socket tells each time`, {
    type: "HoldfastWarning",
    code,
  });
}
