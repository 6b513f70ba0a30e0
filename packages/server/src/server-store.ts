/**
 * The store of a server over the server's life: opened with it, closed with it, and opened again when the server is
 * attached, or listens, again.
 */
import type { Delivery } from "./delivery/delivery.ts";
import type { Journal } from "./delivery/store.ts";
import { ServerError } from "./errors.ts";
import { keepEvents, openJournal, watchStore } from "./kept-events.ts";
import type { Server } from "./server.ts";
import type { StoreStatus, StoreWatch } from "./store-watch.ts";

// biome-ignore lint/suspicious/noExplicitAny: servers of whatever event maps
type AnyServer = Server<any, any, any, any>;

export class ServerStore {
  readonly #server: AnyServer;
  #journal: Promise<Journal> | undefined;
  #watch: StoreWatch | undefined;
  #closing: Promise<void> | undefined;

  /** @throws ServerError HF_OPTION_INVALID */
  constructor(server: AnyServer) {
    this.#server = server;
    this.#journal = openJournal(server.opts, server._host, server._limits);
    this.#watchIt();
  }

  #watchIt(): void {
    this.#watch = this.#journal && watchStore(this.#journal, this.#server);
  }

  /** What keeps the events, once it is open. Undefined without a store. */
  get journal(): Promise<Journal> | undefined {
    return this.#journal;
  }

  get ready(): Promise<void> {
    return this.#watch?.ready ?? Promise.resolve();
  }

  get status(): StoreStatus | undefined {
    return this.#watch?.status;
  }

  /** Takes what is in memory yet; then, after `before`, commits it and lets go of the store. */
  close(before: Promise<unknown>): Promise<void> {
    this.#closing ??= this.#close(before);
    return this.#closing;
  }

  async #close(before: Promise<unknown>): Promise<void> {
    const deliveries: Delivery[] = [];
    for (const { _keeper } of this.#server._nsps.values()) {
      if (_keeper === undefined) continue;
      _keeper.flush();
      _keeper.onClose();
      deliveries.push(_keeper.delivery);
    }
    // It may be opened again before this one is closed.
    const journal = this.#journal;
    await before;
    // What was emitted before it was open is in it then.
    await Promise.allSettled(deliveries.map(({ ready }) => ready));
    const [opened] = await Promise.allSettled([journal]);
    for (const { lane } of deliveries) lane.give();
    if (opened.status === "fulfilled") await opened.value?.close();
  }

  /** Opens it again, for the namespaces that there are, as soon as it is closed. */
  reopen(): void {
    const closing = this.#closing;
    this.#closing = undefined;
    if (closing === undefined || this.#journal === undefined) return;
    const journal = this.#openAfter(closing);
    this.#journal = journal;
    this.#watchIt();
    for (const namespace of this.#server._nsps.values()) {
      if (namespace._keeper !== undefined) keepEvents(this.#server, namespace, journal);
    }
  }

  async #openAfter(closing: Promise<void>): Promise<Journal> {
    await closing;
    const journal = openJournal(this.#server.opts, this.#server._host, this.#server._limits);
    if (journal === undefined) throw new ServerError("HF_STORE_MISSING");
    return journal;
  }
}
