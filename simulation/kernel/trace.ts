/** What happened, in one number: two runs of a seed are the same when their hashes are. */

export class Trace {
  #low = 0x811c_9dc5;
  #high = 0x1234_5678;
  /** The latest lines, when they are kept: what is shown with a violation. */
  readonly lines: string[] | undefined;

  constructor(keepLines: boolean) {
    this.lines = keepLines ? [] : undefined;
  }

  add(tick: number, what: string, ...details: readonly (string | number)[]): void {
    this.#number(tick);
    this.#text(what);
    for (const detail of details) {
      if (typeof detail === "number") this.#number(detail);
      else this.#text(detail);
    }
    this.lines?.push(`${tick} ${what} ${details.join(" ")}`);
  }

  /** A line for who reads the trace of one seed; no part of the hash. */
  note(line: string): void {
    this.lines?.push(line.slice(0, 160));
  }

  get hash(): string {
    const hex = (part: number) => (part >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  #number(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x0100_0193);
    this.#high = Math.imul(this.#high ^ (this.#low >>> 7), 0x85eb_ca6b) + value;
  }

  #text(value: string): void {
    for (let at = 0; at < value.length; at++) this.#number(value.charCodeAt(at));
  }
}
