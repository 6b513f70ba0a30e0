/**
 * Waiting for a condition without looking at a clock: whoever changes something says so, and every condition is looked
 * at again. Every wait is bounded, and says what it waited for when the bound is reached.
 */
export class Changes {
  readonly #looks = new Set<() => void>();

  /** Something has changed. */
  changed(): void {
    for (const look of [...this.#looks]) look();
  }

  /** Resolves when the condition holds. `what` completes "waited 8000 ms for …". */
  async until(holds: () => boolean, what: () => string, waitMs = 8_000): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!holds()) return;
        clearTimeout(late);
        this.#looks.delete(look);
        resolve();
      };
      const late = setTimeout(() => {
        this.#looks.delete(look);
        reject(new Error(`waited ${waitMs} ms for ${what()}`));
      }, waitMs);
      this.#looks.add(look);
    });
  }
}
