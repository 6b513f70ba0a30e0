/**
 * The seam between a server and what keeps its events: a journal with one stream per namespace.
 *
 * A stream is an ordered list of records of two kinds. Entries are what is published; a reader finds them by
 * tag. Session records are what happens to sessions (they start, join, leave, are receipted, end); whoever
 * follows the stream keeps its state from them, and a checkpoint of that state bounds what must be read again
 * after a restart. Both have one order, that of their offsets.
 *
 * Nothing here is known of sockets. Nothing above may assume that reads are synchronous, that offsets are
 * without holes, that an offset is known before the commit, or that this process is the only writer.
 * Spec: docs/guide/guarantees.md; every implementation runs the suite in testing/journal-suite.ts.
 */
import type { JournalError } from "./errors.ts";

/** What a commit survives, weakest first: nothing; a killed process; a power cut of this machine. */
export type Durability = "memory" | "process" | "disk";

/** "Everything up to and including this." Offsets of two epochs do not compare. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** One continuous life of a stream. Offsets go on increasing over epochs; those after `end` were lost. */
export interface Epoch {
  readonly id: string;
  /** The offset before its first record. */
  readonly start: number;
  /** The last offset that belongs to it. Undefined for the current one. */
  readonly end: number | undefined;
}

/** What names a publish, so that a repeat has no second effect. */
export interface MessageId {
  /** Who published: one producer cannot suppress what another publishes under the same id. */
  readonly producer: string;
  readonly id: string;
  /** Tells one content from another; the same id with another digest is a conflict. */
  readonly digest: string;
}

export interface EntryContent {
  readonly kind: "entry";
  /** What it can be found by. None: it is for everyone. */
  readonly tags: readonly string[];
  /** Whoever has one of these does not get it. */
  readonly except: readonly string[];
  readonly body: Uint8Array;
  /** How `body` is read, 0 to 255. The journal only keeps it. */
  readonly format: number;
  readonly messageId: MessageId | undefined;
  /** From then on it is for nobody. Milliseconds since 1970. */
  readonly expiresMs: number | undefined;
}

export interface SessionContent {
  readonly kind: "session";
  readonly body: Uint8Array;
}

/** Where a record stands. The journal writes both when the record is committed; before that they are 0. */
export interface Placed {
  offset: number;
  /** When it was appended, in milliseconds since 1970. For people and retention, never for order. */
  timeMs: number;
}

export type EntryRecord = EntryContent & Placed;
export type SessionRecord = SessionContent & Placed;
export type StreamRecord = EntryRecord | SessionRecord;

/** Who is told what becomes of a stream. Called in stream order, never from within a read. */
export interface StreamFollower {
  /**
   * Records that are committed from now on. Those that were appended here are the same objects. A memory journal
   * calls this from within `append`.
   */
  committed(records: readonly StreamRecord[]): void;
  /** A record appended here that was published before: the first one stands at `offset`, and is committed. */
  duplicate(record: EntryRecord, offset: number): void;
  /** A record appended here that has no effect (HF_STORE_FULL, HF_MESSAGE_ID_CONFLICT, …) or whose fate is unknown (HF_STORE_FAILED). */
  refused(record: StreamRecord, error: JournalError): void;
  /**
   * The state that all records up to the head have led to; asked for between two records. When it takes long it may come
   * later, and some of what is told meanwhile may be in it: what comes back with it, when the journal is opened again, is all
   * session records after the head of now, and the follower has to know which of them it has.
   */
  checkpoint(): Uint8Array | Promise<Uint8Array>;
}

/** What a follower starts from: the state at `offset`, and the session records after it, in order. */
export interface Restored {
  readonly checkpoint: { readonly offset: number; readonly state: Uint8Array } | undefined;
  readonly records: readonly SessionRecord[];
}

export interface ReadRequest {
  /** Entries after this offset (backwards: before it). */
  readonly from: number;
  readonly direction: "forward" | "backward";
  /** Only entries with one of these tags, or with none. Undefined: all. */
  readonly tags: ReadonlySet<string> | undefined;
  /** Whether entries without tags are wanted too. */
  readonly untagged: boolean;
  /** The page ends with the entry that reaches this many bytes of bodies. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

/** Offsets (from, to] that cannot be read any more. */
export interface UnreadableRange {
  readonly from: number;
  readonly to: number;
  readonly reason: "retention" | "corrupt";
}

export interface Page {
  /** In the order of the request's direction. */
  readonly entries: readonly EntryRecord[];
  /** Forward: all that is wanted up to this offset is in the page, or in a gap. Backward: from this offset on. Ask from here next. */
  readonly next: number;
  /** In the direction of the request, ranges that were asked for and are gone. */
  readonly gaps: readonly UnreadableRange[];
}

/** The records of one namespace. One follower; members may be read at any time once it is open. */
export interface Stream {
  readonly name: string;
  /** Oldest first; the last one is current. */
  readonly epochs: readonly Epoch[];
  /** The last committed offset; 0 when nothing was ever appended. */
  readonly head: number;
  /**
   * The head when the store was opened. Another copy of the store may have gone on from there with other records; of
   * positions that are given out, those behind it are of epochs that no other copy knows.
   */
  readonly openedAt: number;
  /** The first offset behind the last entry that retention has dropped. */
  readonly tail: number;
  /** Begins to follow. Called once, before the first append. @returns the state to start from */
  follow(follower: StreamFollower): Restored;
  /**
   * Takes records. Their fate is told to the follower, in the order of the calls and of the records in them. Those that
   * are neither repeats nor refused commit together: after a crash all of them are there, or none. A body may be changed
   * by its owner once the call is over; what is read is never changed by anyone.
   */
  append(records: readonly StreamRecord[]): void;
  /** @returns a page; at once where the journal has it in memory. Rejects with HF_STORE_CLOSED, HF_STORE_FAILED */
  read(request: ReadRequest): Page | Promise<Page>;
  /** Ends the current epoch at `end` and begins another: something committed is known to be lost. Resolves when that is committed. */
  beginEpoch(end: number): Promise<void>;
}

export interface JournalStatus {
  /** full: publishes are refused until there is space again. failed: nothing is acknowledged any more. */
  readonly state: "open" | "full" | "failed" | "closed";
  readonly error: JournalError | undefined;
  /** Flushes to the disk since it was opened. */
  readonly flushes: number;
  /** What is kept, in bytes. */
  readonly bytes: number;
  /** What could still be written, when it was last looked: every few seconds. Undefined where nothing is written. */
  readonly freeBytes: number | undefined;
  /** That is less than the soft limit: at the hard one publishes are refused. */
  readonly low: boolean;
}

export interface Journal {
  readonly durability: Durability;
  /** 32 random bytes, made with the journal and kept in it: the key of whatever must be recognised later. */
  readonly secret: Uint8Array;
  /**
   * Opens a stream, made when it is new. The same object for the same name. Rejects with HF_STORE_CLOSED, and for a new
   * one with HF_STREAM_NAME_TOO_LONG, HF_STREAMS_TOO_MANY
   */
  stream(name: string): Promise<Stream>;
  readonly status: JournalStatus;
  /** Called when `status.state` or `status.low` changes. One listener. */
  onStatus: ((status: JournalStatus) => void) | undefined;
  /** Commits what has been appended, and lets go of the store. */
  close(): Promise<void>;
}

/** How long entries are kept; whichever limit comes first. */
export interface Retention {
  readonly ageMs: number;
  readonly bytes: number;
  readonly entries: number;
}

/** How long and how many message ids are remembered, per stream. */
export interface DeduplicationWindow {
  readonly ageMs: number;
  readonly ids: number;
}
