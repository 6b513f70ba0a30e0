/** Broadcasts whose acknowledgements are awaited: who gets the entry later, in a replay, is asked too. */
import type { DeliveryOptions } from "./delivery-options.ts";
import type { LaneEntry } from "./lane-records.ts";

export class AwaitedBroadcasts {
  readonly #byOffset = new Map<number, LaneEntry>();

  get(offset: number): LaneEntry | undefined {
    return this.#byOffset.get(offset);
  }

  /** Remembers an entry for so long, once it is committed. */
  add(
    entry: LaneEntry,
    options: Pick<DeliveryOptions, "later" | "refused"> & { readonly timeoutMs: number },
  ): void {
    const { later, refused, timeoutMs } = options;
    const remember = () => {
      this.#byOffset.set(entry.offset, entry);
      later(timeoutMs, () => this.#byOffset.delete(entry.offset));
    };
    if (entry.offset > 0) {
      remember();
      return;
    }
    entry.settled = (outcome) => {
      if ("error" in outcome) refused(entry, outcome.error);
      else remember();
    };
  }
}
