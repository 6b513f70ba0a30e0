/**
 * What handlers with `once` have answered, and which of them have begun without an answer yet: the state that
 * gives a retry its reply, and tells a handler that it may have run before.
 */

import { AgedMap } from "../aged-map.ts";

/** The call of one handler: who sent the event, its name, and the id that the handler's `once` gave. */
export interface OnceKey {
  readonly producer: string;
  readonly event: string;
  readonly id: string;
}

type StoredReply = readonly [key: string, reply: string];
type StoredAttempts = readonly [key: string, count: number];

/** What a checkpoint keeps: an answer, as JSON, or how often a handler has begun. */
export type OnceLine = { readonly reply: StoredReply } | { readonly attempts: StoredAttempts };

/** The same of all calls, as checkpoints were before. */
export interface StoredOnce {
  readonly replies: readonly StoredReply[];
  readonly attempts: readonly StoredAttempts[];
}

export interface OnceLimits {
  readonly count: number;
  /** Characters of all answers together. */
  readonly characters: number;
}

export class OnceTable {
  readonly #limits: OnceLimits;
  /** Oldest first. */
  readonly #replies = new AgedMap<string, string>();
  #characters = 0;
  /** How often handlers have begun that have no answer. Oldest first. */
  readonly #attempts = new AgedMap<string, number>();

  constructor(limits: OnceLimits) {
    this.#limits = limits;
  }

  /** The answer that was given, as the arguments of an acknowledgement. */
  reply(key: OnceKey): unknown[] | undefined {
    const text = this.#replies.get(textOf(key));
    return text === undefined ? undefined : (JSON.parse(text) as unknown[]);
  }

  /** How often the handler has begun without coming to an answer that was kept. */
  attempts(key: OnceKey): number {
    return this.#attempts.get(textOf(key)) ?? 0;
  }

  /** A handler begins. */
  begin(key: OnceKey): void {
    const text = textOf(key);
    const count = (this.#attempts.get(text) ?? 0) + 1;
    this.#attempts.set(text, count);
    for (let { oldest } = this.#attempts; oldest !== undefined; oldest = this.#attempts.oldest) {
      if (this.#attempts.size <= this.#limits.count) break;
      this.#attempts.delete(oldest);
    }
  }

  /** A handler has answered. */
  keep(key: OnceKey, reply: readonly unknown[]): void {
    const text = textOf(key);
    this.#attempts.delete(text);
    this.#forget(text);
    this.#add(text, JSON.stringify(reply));
  }

  #add(key: string, reply: string): void {
    this.#replies.set(key, reply);
    this.#characters += reply.length;
    const { count, characters } = this.#limits;
    for (let { oldest } = this.#replies; oldest !== undefined; oldest = this.#replies.oldest) {
      if (this.#replies.size <= count && this.#characters <= characters) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    const reply = this.#replies.get(key);
    if (reply === undefined) return;
    this.#replies.delete(key);
    this.#characters -= reply.length;
  }

  /** All that there is now. */
  lines(): OnceLine[] {
    const lines: OnceLine[] = [];
    for (const reply of this.#replies) lines.push({ reply });
    for (const attempts of this.#attempts) lines.push({ attempts });
    return lines;
  }

  /** Takes up what another has written down. */
  restore(line: OnceLine): void {
    if ("reply" in line) this.#add(...line.reply);
    else this.#attempts.set(...line.attempts);
  }
}

/** One text for one call. */
export function textOf({ producer, event, id }: OnceKey): string {
  return JSON.stringify([producer, event, id]);
}
