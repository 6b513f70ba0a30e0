/** Entries with a time to live: by the clock on the wall, which may be set. */
import type { StayModel } from "./connection-model.ts";
import type { EmitRecord } from "./emit-record.ts";
import { Violation } from "./violation.ts";

export class Expiry {
  readonly #wallMs: () => number;
  readonly #perishable = new Set<EmitRecord>();
  /** How often the clock was set. */
  clockSets = 0;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  add(emit: EmitRecord): void {
    this.#perishable.add(emit);
  }

  /** Looks at the clock: an entry whose time to live is over is owed to nobody. */
  look(): void {
    const nowMs = this.#wallMs();
    for (const emit of this.#perishable) {
      if ((emit.expiresMs ?? 0) > nowMs) continue;
      emit.expired = true;
      this.#perishable.delete(emit);
    }
  }

  clockSet(set: () => void): void {
    this.look();
    set();
    this.clockSets++;
    this.look();
  }

  /** Who comes when the time to live of an entry is over does not get it. */
  checkAlive(stay: StayModel, { n, expiresMs }: EmitRecord): void {
    if (expiresMs === undefined || this.#wallMs() < expiresMs) return;
    const { session } = stay;
    const backfill = session.backfills.find((one) => one.has(n));
    const since = Math.max(stay.wallMs, backfill?.wallMs ?? 0);
    if (since < expiresMs || stay.clockSets !== this.clockSets) return;
    throw new Violation(
      "time to live",
      `${session.owner} was sent ${n}, whose time to live was over`,
    );
  }
}
