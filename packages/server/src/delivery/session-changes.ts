/**
 * What happens to sessions, as records of the journal. The state of all sessions of a namespace is what these
 * have led to, in the order of the stream: see session-table.ts.
 */

import type { GapReason } from "./marker.ts";

/** Names and devices from verified credentials: what an application's `identify` gives. */
export interface Identity {
  readonly user: string | undefined;
  /** Names the sessions of one device; undefined when the application names none. */
  readonly device: string | undefined;
}

/** One session starts: from its own offset on it gets what is for it. */
export interface SessionStart {
  readonly type: "start";
  readonly session: string;
  readonly pid: string;
  readonly socketId: string;
  readonly rooms: readonly string[];
  readonly identity?: Identity;
  readonly slot?: number;
  readonly data?: unknown;
  /** Its client came for what cannot be had any more, and is to be told so: after which offset, if that is known. */
  readonly gap?: StartGap;
}

export interface StartGap {
  readonly from?: number;
  readonly reason: GapReason;
}

/** What is owed of a room, up to `until`, has arrived up to `next`. */
export type ArrivedBackfill = readonly [room: string, next: number, until: number];

/** As it was written before: one room in a record. */
interface FormerBackfill {
  readonly type: "backfill";
  readonly session: string;
  readonly room: string;
  readonly next: number;
  readonly until: number;
}

export type SessionChange =
  | SessionStart
  /** `since`: older entries of the rooms are owed to the session, too: those after that offset. */
  | {
      readonly type: "join";
      readonly session: string;
      readonly rooms: readonly string[];
      readonly since?: number;
    }
  /** `at`: what was sent after that position is not for the session, though it was in the room. */
  | {
      readonly type: "leave";
      readonly session: string;
      readonly rooms: readonly string[];
      readonly at?: number;
    }
  /** A connection took it up again, perhaps with another socket id; `pid` is one more under which it is found. */
  | {
      readonly type: "connect";
      readonly session: string;
      readonly socketId: string;
      readonly pid?: string;
    }
  /** Its client is about to be told one more pid. */
  | { readonly type: "name"; readonly session: string; readonly pid: string }
  /** A pid was used that is not the oldest: the ones that were told before it are void. */
  | { readonly type: "pid"; readonly session: string; readonly pid: string }
  /** `atMs`: when, by the clock of session-expiry.ts; records of older versions do not say. */
  | { readonly type: "disconnect"; readonly session: string; readonly atMs?: number }
  | { readonly type: "data"; readonly session: string; readonly data: unknown }
  /** What transports are known to have: pairs of session and offset. */
  | { readonly type: "receipts"; readonly receipts: readonly (readonly [string, number])[] }
  /** Entries that this session is not given any more: its client cannot take them. */
  | { readonly type: "skip"; readonly session: string; readonly offset: number }
  /** What is owed of older entries of rooms has arrived. */
  | {
      readonly type: "backfills";
      readonly session: string;
      readonly arrived: readonly ArrivedBackfill[];
    }
  /** A handler with `once` begins: whatever it does may happen from now on. */
  | {
      readonly type: "attempt";
      readonly producer: string;
      readonly event: string;
      readonly id: string;
    }
  /** The answer that a handler with `once` gave; retries get it again. */
  | {
      readonly type: "once";
      readonly producer: string;
      readonly event: string;
      readonly id: string;
      readonly reply: readonly unknown[];
    }
  | { readonly type: "end"; readonly session: string };

export function encodeChange(change: SessionChange): Uint8Array {
  return Buffer.from(JSON.stringify(change));
}

/** Reads what `encodeChange` has written; the journal has checked that the bytes are those. */
export function decodeChange(body: Uint8Array): SessionChange {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
  const change = JSON.parse(text) as SessionChange | FormerBackfill;
  if (change.type !== "backfill") return change;
  const { session, room, next, until } = change;
  return { type: "backfills", session, arrived: [[room, next, until]] };
}
