/** Pages of the journal that are read for sessions which catch up: so many at once, the others wait for their turn. */
import type { Page } from "@holdfast/journal";

/** Who reads a page that is not there at once. */
export interface PageReader {
  /** Its turn has come: it asks again, if it still wants to. */
  again(): void;
  taken(page: Page): void;
  failed(error: unknown): void;
}

/** So many pages that are in memory are given in one turn: each takes its time, and there may be thousands. */
const perTurnMax = 32;

export class PageReads {
  readonly #max: number;
  readonly #afterTurn: (run: () => void) => void;
  #reads = 0;
  /** Pages that were there at once in this turn. */
  #given = 0;
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
    if (this.#reads >= this.#max || this.#given >= perTurnMax || !isNext) {
      this.#waiting.push(reader);
      return undefined;
    }
    const page = request();
    if (!(page instanceof Promise)) {
      this.#given++;
      this.#schedule();
      return page;
    }
    this.#reads++;
    page.then(
      (read) => this.#end(() => reader.taken(read)),
      (error: unknown) => this.#end(() => reader.failed(error)),
    );
    return undefined;
  }

  #end(tell: () => void): void {
    this.#reads--;
    if (this.#waiting.length > 0) this.#schedule();
    tell();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#afterTurn(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#scheduled = false;
    this.#given = 0;
    this.#lettingOn = true;
    try {
      // One that is gone leaves its turn to the next.
      while (this.#waiting.length > 0 && this.#reads < this.#max && this.#given < perTurnMax) {
        this.#waiting.shift()?.again();
      }
    } finally {
      this.#lettingOn = false;
      if (this.#waiting.length > 0 && this.#reads < this.#max) this.#schedule();
    }
  }
}
