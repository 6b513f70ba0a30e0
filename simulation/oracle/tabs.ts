/**
 * Several clients under one name: each has a session of its own, and goes on with it, or with one that nobody is on.
 * Which session a client was given the server says; whether it may have been is decided here.
 */
import type { Found } from "./connection-model.ts";
import type { Oracle } from "./oracle.ts";
import type { SessionModel } from "./session-model.ts";

export class Tabs {
  readonly #oracle: Oracle;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /**
   * A session is new: none was free for its client. One that is free may be kept for another tab that comes as well.
   *
   * @param asked the last call before the client asked for it
   */
  begins(session: SessionModel, { tab }: Found, asked: number): void {
    const { namespace, owner } = session;
    const count = this.#oracle.options.tabs?.get(owner) ?? 1;
    const free = this.#oracle.sessions.filter(
      (one) =>
        one.namespace === namespace &&
        one.owner === owner &&
        !one.ended &&
        one !== session &&
        one.stay === undefined &&
        one.offlineAt < asked,
    );
    if (free.length < count) return;
    const what = `${tab} was given a new session, and ${free.length} of ${owner} were free`;
    this.#oracle.fail("I8 resume", what);
  }

  /** A session is taken from whoever has it: not from one that is there, unless the client has proven that it is its own. */
  checkTaken({ stay, owner }: SessionModel, { tab, remembers }: Found, isOwn: boolean): void {
    if (stay === undefined || stay.tab === tab || (isOwn && remembers)) return;
    if (!this.#oracle.options.answers(stay.tab, stay.connectionId)) return;
    this.#oracle.fail("I11 fencing", `${tab} took the session of ${owner} from ${stay.tab}`);
  }
}

/** Tabs are named after their owner: "d0.d1" is one of d0. */
export function ownerOf(name: string): string {
  return name.split(".")[0] ?? name;
}
