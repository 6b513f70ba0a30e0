/**
 * The lines of a history: what publishers, clients and the server's keeper did and saw, one JSON object a line.
 *
 * A line is written *before* the act it announces (`invoke`, `joining`, `leaving`, `kill`) and before anything else is
 * done about what was seen (`ok`, `deliver`, …): whoever dies in between has told at least what may have happened.
 * All writers read the same monotonic clock of the machine, so that their files merge into one order.
 */

interface Timed {
  /** Microseconds of the monotonic clock. */
  readonly at: number;
}

/** What the server promised to be. First line of a history. */
export interface SetupLine extends Timed {
  readonly kind: "setup";
  readonly offsets: "event" | "argument" | "none";
  /** What each result must claim. Undefined: nothing is claimed. */
  readonly durability?: string;
}

/** A publisher is about to publish. */
export interface InvokeLine extends Timed {
  readonly kind: "invoke";
  /** Names this attempt; a retry of the same event is another operation. */
  readonly op: string;
  readonly publisher: string;
  readonly stream: string;
  readonly rooms: readonly string[];
  /** The client that must not get it. */
  readonly except?: string;
  /** Names the event. Unique in a history; the message id where there is one. */
  readonly mid: string;
  readonly hash: string;
}

/** The server acknowledged. */
export interface OkLine extends Timed {
  readonly kind: "ok";
  readonly op: string;
  readonly position: string;
  readonly duplicate: boolean;
  readonly durability: string;
}

/** The server refused: no effect, now or later. */
export interface FailLine extends Timed {
  readonly kind: "fail";
  readonly op: string;
  readonly code: string;
}

/** Nobody knows: the answer did not come, or said so. */
export interface InfoLine extends Timed {
  readonly kind: "info";
  readonly op: string;
  readonly why: string;
}

interface OfClient extends Timed {
  readonly client: string;
  /** Counts the client's connections, from 1. */
  readonly connection: number;
}

/** A connection of a client opened. Nothing of an earlier one may follow. */
export interface ConnectLine extends OfClient {
  readonly kind: "connect";
  readonly stream: string;
  /** Whether it gives back the positions that the server sends it. */
  readonly reports: boolean;
}

/** An event arrived at a client. */
export interface DeliverLine extends OfClient {
  readonly kind: "deliver";
  readonly mid: string;
  readonly hash: string;
  /** Its last argument was a string, which the stock client takes for its position. */
  readonly trailing?: boolean;
}

/** The client was told its position: it has everything up to this offset. */
export interface MarkerLine extends OfClient {
  readonly kind: "marker";
  readonly offset: number;
}

/** The client was told that offsets (from, to] cannot be had any more. */
export interface GapLine extends OfClient {
  readonly kind: "gap";
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** A client is about to join or leave a room; the server said it is done. */
export interface MemberLine extends Timed {
  readonly kind: "joining" | "joined" | "leaving" | "left";
  readonly client: string;
  readonly room: string;
}

/** What was done to the server or to the network. */
export interface FaultLine extends Timed {
  readonly kind: "start" | "ready" | "kill" | "stop" | "continue" | "cut";
  readonly detail?: string;
}

/** One entry of the journal, in its order, as read when everything had come to rest. */
export interface EntryLine extends Timed {
  readonly kind: "entry";
  readonly stream: string;
  /** Strictly increasing in a stream. */
  readonly offset: number;
  readonly position: string;
  readonly mid: string;
  readonly hash: string;
}

export type Line =
  | SetupLine
  | InvokeLine
  | OkLine
  | FailLine
  | InfoLine
  | ConnectLine
  | DeliverLine
  | MarkerLine
  | GapLine
  | MemberLine
  | FaultLine
  | EntryLine;

/** The offset in a position of ours. To users a position is opaque; the checker must tell what it covers. */
export function offsetOf(position: unknown): number {
  const [, offset] = /^h[fp]\.[\w-]+\.([0-9a-z]+)\.[\w-]+$/.exec(`${position}`) ?? [];
  if (offset === undefined) throw new Error(`not a position: ${position}`);
  return Number.parseInt(offset, 36);
}

/** Reads one file of a history. A last line that its writer did not finish is left out. */
export function parseLines(text: string): Line[] {
  const end = text.lastIndexOf("\n");
  if (end < 0) return [];
  return text
    .slice(0, end)
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

/** Merges files into one history, in the order of time; lines of one file keep their order. */
export function mergeLines(files: readonly (readonly Line[])[]): Line[] {
  return files.flat().sort((a, b) => a.at - b.at);
}
