/**
 * Handlers with `once`: `socket.on(event, { once: (…args) => id }, handler)`.
 *
 * A client that got no answer sends again, on this connection or another, before or after a restart. Under the same
 * id it gets the answer of the first call: a repeat joins a call that runs, and one that is over has its answer in the
 * journal. That a handler begins is committed before it runs, and its answer before it is sent, so that one which may
 * have run before the server was killed is told so: `socket.onceAttempt`.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import createDebug from "debug";
import type { Delivery } from "./delivery/delivery.ts";
import { type OnceKey, textOf } from "./delivery/once-table.ts";
import type { Session } from "./delivery/session.ts";
import { ServerError } from "./errors.ts";
import { producerOf } from "./publish.ts";
import { show } from "./units.ts";

const debug = createDebug("holdfast:once");

/** Says which calls of a handler are the same one: see `socket.on`. */
export interface OnceOptions<IdFinder> {
  /** Finds the id in the event's arguments: the same in each repeat, another in each new call. */
  readonly once: IdFinder;
}

/** What a call needs of the socket that it came to. */
export interface OnceSocket {
  readonly _session: Session | undefined;
  _onceFailed(error: Error): void;
}

type Ack = (...args: unknown[]) => void;

/** An event that came to a handler with `once`. */
export interface OnceCall {
  readonly socket: OnceSocket;
  readonly event: string;
  readonly args: unknown[];
  readonly ack: Ack | undefined;
  readonly idOf: (...args: unknown[]) => unknown;
  readonly handler: (...args: unknown[]) => unknown;
}

const idMax = 256;

/** One answer takes at most this part of the room that there is for all: it must not drive out the others. */
const replyShare = 64;

/** A handler that may have run before: only that is remembered, and the rest costs nothing. */
const attempts = new AsyncLocalStorage<{ socket: OnceSocket; attempt: number }>();

/** Which attempt the handler of `socket` is that this is called in. */
export function attemptOf(socket: OnceSocket): number {
  const current = attempts.getStore();
  return current?.socket === socket ? current.attempt : 1;
}

export class OnceCalls {
  readonly #delivery: Delivery;
  /** Calls that run. Each resolves with its answer, or with undefined when there is none. */
  readonly #running = new Map<string, Promise<unknown[] | undefined>>();

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  /** Resolves when the calls that run now are over. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  /** Runs the handler, or gives the answer that there is. Resolves when that is over; never rejects. */
  async take(call: OnceCall): Promise<void> {
    const { socket, event, ack } = call;
    const { _session: session } = socket;
    if (session === undefined) return;
    try {
      const key = { producer: producerOf(session), event, id: idOf(call) };
      const reply = this.#delivery.sessions.once.reply(key) ?? (await this.#join(key, call));
      if (reply !== undefined) ack?.(...reply);
    } catch (error) {
      debug("%s: %s: %s", session.key.slice(0, 6), event, error);
      socket._onceFailed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #join(key: OnceKey, call: OnceCall): Promise<unknown[] | undefined> {
    const name = textOf(key);
    const running = this.#running.get(name);
    // What has failed is told once, by the call that it failed in.
    if (running !== undefined) return running.catch(() => undefined);
    const started = this.#run(key, call);
    this.#running.set(name, started);
    try {
      return await started;
    } finally {
      this.#running.delete(name);
    }
  }

  async #run(key: OnceKey, { socket, event, args, handler }: OnceCall): Promise<unknown[]> {
    const { sessions } = this.#delivery;
    const attempt = sessions.once.attempts(key) + 1;
    await this.#delivery.change({ type: "attempt", ...key });
    const value: unknown =
      attempt === 1
        ? await handler.apply(socket, args)
        : await attempts.run({ socket, attempt }, () => handler.apply(socket, args));
    const reply = replyOf(event, value);
    const { length } = JSON.stringify(reply);
    const lengthMax = this.#delivery.options.replies.characters / replyShare;
    if (length > lengthMax) {
      const detail = `the handler of "${event}" returned ${length} characters of JSON, the limit is ${lengthMax}`;
      throw new ServerError("HF_ONCE_REPLY_INVALID", detail);
    }
    await this.#delivery.change({ type: "once", ...key, reply });
    return reply;
  }
}

/** @throws ServerError HF_ONCE_ID_INVALID */
function idOf({ event, args, idOf: find }: OnceCall): string {
  let id: unknown;
  try {
    id = find(...args);
  } catch (cause) {
    throw new ServerError("HF_ONCE_ID_INVALID", `"${event}": \`once\` threw ${cause}`, { cause });
  }
  if (typeof id === "number" && Number.isFinite(id)) return String(id);
  if (typeof id === "string" && id !== "" && id.length <= idMax) return id;
  const accepted = `a string of 1 to ${idMax} characters or a number`;
  throw new ServerError(
    "HF_ONCE_ID_INVALID",
    `"${event}": \`once\` gave ${show(id)}; accepted: ${accepted}`,
  );
}

/**
 * The acknowledgement's arguments, as a retry will get them from the journal.
 *
 * @throws ServerError HF_ONCE_REPLY_INVALID
 */
function replyOf(event: string, value: unknown): unknown[] {
  if (value === undefined) return [];
  try {
    return [JSON.parse(JSON.stringify(value, refuseBytes)) as unknown];
  } catch (cause) {
    const detail = `the handler of "${event}" returned ${show(value)}, which is not JSON`;
    throw new ServerError("HF_ONCE_REPLY_INVALID", detail, { cause });
  }
}

/** Called with the holder as `this`: a Buffer has become an object by the time that `value` is. */
function refuseBytes(
  this: Readonly<Record<string, unknown>>,
  key: string,
  value: unknown,
): unknown {
  const given = this[key];
  if (ArrayBuffer.isView(given) || given instanceof ArrayBuffer) throw new TypeError("bytes");
  return value;
}
