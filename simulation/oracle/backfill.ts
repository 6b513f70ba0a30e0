/** Older entries of a room that a session has asked for when it joined: they come before what follows the join. */
import type { StayModel } from "./connection-model.ts";
import type { EmitRecord } from "./emit-record.ts";

export class Backfill {
  readonly room: string;
  /** The call that asked for it; and the one after which it is known to be kept. */
  readonly asked: number;
  joined = Number.POSITIVE_INFINITY;
  /** What the clock on the wall said then. */
  readonly wallMs: number;
  /** In the order of the calls. */
  owed: readonly EmitRecord[];
  /** What was given last of it, in each stay. */
  readonly #latest = new Map<StayModel, number>();

  constructor(room: string, asked: number, wallMs: number, owed: readonly EmitRecord[]) {
    this.room = room;
    this.asked = asked;
    this.wallMs = wallMs;
    this.owed = owed;
  }

  has(n: number): boolean {
    return this.owed.some((emit) => emit.n === n);
  }

  /** @returns what was given before it in this stay though it comes later, if there is such a thing */
  give(stay: StayModel, n: number): number | undefined {
    const latest = this.#latest.get(stay);
    this.#latest.set(stay, Math.max(n, latest ?? 0));
    return latest !== undefined && latest >= n ? latest : undefined;
  }
}
