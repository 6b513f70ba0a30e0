/**
 * What a server does when its store fails: it says so, and ends the process (option `failFast`), so that whoever
 * watches over it starts it anew. After the first failed write nothing is acknowledged any more: see docs/guide/operations.md.
 */
import type { Journal } from "./delivery/store.ts";
import type { Host } from "./host/host.ts";

/** In this time answers that say "unknown" reach the clients that wait for one. */
const lastWordsMs = 250;

export interface StoreWatch {
  readonly failFast: boolean;
  readonly host: Host;
  readonly say: (text: string) => void;
  readonly exit: (code: number) => void;
}

/** Watches over a store that is being opened, and as long as it is open. */
export function watchStore(opening: Promise<Journal>, watch: StoreWatch): void {
  const { failFast, host, say, exit } = watch;
  const fail = (what: string, error: unknown): void => {
    const { code, message } = error as { code?: unknown; message?: unknown };
    const ends = failFast ? "; the process ends" : "";
    say(`holdfast: ${what}: ${message} (${code})${ends}`);
    if (failFast) host.startTimer(lastWordsMs, () => exit(1));
  };
  opening.then(
    (journal) => {
      journal.onStatus = ({ state, error }) => {
        if (state === "failed") fail("the store has failed", error);
      };
    },
    (error: unknown) => fail("the store does not open", error),
  );
}
