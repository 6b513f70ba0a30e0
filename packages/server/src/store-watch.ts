/**
 * Watches the store of a server: tells how it is, and ends the process when it has failed, since nothing is
 * acknowledged any more and another process may be able to go on.
 */
import type { Durability, Journal, JournalStatus } from "./delivery/store.ts";
import type { Host } from "./host/host.ts";
import { throwLater } from "./host/throw-later.ts";

/** How the store of a server is: `io.store`. */
export interface StoreStatus {
  /** full: publishes are refused until there is space again. failed: nothing is acknowledged any more. */
  readonly state: "opening" | JournalStatus["state"];
  /** Why it failed, or did not open. */
  readonly error: (Error & { readonly code?: string }) | undefined;
  /** Flushes to the disk since it was opened. */
  readonly flushes: number;
  /** What is kept, in bytes. */
  readonly bytes: number;
  /** What could still be written, when it was last looked. Undefined in memory, and until it is open. */
  readonly freeBytes: number | undefined;
  /** Less space is free than `lowSpace`. */
  readonly low: boolean;
  /** What a commit survives. Undefined until it is open. */
  readonly durability: Durability | undefined;
}

export interface StoreWatchOptions {
  readonly host: Host;
  /** What the option `store` names. */
  readonly name: string;
  /** Whether the process ends when the store has failed. */
  readonly failFast: boolean;
  /** Told when its state, or whether its space is low, has changed. */
  readonly changed: (status: StoreStatus) => void;
}

/** In this time answers that say "unknown" reach the clients that wait for one. */
const lastWordsMs = 250;

/** "Input or output error", in sysexits.h. */
const exitCode = 74;

export class StoreWatch {
  /** Resolves when the store is open. Rejects with the store's error when it cannot be. */
  readonly ready: Promise<void>;
  readonly #options: StoreWatchOptions;
  #journal: Journal | undefined;
  #error: Error | undefined;

  constructor(journal: Promise<Journal>, options: StoreWatchOptions) {
    this.#options = options;
    this.ready = journal.then(
      (opened) => this.#opened(opened),
      (error: unknown) => {
        this.#error = error instanceof Error ? error : new Error(String(error));
        this.#failed("could not be opened", this.#error);
        this.#tell();
        throw error;
      },
    );
    // Few wait for it.
    this.ready.catch(() => {});
  }

  #opened(journal: Journal): void {
    this.#journal = journal;
    journal.onStatus = () => this.#look(journal);
    this.#look(journal);
  }

  #look(journal: Journal): void {
    const { state, error } = journal.status;
    if (state === "failed" && error !== undefined && this.#error === undefined) {
      this.#error = error;
      this.#failed("has failed", error);
    }
    this.#tell();
  }

  /** What a listener of the application throws is for the process: how the store is does not depend on it. */
  #tell(): void {
    throwLater(() => this.#options.changed(this.status));
  }

  get status(): StoreStatus {
    const { status, durability } = this.#journal ?? {};
    if (status !== undefined) return { ...status, durability };
    const state = this.#error === undefined ? "opening" : "failed";
    const unknown = { flushes: 0, bytes: 0, freeBytes: undefined, low: false };
    return { state, error: this.#error, ...unknown, durability: undefined };
  }

  #failed(what: string, error: Error & { readonly code?: string }): void {
    const { host, name, failFast } = this.#options;
    const end = failFast ? "the process ends" : "nothing is acknowledged until it restarts";
    console.error(
      `holdfast: the store ${name} ${what}: ${error.message} (${error.code ?? "no code"}); ${end}. See docs/reference/errors.md#the-store; clients resume by themselves after a restart.`,
    );
    if (failFast) host.startTimer(lastWordsMs, () => host.exit(exitCode));
  }
}
