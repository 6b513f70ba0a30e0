/**
 * Sessions by the rooms that they were in and are no more. Most of those rooms had one member, and a set takes more memory
 * than all else that is kept of such a room: one alone is kept without.
 */
import type { Session } from "./session.ts";

export class FormerMembers {
  readonly #byRoom = new Map<string, Session | Set<Session>>();

  of(room: string): ReadonlySet<Session> {
    const found = this.#byRoom.get(room);
    if (found instanceof Set) return found;
    return new Set(found === undefined ? [] : [found]);
  }

  add(room: string, session: Session): void {
    const found = this.#byRoom.get(room);
    if (found instanceof Set) found.add(session);
    else if (found === undefined) this.#byRoom.set(room, session);
    else this.#byRoom.set(room, new Set([found, session]));
  }

  remove(room: string, session: Session): void {
    const found = this.#byRoom.get(room);
    if (found instanceof Set) found.delete(session);
    if (found === session || (found instanceof Set && found.size === 0)) this.#byRoom.delete(room);
  }
}
