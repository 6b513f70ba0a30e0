/**
 * Positions as clients and applications hold them: short opaque strings.
 *
 * A stock client takes any string at the end of an event for its position and sends it back, so a position must
 * be told from whatever else comes: it carries a keyed check over its kind, its stream, its epoch and its offset.
 * The two kinds never pass for each other: what an application got from `publish` or `history` says nothing of
 * what a client has received.
 */
import { timingSafeEqual } from "node:crypto";
import type { Epoch, Position } from "@holdfast/journal";
import { checkWith, type KeyedCheck } from "./keyed-check.ts";

/** So many checks are remembered: those who come back together bring, and are told, the same few positions. */
const checksMax = 1024;

/** Nothing longer is one. */
const textMax = 120;

const form = /^(hf|hp)\.([\w-]{1,64})\.([0-9a-z]{1,11})\.([\w-]{8})$/;

/** That of a stream that is not open. */
export const noEpoch: Epoch = { id: "", start: 0, end: undefined };

/**
 * The epoch in which a position is given out: the one that the offset belongs to, so that it stays the same in later ones.
 * What an epoch has lost belongs to none, and is given out in the current one.
 */
export function epochOf(offset: number, epochs: readonly Epoch[], current: Epoch): Epoch {
  if (offset > current.start) return current;
  const own = epochs.findLast(({ start }) => start < offset);
  return own?.end !== undefined && offset <= own.end ? own : current;
}

export type PositionKind = "resume" | "application";

const prefixes: Readonly<Record<PositionKind, string>> = { resume: "hf", application: "hp" };

export class PositionCodec {
  readonly #check: KeyedCheck;
  readonly #stream: string;
  /** Of positions that are genuine. */
  readonly #checks = new Map<string, string>();

  /** @param secret the journal's key; @param stream the name of the stream that the positions are of */
  constructor(secret: Uint8Array, stream: string) {
    this.#check = checkWith(secret);
    this.#stream = stream;
  }

  encode(kind: PositionKind, { epoch, offset }: Position): string {
    const start = `${prefixes[kind]}.${epoch}.${offset.toString(36)}`;
    return `${start}.${this.#checks.get(start) ?? this.#remember(start, this.#checkOf(start))}`;
  }

  /** @returns undefined for anything that `encode` did not make for this kind and stream */
  decode(kind: PositionKind, text: unknown): Position | undefined {
    if (typeof text !== "string" || text.length > textMax) return undefined;
    const [, prefix, epoch, offset, check] = form.exec(text) ?? [];
    if (prefix !== prefixes[kind]) return undefined;
    if (epoch === undefined || offset === undefined || check === undefined) return undefined;
    const start = `${prefix}.${epoch}.${offset}`;
    const known = this.#checks.get(start);
    const expected = known ?? this.#checkOf(start);
    if (!timingSafeEqual(Buffer.from(expected), Buffer.from(check))) return undefined;
    if (known === undefined) this.#remember(start, expected);
    return { epoch, offset: Number.parseInt(offset, 36) };
  }

  #remember(start: string, check: string): string {
    if (this.#checks.size >= checksMax) this.#checks.clear();
    this.#checks.set(start, check);
    return check;
  }

  #checkOf(start: string): string {
    return this.#check.of(`${this.#stream}\u0000${start}`);
  }
}

/**
 * Private ids of sessions: a bearer secret of 120 random bits, and a keyed check by which a pid that is no longer
 * known is told from one that never was.
 */
export class PidCodec {
  readonly #check: KeyedCheck;

  constructor(secret: Uint8Array) {
    this.#check = checkWith(secret);
  }

  /** @param id 20 random characters */
  encode(id: string): string {
    return `${id}.${this.#checkOf(id)}`;
  }

  isGenuine(pid: unknown): pid is string {
    if (typeof pid !== "string") return false;
    const [, id, check] = /^([\w-]{20})\.([\w-]{8})$/.exec(pid) ?? [];
    if (id === undefined || check === undefined) return false;
    return timingSafeEqual(Buffer.from(this.#checkOf(id)), Buffer.from(check));
  }

  #checkOf(id: string): string {
    return this.#check.of(`pid\u0000${id}`);
  }
}
