/** Pages of the journal that are read for sessions which catch up: so many at once, the others wait for their turn. */
import type { Page } from "@holdfast/journal";

/** Who reads a page that is not there at once. */
export interface PageReader {
  /** Its turn has come: it asks again, if it still wants to. */
  again(): void;
  taken(page: Page): void;
  failed(error: unknown): void;
}

/** So many that wait are let go on in one turn: what they want may be there at once, and takes its time all the same. */
const perTurnMax = 32;

export class PageReads {
  readonly #max: number;
  readonly #afterTurn: (run: () => void) => void;
  #reads = 0;
  readonly #waiting: PageReader[] = [];
  #scheduled = false;
  #lettingOn = false;

  constructor(max: number, afterTurn: (run: () => void) => void) {
    this.#max = max;
    this.#afterTurn = afterTurn;
  }

  /** @returns the page, if it is there at once; otherwise the reader is told */
  read(request: () => Page | Promise<Page>, reader: PageReader): Page | undefined {
    const isNext = this.#waiting.length === 0 || this.#lettingOn;
    if (this.#reads >= this.#max || !isNext) {
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
    this.#schedule();
    tell();
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    this.#afterTurn(() => this.#letOn());
  }

  #letOn(): void {
    this.#scheduled = false;
    this.#lettingOn = true;
    try {
      // One that is gone, or that finds all it wants in memory, leaves its turn to the next.
      for (let count = 0; count < perTurnMax && this.#reads < this.#max; count++) {
        this.#waiting.shift()?.again();
      }
    } finally {
      this.#lettingOn = false;
      if (this.#reads < this.#max) this.#schedule();
    }
  }
}
