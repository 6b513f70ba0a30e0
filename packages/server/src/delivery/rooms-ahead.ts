/** The sessions whose changes of rooms are still in the lane, by room: the application sees those changes already. */
import type { Session } from "./session.ts";
import { SessionIndex } from "./session-index.ts";

export class RoomsAhead {
  readonly #byRoom = new SessionIndex();
  /** In which order they have come to be ahead of the lane. */
  readonly #places = new Map<Session, number>();
  #placesGiven = 0;

  /** The session has changes in the lane: of rooms that are to be added. */
  enter(session: Session): void {
    this.#places.set(session, this.#placesGiven++);
  }

  exit(session: Session): void {
    this.#places.delete(session);
  }

  add(room: string, session: Session): void {
    this.#byRoom.add(room, session);
  }

  remove(room: string, session: Session): void {
    this.#byRoom.remove(room, session);
  }

  /** Those with a change of this room, whoever is ahead of the lane for longest first. */
  of(room: string): Iterable<Session> {
    const found = this.#byRoom.of(room);
    return found.size < 2
      ? found
      : [...found].sort((one, two) => this.#place(one) - this.#place(two));
  }

  #place(session: Session): number {
    return this.#places.get(session) ?? 0;
  }
}
