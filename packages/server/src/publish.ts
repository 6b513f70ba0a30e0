/** The awaited form of an emit: `publish` resolves when the event is committed, with where it stands. */
import { createHash, hash } from "node:crypto";
import { inspect } from "node:util";
import { hasBinary, PacketType } from "@holdfast/protocol";
import type { BroadcastOptions, UnnamedPacket } from "./adapter.ts";
import { type Addressed, Session } from "./delivery/session.ts";
import type { Durability } from "./delivery/store.ts";
import { ServerError } from "./errors.ts";
import type { SessionKeeper } from "./session-keeper.ts";
import type { BroadcastFlags, SocketId } from "./socket-types.ts";
import { isDuration, parseDuration, show } from "./units.ts";

/** A session as an application sees it. */
export interface SessionDetails {
  /** Names the session for as long as it lives. No secret. */
  readonly session: string;
  /** The user, as `identify` gave it. */
  readonly userId: string | undefined;
  readonly online: boolean;
  /** The id of its socket; the last one when it is offline. */
  readonly socketId: SocketId;
  /** Everything up to here is known to have reached its client. */
  readonly position: string;
}

export interface PublishOptions {
  /** Names this publish: a second one with the same id has no second effect. At most 256 characters. */
  id?: string;
  /** From then on it is for nobody any more: milliseconds, or a string like "1h". */
  ttl?: number | string;
  /** The client that the id came from: it can only repeat what it has published itself. */
  by?: { readonly _session: unknown };
}

export interface PublishResult {
  /** Where the event stands, for `history` and `join(room, { since })`. */
  readonly position: string;
  /** It was published before under this id; `position` is that of the first time. */
  readonly duplicate: boolean;
  /** What the commit survives. */
  readonly durability: Durability;
  /** The sessions that the event is for and whose transports have not confirmed it. */
  missing(): Promise<SessionDetails[]>;
}

const noOptions: PublishOptions = {};
const optionNames: ReadonlySet<string> = new Set(["id", "ttl", "by"]);

const idMax = 256;

/**
 * Tells the arguments of the event from the options at their end: an object with no other keys than theirs.
 *
 * @throws ServerError HF_PUBLISH_INVALID when it could be either
 */
export function splitOptions(args: readonly unknown[]): {
  args: readonly unknown[];
  options: PublishOptions;
} {
  const last = args[args.length - 1];
  if (typeof last === "function") {
    throw new ServerError(
      "HF_PUBLISH_INVALID",
      "a function is the last argument; what is published has no acknowledgement: see missing() of the result, or emit()",
    );
  }
  if (!isOptions(last)) return { args, options: noOptions };
  if (args.length === 1 && Object.keys(last).length > 0) {
    throw new ServerError(
      "HF_PUBLISH_INVALID",
      `${show(last)} may be the event's only argument or the options; give both, if only {} as the options or null as the argument`,
    );
  }
  return { args: args.slice(0, -1), options: last };
}

function isOptions(value: unknown): value is PublishOptions {
  if (typeof value !== "object" || value === null) return false;
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Object.keys(value).every((name) => optionNames.has(name));
}

/** @throws ServerError HF_PUBLISH_INVALID for a modifier that keeps an event out of the store */
export function refuseUnkept({ volatile, transient }: BroadcastFlags): void {
  if (!volatile && !transient) return;
  throw new ServerError(
    "HF_PUBLISH_INVALID",
    `publish() after .${volatile ? "volatile" : "transient"}, which keeps an event out of the store; accepted: publish() without it, or emit()`,
  );
}

function checkedId(id: unknown): string | undefined {
  if (id === undefined) return undefined;
  if (typeof id === "string" && id !== "" && id.length <= idMax) return id;
  return refuse("id", id, `a string of 1 to ${idMax} characters`);
}

function checkedTtl(ttl: unknown): number | undefined {
  if (ttl === undefined) return undefined;
  if (isDuration(ttl)) return parseDuration("ttl", ttl);
  return refuse("ttl", ttl, 'milliseconds or a string like "1h"');
}

/** Whoever is meant by something else is not the server, which would not tell the ids of its clients apart. */
function checkedSession(by: unknown): Session | undefined {
  if (by === undefined) return undefined;
  if (by instanceof Object && "_session" in by && by._session instanceof Session) {
    return by._session;
  }
  return refuse("by", by, "a socket that is, or was, connected to a namespace with a store");
}

function refuse(option: string, value: unknown, form: string): never {
  throw new ServerError("HF_PUBLISH_INVALID", `"${option}" is ${show(value)}; accepted: ${form}`);
}

/** Who published: what one client sends under an id says nothing about another's. */
export function producerOf(session: Session | undefined): string {
  if (session === undefined) return "server";
  const { identity } = session;
  return identity === undefined ? `s:${session.key}` : `u:${JSON.stringify(identity)}`;
}

