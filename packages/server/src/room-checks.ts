/** What rooms there can be, and how many one may be in. Clients choose both, as applications let them. */
import { tagCharactersMax, tagOfRoom } from "./delivery/tags.ts";
import { ServerError } from "./errors.ts";
import type { Room } from "./socket-types.ts";
import { show } from "./units.ts";

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

/** @throws ServerError HF_ROOM_RESERVED, HF_ROOM_NAME_TOO_LONG */
export function refuseUnusableRooms(rooms: Iterable<Room>): void {
  const refusal = unusableRoom(rooms);
  if (refusal !== undefined) throw refusal;
}

/** Why rooms cannot be joined besides those that somebody is in, if `most` says so. */
export function tooManyRooms(
  joined: ReadonlySet<unknown>,
  current: ReadonlySet<unknown> | undefined,
  most: number,
): ServerError | undefined {
  let count = current?.size ?? 0;
  if (joined.size + count <= most) return undefined;
  for (const room of joined) if (current?.has(room) !== true) count++;
  return count > most ? new ServerError("HF_ROOMS_TOO_MANY", `more than ${most}`) : undefined;
}
