/** Pages of the journal that are read for sessions which catch up: so many at once, the others wait for their turn. */
import type { Page } from "@holdfast/journal";

/** Who reads a page that is not there at once. */
export interface PageReader {
  /** Its turn has come: it asks again, if it still wants to. */
  again(): void;
  taken(page: Page): void;
  failed(error: unknown): void;
}

export class PageReads {
  readonly #max: number;
  #reads = 0;
  readonly #waiting: PageReader[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns the page, if it is there at once; otherwise the reader is told */
  read(request: () => Page | Promise<Page>, reader: PageReader): Page | undefined {
    if (this.#reads >= this.#max) {
      this.#waiting.push(reader);
      return undefined;
    }
    const page = request();
    if (!(page instanceof Promise)) return page;
    this.#reads++;
    page.then(
      (read) => this.#end(() => reader.taken(read)),
      (error: unknown) => this.#end(() => reader.failed(error)),
    );
    return undefined;
  }

  #end(tell: () => void): void {
    this.#reads--;
    // One that is gone, or that finds all it wants in memory, leaves its turn to the next.
    while (this.#reads < this.#max) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      next.again();
    }
    tell();
  }
}
