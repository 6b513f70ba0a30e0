/** What was published, by message id: its attempts and how each ended. */
import type { FailLine, InfoLine, InvokeLine, OkLine } from "./lines.ts";
import type { Verdict } from "./verdict.ts";

export interface Published {
  readonly mid: string;
  readonly stream: string;
  readonly rooms: readonly string[];
  readonly except: string | undefined;
  readonly hash: string;
  /** When it may have taken effect at the earliest. */
  readonly invokedAt: number;
  readonly line: number;
  /** When it was acknowledged first; infinite when it never was. */
  ackedAt: number;
  ackedLine: number;
  position: string | undefined;
  /** An attempt of which nobody knows how it ended. */
  unknown: boolean;
  /** Acknowledged as the first of its id. */
  original: boolean;
  attempts: number;
}

interface Operation {
  readonly published: Published;
  readonly line: number;
  ended: boolean;
}

export class Publishes {
  readonly byMid = new Map<string, Published>();
  readonly #operations = new Map<string, Operation>();
  readonly #verdict: Verdict;
  readonly #durability: string | undefined;

  constructor(verdict: Verdict, durability: string | undefined) {
    this.#verdict = verdict;
    this.#durability = durability;
  }

  invoke(line: InvokeLine, index: number): void {
    if (this.#operations.has(line.op)) {
      this.#verdict.complain("history", index, "other", `operation ${line.op} begins twice`);
      return;
    }
    const { mid, stream, rooms, except, hash } = line;
    const known = this.byMid.get(mid);
    if (known === undefined) this.#verdict.figures.published++;
    else if (!isSame(known, line)) {
      this.#verdict.complain("history", index, "other", `${mid} is published with two contents`);
    }
    const published = known ?? {
      ...{ mid, stream, rooms, except, hash, invokedAt: line.at, line: index },
      ackedAt: Number.POSITIVE_INFINITY,
      ackedLine: -1,
      position: undefined,
      unknown: false,
      original: false,
      attempts: 0,
    };
    published.attempts++;
    this.byMid.set(mid, published);
    this.#operations.set(line.op, { published, line: index, ended: false });
  }

  ok(line: OkLine, index: number): void {
    const published = this.#end(line, index);
    if (published === undefined) return;
    const complain = this.#verdict.complain.bind(this.#verdict);
    const { mid } = published;
    if (this.#durability !== undefined && line.durability !== this.#durability) {
      complain("I12", index, "other", `claims ${line.durability}, not ${this.#durability}`);
    }
    if (published.position !== undefined && published.position !== line.position) {
      complain("I5", index, "other", `${mid} was at ${published.position}, now ${line.position}`);
    }
    if (!line.duplicate) {
      if (published.original) complain("I3", index, "duplicated", `${mid} is the first twice`);
      published.original = true;
    } else if (published.attempts < 2) {
      complain("I3", index, "other", `${mid} is called a duplicate, and was published once`);
    }
    if (published.ackedLine < 0) {
      this.#verdict.figures.acked++;
      published.ackedAt = line.at;
      published.ackedLine = index;
      published.position = line.position;
    }
  }

  fail(line: FailLine, index: number): void {
    if (this.#end(line, index) !== undefined) this.#verdict.figures.refused++;
  }

  info(line: InfoLine, index: number): void {
    const published = this.#end(line, index);
    if (published === undefined) return;
    published.unknown = true;
    this.#verdict.figures.unknown++;
  }

  /** Whoever never ended, hangs. */
  finish(): void {
    for (const [op, { ended, line }] of this.#operations) {
      if (!ended) this.#verdict.complain("I18", line, "other", `operation ${op} never ended`);
    }
  }

  #end(line: OkLine | FailLine | InfoLine, index: number): Published | undefined {
    const operation = this.#operations.get(line.op);
    if (operation === undefined) {
      this.#verdict.complain("history", index, "other", `operation ${line.op} never began`);
      return undefined;
    }
    if (operation.ended) {
      this.#verdict.complain("I18", index, "other", `operation ${line.op} ends twice`);
      return undefined;
    }
    operation.ended = true;
    return operation.published;
  }
}

function isSame(a: Published, b: InvokeLine): boolean {
  const { stream, hash, rooms } = a;
  return stream === b.stream && hash === b.hash && rooms.join() === b.rooms.join();
}
