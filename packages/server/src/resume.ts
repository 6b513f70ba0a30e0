/** What an application learns of how a socket came back: `socket.resume`. */

import type { Gap } from "./delivery/marker.ts";
import type { Progress } from "./delivery/progress.ts";

export class Resume {
  /** new: there was no session. full: nothing is missing. gap: what `gaps` names cannot be had any more. */
  readonly kind: "new" | "full" | "gap";
  /** Resolves when the client has been sent everything up to the newest event. Never, if it goes before that. */
  readonly done: Promise<void>;
  /** @internal */ readonly _progress: Progress;

  /** @internal */
  constructor(resumed: boolean, progress: Progress, gap: boolean) {
    this.kind = gap ? "gap" : resumed ? "full" : "new";
    this._progress = progress;
    this.done = new Promise((resolve) => {
      progress.caughtUp = resolve;
    });
  }

  /** Events that it had missed and was given: so far, until `done`. */
  get missed(): number {
    return this._progress.missed;
  }

  /** Events that it had missed and whose time to live has passed. */
  get expired(): number {
    return this._progress.expired;
  }

  /** Stretches of events that it is not given, with the reasons. */
  get gaps(): readonly Gap[] {
    return this._progress.gaps;
  }
}

/** What sockets of namespaces without a store have. */
const nothingMissed: Progress = { missed: 0, expired: 0, gaps: [], caughtUp: undefined };

export const withoutStore = new Resume(false, nothingMissed, false);
nothingMissed.caughtUp?.();
