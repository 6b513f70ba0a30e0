/**
 * What the journal knew at one place of its record: from there on it has to be read again after a crash, and nothing
 * before it.
 */
import type { Durability } from "../journal.ts";
import { type Contents, isCount, unwrap } from "./container.ts";
import { isDurability, isListOf, isPair, isStreamFacts, type StreamFacts } from "./control.ts";
import { checkpointName, corrupt } from "./names.ts";

/** A sealed segment. */
export interface SegmentFacts {
  readonly number: number;
  readonly size: number;
  readonly end: number;
  readonly entries: number;
  readonly entryBytes: number;
  readonly lastAgeMs: number;
  /** The last entry is missing in what older versions have written. */
  readonly ranges: readonly (readonly [
    stream: number,
    first: number,
    last: number,
    lastEntry?: number,
  ])[];
}

/** A file of message ids, and how many it has of each stream. */
export interface IdsFacts {
  readonly segment: number;
  readonly lastAgeMs: number;
  readonly counts: readonly (readonly [stream: number, count: number])[];
}

export interface CheckpointStream extends StreamFacts {
  /** The follower's state, and the offset at which it was asked for. */
  readonly state: { readonly offset: number; readonly bytes: Uint8Array } | undefined;
  /** Session records after it, when nobody has followed the stream since. */
  readonly sessions: readonly {
    readonly offset: number;
    readonly timeMs: number;
    readonly body: Uint8Array;
  }[];
}

/** A checkpoint, for some of whose states one has to wait. */
export interface UnsettledCheckpoint extends Omit<Checkpoint, "streams"> {
  readonly streams: readonly UnsettledStream[];
}

export interface UnsettledStream extends Omit<CheckpointStream, "state"> {
  readonly state:
    | { readonly offset: number; readonly bytes: Uint8Array | Promise<Uint8Array> }
    | undefined;
}

/** Rejects when a follower cannot say its state. */
export async function settled(checkpoint: UnsettledCheckpoint): Promise<Checkpoint> {
  const streams: CheckpointStream[] = [];
  for (const stream of checkpoint.streams) {
    const { state } = stream;
    streams.push({
      ...stream,
      state: state && { offset: state.offset, bytes: await state.bytes },
    });
  }
  return { ...checkpoint, streams };
}

export interface Checkpoint {
  /** Where reading begins. */
  readonly segment: number;
  readonly place: number;
  /** Whether the journal was closed here. */
  readonly clean: boolean;
  /** The journal's own time. */
  readonly ageMs: number;
  readonly bootId: string | undefined;
  readonly durability: Durability;
  readonly segments: readonly SegmentFacts[];
  readonly ids: readonly IdsFacts[];
  readonly streams: readonly CheckpointStream[];
}

export function checkpointContents(number: number, checkpoint: Checkpoint): Contents {
  const blobs: Uint8Array[] = [];
  const streams = checkpoint.streams.map(({ state, sessions, ...facts }) => {
    if (state !== undefined) blobs.push(state.bytes);
    for (const { body } of sessions) blobs.push(body);
    return {
      ...facts,
      stateOffset: state?.offset,
      sessions: sessions.map(({ offset, timeMs }) => [offset, timeMs]),
    };
  });
  return { meta: { checkpoint: number, ...checkpoint, streams }, blobs };
}

interface StreamMeta extends StreamFacts {
  readonly stateOffset?: number;
  readonly sessions: readonly (readonly [offset: number, timeMs: number])[];
}

type Meta = Omit<Checkpoint, "streams"> & {
  readonly checkpoint: number;
  readonly streams: readonly StreamMeta[];
};

/** Throws HF_STORE_CORRUPT: a checkpoint has its name only once it is whole, so it cannot be torn. */
export function decodeCheckpoint(bytes: Buffer, number: number): Checkpoint {
  const name = checkpointName(number);
  const { meta, blobs } = unwrap("checkpoint", bytes, name);
  if (!isMeta(meta) || meta.checkpoint !== number) {
    throw corrupt(name, "its description is not what it should be");
  }
  let next = 0;
  const takeBlob = (): Uint8Array => {
    const blob = blobs[next++];
    if (blob === undefined) throw corrupt(name, `it has only ${blobs.length} states and records`);
    return new Uint8Array(blob);
  };
  const streams = meta.streams.map(({ stateOffset, sessions, ...facts }) => ({
    ...facts,
    epochs: facts.epochs.map(({ id, start, end }) => ({ id, start, end })),
    state: stateOffset === undefined ? undefined : { offset: stateOffset, bytes: takeBlob() },
    sessions: sessions.map(([offset, timeMs]) => ({ offset, timeMs, body: takeBlob() })),
  }));
  const { segment, place, clean, ageMs, bootId, durability, segments, ids } = meta;
  return { segment, place, clean, ageMs, bootId, durability, segments, ids, streams };
}

function isMeta(value: unknown): value is Meta {
  const meta = value as Partial<Meta> | null;
  return (
    typeof meta === "object" &&
    isCount(meta?.checkpoint) &&
    isCount(meta.segment) &&
    isCount(meta.place) &&
    typeof meta.clean === "boolean" &&
    isCount(meta.ageMs) &&
    (meta.bootId === undefined || typeof meta.bootId === "string") &&
    isDurability(meta.durability) &&
    isListOf(meta.segments, isSegmentFacts) &&
    isListOf(meta.ids, isIdsFacts) &&
    isListOf(meta.streams, isStreamMeta)
  );
}

function isSegmentFacts(value: unknown): value is SegmentFacts {
  const facts = value as Partial<SegmentFacts> | null;
  return (
    typeof facts === "object" &&
    isCount(facts?.number) &&
    isCount(facts.size) &&
    isCount(facts.end) &&
    isCount(facts.entries) &&
    isCount(facts.entryBytes) &&
    isCount(facts.lastAgeMs) &&
    isListOf(facts.ranges, isRange)
  );
}

function isRange(value: unknown): value is readonly [number, number, number, number?] {
  return Array.isArray(value) && (value.length === 3 || value.length === 4) && value.every(isCount);
}

/** @returns the last entry of a stream in a segment; where that was not written, the last of all records */
export function lastEntryOf(
  { entries }: SegmentFacts,
  [, , last, lastEntry]: SegmentFacts["ranges"][number],
): number {
  return lastEntry ?? (entries === 0 ? 0 : last);
}

function isIdsFacts(value: unknown): value is IdsFacts {
  const facts = value as Partial<IdsFacts> | null;
  return (
    typeof facts === "object" &&
    isCount(facts?.segment) &&
    isCount(facts.lastAgeMs) &&
    isListOf(facts.counts, isPair)
  );
}

function isStreamMeta(value: unknown): value is StreamMeta {
  if (!isStreamFacts(value)) return false;
  const { stateOffset, sessions } = value as Partial<StreamMeta>;
  return (stateOffset === undefined || isCount(stateOffset)) && isListOf(sessions, isPair);
}
