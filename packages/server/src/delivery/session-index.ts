/** Sessions by what they are found by: a tag that they have in common, or a name. */
import type { Session } from "./session.ts";

const nobody: ReadonlySet<Session> = new Set();

export class SessionIndex {
  readonly #sets = new Map<string, Set<Session>>();

  of(key: string): ReadonlySet<Session> {
    return this.#sets.get(key) ?? nobody;
  }

  add(key: string, session: Session): void {
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([session]));
    else set.add(session);
  }

  remove(key: string, session: Session): void {
    const set = this.#sets.get(key);
    if (set === undefined) return;
    set.delete(session);
    if (set.size === 0) this.#sets.delete(key);
  }
}