/**
 * Puts one event into the stream.
 *
 * @returns resolves when it is committed; rejects with the store's error
 * @throws ServerError HF_PUBLISH_INVALID, HF_ATTACHMENTS_TOO_MANY, or why nothing is taken any more: nothing was done
 */
export function publish(
  keeper: SessionKeeper,
  event: string,
  given: readonly unknown[],
  options: BroadcastOptions,
): Promise<PublishResult> {
  const { args, options: chosen } = splitOptions(given);
  const { delivery } = keeper;
  const { refusal } = keeper.adapter;
  if (refusal !== undefined) throw refusal;
  const id = checkedId(chosen.id);
  const ttlMs = checkedTtl(chosen.ttl);
  const producer = producerOf(checkedSession(chosen.by));
  const digest = id === undefined ? "" : digestOf(event, args, options);
  const packet: UnnamedPacket = { type: PacketType.EVENT, data: [event, ...args] };
  const entry = keeper.adapter.prepare(packet, options, {
    messageId: id === undefined ? undefined : { producer, id, digest },
    expiresMs: ttlMs === undefined ? undefined : delivery.options.wallMs() + ttlMs,
  });
  return new Promise((resolve, reject) => {
    entry.settled = (outcome) => {
      if ("error" in outcome) {
        reject(outcome.error);
        return;
      }
      const { tags, except } = entry;
      const { offset, duplicate } = outcome.committed;
      resolve(new PublishedEvent(keeper, { tags, except, offset }, duplicate));
    };
    // Now, and not when the store is open: it has its place among what is emitted before and after.
    keeper.delivery.publish(entry);
  });
}

class PublishedEvent implements PublishResult {
  /**
   * Made when it is asked for: its check costs more than the rest of a publish, and most publishers never look. A
   * property of each result, so that a spread and `Object.keys` find it; one descriptor, so that all have one shape.
   */
  static readonly #lazyPosition: PropertyDescriptor & ThisType<PublishedEvent> = {
    get() {
      this.#position ??= this.#encodePosition();
      return this.#position;
    },
    enumerable: true,
    configurable: true,
  };
  declare readonly position: string;
  readonly duplicate: boolean;
  readonly durability: Durability;
  readonly #keeper: SessionKeeper;
  readonly #entry: Addressed;
  readonly #epoch: string;
  #position: string | undefined;

  constructor(keeper: SessionKeeper, entry: Addressed, duplicate: boolean) {
    this.duplicate = duplicate;
    this.durability = keeper.delivery.durability;
    this.#keeper = keeper;
    this.#entry = entry;
    this.#epoch = keeper.delivery.at(entry.offset).epoch;
    Object.defineProperty(this, "position", PublishedEvent.#lazyPosition);
  }

  #encodePosition(): string {
    const { offset } = this.#entry;
    return this.#keeper.delivery.positions.encode("application", { epoch: this.#epoch, offset });
  }

  missing(): Promise<SessionDetails[]> {
    return Promise.resolve(missing(this.#keeper, this.#entry));
  }

  /** What an application passes on to a client. */
  toJSON(): Pick<PublishResult, "position" | "duplicate" | "durability"> {
    const { position, duplicate, durability } = this;
    return { position, duplicate, durability };
  }

  /** What the console shows: not that there is a getter. */
  [inspect.custom](): unknown {
    return this.toJSON();
  }
}

/** The sessions that an entry is for and that have not confirmed it. */
export function missing(keeper: SessionKeeper, entry: Addressed): SessionDetails[] {
  const found: SessionDetails[] = [];
  for (const session of keeper.delivery.sessions.candidates(entry)) {
    if (session.receipt < entry.offset && session.receives(entry)) {
      found.push(keeper.detailsOf(session));
    }
  }
  return found;
}

/** Tells one content from another: what is said, and to whom. */
function digestOf(event: string, args: readonly unknown[], options: BroadcastOptions): string {
  const content = [event, args, [...options.rooms].sort(), [...(options.except ?? [])].sort()];
  // In one call, and without a function for each value: half of what the digest of a short event costs.
  if (!hasBinary(args)) return hash("sha256", JSON.stringify(content), "base64url");
  const parts: Uint8Array[] = [];
  // Which of the values are bytes: no argument can say of itself that it is.
  const places: number[] = [];
  let values = 0;
  const text = JSON.stringify(content, function (this: Record<string, unknown>, key, value) {
    values++;
    // As it was given: a Buffer is an object of numbers by now.
    const part = bytesOf(this[key]);
    if (part === undefined) return value as unknown;
    parts.push(part);
    places.push(values, part.length);
    return null;
  });
  const sum = createHash("sha256").update(text).update(JSON.stringify(places));
  for (const part of parts) sum.update(part);
  return sum.digest("base64url");
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
