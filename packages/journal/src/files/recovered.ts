/** What a recovery finds out, and what control frames add to it. */
import { epochsMax, nextEpochs } from "../epochs.ts";
import type { Durability, Epoch, SessionRecord } from "../journal.ts";
import type { Checkpoint, CheckpointStream, IdsFacts } from "./checkpoint.ts";
import type { Control } from "./control.ts";
import type { StoredId } from "./ids.ts";
import type { Segment } from "./segment.ts";

export interface RecoveredStream {
  readonly number: number;
  readonly name: string;
  head: number;
  tail: number;
  epochs: readonly Epoch[];
  state: CheckpointStream["state"];
  /** Session records after the state. */
  readonly sessions: SessionRecord[];
}

export interface Recovered {
  /** Those with records, oldest first. The last one is written to. None in a new store. */
  readonly segments: Segment[];
  /** Made ahead, and not used yet. */
  readonly prepared: Segment[];
  readonly streams: Map<number, RecoveredStream>;
  /** Message ids of older segments, oldest first. */
  readonly olderIds: StoredId[];
  readonly idsFiles: IdsFacts[];
  ageMs: number;
  bootId: string | undefined;
  durability: Durability | undefined;
  /** Whether it was closed, and nothing was written since. */
  clean: boolean;
  readonly lastCheckpoint: number;
  /** The last offset before the first one that is lost, of streams that have lost some. */
  readonly lostAfter: Map<number, number>;
  /** The last offset before those of a file at the beginning that is missing. What comes behind them may be there. */
  readonly missingAfter: Map<number, number>;
  /** Why the store is refused, where that was only to be found out: for salvage. */
  readonly refusals: { readonly file: string; readonly what: string }[];
  /** Where the rest of a torn write stands, to be filled with zeros before anything is written there. */
  readonly torn: { readonly segment: number; readonly from: number; readonly to: number }[];
  /** The end of what is whole, of which no later frame says that it is on the disk. */
  unproven: { readonly segment: number; readonly from: number; readonly to: number } | undefined;
  /** Files that nothing needs any more. */
  readonly leftovers: string[];
}

/** What is known before anything is read. */
export function nothingYet(lastCheckpoint: number, checkpoint: Checkpoint | undefined): Recovered {
  return {
    segments: [],
    prepared: [],
    streams: new Map(),
    olderIds: [],
    idsFiles: [],
    ageMs: checkpoint?.ageMs ?? 0,
    bootId: checkpoint?.bootId,
    durability: checkpoint?.durability,
    clean: checkpoint?.clean ?? false,
    lastCheckpoint,
    lostAfter: new Map(),
    missingAfter: new Map(),
    refusals: [],
    torn: [],
    unproven: undefined,
    leftovers: [],
  };
}

/** A stream as the checkpoint has it. */
export function recoveredStream(stream: CheckpointStream): RecoveredStream {
  const { number, name, head, tail, epochs, state, sessions } = stream;
  const records = sessions.map((session) => ({ kind: "session" as const, ...session }));
  return { number, name, head, tail, epochs: [...epochs], state, sessions: records };
}

/** Does what a control frame says to what is known so far. */
export function applyControl(found: Recovered, control: Control): void {
  switch (control.type) {
    case "start":
      // Without a checkpoint the first segment says which streams there are; later ones repeat what is known.
      for (const { number, name, head, tail, epochs } of control.streams) {
        if (found.streams.has(number)) continue;
        const rest = { state: undefined, sessions: [] };
        found.streams.set(number, { number, name, head, tail, epochs: [...epochs], ...rest });
      }
      return;
    case "open":
      found.bootId = control.bootId;
      found.durability = control.durability;
      return;
    case "stream": {
      const { number, name, epoch } = control;
      const epochs = [{ id: epoch, start: 0, end: undefined }];
      const rest = { state: undefined, sessions: [] };
      found.streams.set(number, { number, name, head: 0, tail: 1, epochs, ...rest });
      return;
    }
    case "epoch": {
      const stream = found.streams.get(control.stream);
      if (stream === undefined) return;
      const { end, id } = control;
      const most = epochsMax(found.streams.size);
      stream.epochs = nextEpochs(stream.epochs, { end, id, start: stream.head }, most);
      return;
    }
    case "trim":
      for (const [number, tail] of control.tails) {
        const stream = found.streams.get(number);
        if (stream !== undefined) stream.tail = Math.max(stream.tail, tail);
      }
  }
}
