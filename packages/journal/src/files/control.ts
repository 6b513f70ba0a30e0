/** What the journal tells itself in control frames: JSON, because they are few and must be readable for ever. */
import type { Durability, Epoch } from "../journal.ts";
import { isCount } from "./container.ts";

/** A stream, as the first frame of a segment and a checkpoint know it. */
export interface StreamFacts {
  readonly number: number;
  readonly name: string;
  readonly head: number;
  readonly tail: number;
  readonly epochs: readonly Epoch[];
}

export type Control =
  /** The first frame of a segment: where the one before it ends, and all streams, so that a segment stands for itself. */
  | {
      readonly type: "start";
      readonly previousEnd: number;
      readonly streams: readonly StreamFacts[];
    }
  /** The journal was opened: what came before this frame was written under another life of the process. */
  | { readonly type: "open"; readonly bootId: string | undefined; readonly durability: Durability }
  | {
      readonly type: "stream";
      readonly number: number;
      readonly name: string;
      readonly epoch: string;
    }
  /** A stream's current epoch ended at `end`; another begins behind the record before this frame. */
  | { readonly type: "epoch"; readonly stream: number; readonly end: number; readonly id: string }
  /** Retention: the first offsets that are kept. */
  | { readonly type: "trim"; readonly tails: readonly (readonly [stream: number, tail: number])[] };

/** What writes one. */
export interface ControlFrame {
  readonly control: Control;
  /** The frame has its place: what follows it in the record may say so. */
  encoded?(): void;
  committed(): void;
}

/** @returns undefined when the value is no control that this format has */
export function controlOf(value: unknown): Control | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const control = value as Record<string, unknown>;
  return isControl(control) ? control : undefined;
}

function isControl(value: Record<string, unknown>): value is Record<string, unknown> & Control {
  switch (value["type"]) {
    case "start":
      return isCount(value["previousEnd"]) && isListOf(value["streams"], isStreamFacts);
    case "open":
      return isDurability(value["durability"]);
    case "stream":
      return isCount(value["number"]) && isText(value["name"]) && isText(value["epoch"]);
    case "epoch":
      return isCount(value["stream"]) && isCount(value["end"]) && isText(value["id"]);
    case "trim":
      return isListOf(value["tails"], isPair);
    default:
      return false;
  }
}

export function isStreamFacts(value: unknown): value is StreamFacts {
  const facts = value as Partial<StreamFacts> | null;
  return (
    typeof facts === "object" &&
    isCount(facts?.number) &&
    isText(facts.name) &&
    isCount(facts.head) &&
    isCount(facts.tail) &&
    isListOf(facts.epochs, isEpoch) &&
    facts.epochs.length > 0
  );
}

function isEpoch(value: unknown): value is Epoch {
  const epoch = value as Partial<Epoch> | null;
  return (
    typeof epoch === "object" &&
    isText(epoch?.id) &&
    isCount(epoch.start) &&
    (epoch.end === undefined || isCount(epoch.end))
  );
}

export function isListOf<Item>(
  value: unknown,
  isItem: (item: unknown) => item is Item,
): value is readonly Item[] {
  return Array.isArray(value) && value.every(isItem);
}

export function isPair(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(isCount);
}

export function isDurability(value: unknown): value is Durability {
  return value === "memory" || value === "process" || value === "disk";
}

const isText = (value: unknown): value is string => typeof value === "string";
