/** A list of catch-all listeners (`onAny`, `onAnyOutgoing`): made when the first one comes, for most sockets never. */

// biome-ignore lint/suspicious/noExplicitAny: Socket.IO's type, so that listeners written for it compile
export type AnyListener = (...args: any[]) => void;

export class CatchAllListeners {
  #listeners: AnyListener[] = [];

  append(listener: AnyListener): void {
    this.#listeners = [...this.#listeners, listener];
  }

  prepend(listener: AnyListener): void {
    this.#listeners = [listener, ...this.#listeners];
  }

  /** Removes one listener once, or all. */
  remove(listener: AnyListener | undefined): void {
    const index = listener === undefined ? -1 : this.#listeners.indexOf(listener);
    if (listener === undefined) this.#listeners = [];
    else if (index !== -1) this.#listeners = this.#listeners.filter((_, other) => other !== index);
  }

  list(): AnyListener[] {
    return this.#listeners;
  }

  call(self: unknown, args: readonly unknown[]): void {
    // The array is replaced, never changed: a listener may remove itself.
    for (const listener of this.#listeners) listener.apply(self, [...args]);
  }
}
