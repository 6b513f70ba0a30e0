/** What passes through a lane with a journal: entries and changes of sessions, with what waits behind them. */
import type { EntryRecord, JournalError, MessageId, SessionRecord } from "@holdfast/journal";
import type { OutgoingPacket } from "./outgoing-packet.ts";
import type { Session } from "./session.ts";
import { encodeChange, type SessionChange } from "./session-changes.ts";

/** What a publish came to. */
export interface Committed {
  readonly offset: number;
  readonly duplicate: boolean;
}

export type Outcome = { readonly error: JournalError } | { readonly committed: Committed };

/** Recipients of a broadcast that asks for acknowledgements. */
export interface AwaitedAcks {
  readonly id: number;
  /** The packet with its ack id. */
  readonly packet: OutgoingPacket;
  readonly ack: (...args: unknown[]) => void;
  /** Those that have not answered. */
  readonly sessions: Set<Session>;
}

const nothing = new Uint8Array();

abstract class LaneRecord {
  offset = 0;
  timeMs = 0;
  /** Its place among all that was appended here. */
  ticket = 0;
  /** What waits until this record has left the lane. */
  after: (() => void)[] | undefined;
  /** Told when it is known what became of the record. */
  settled: ((outcome: Outcome) => void) | undefined;
}

export class LaneEntry extends LaneRecord implements EntryRecord {
  readonly kind = "entry";
  tags: readonly string[];
  except: readonly string[];
  body: Uint8Array;
  readonly format: number;
  readonly messageId: MessageId | undefined;
  readonly expiresMs: number | undefined;
  /** What its recipients get. With the position as an argument it is known when the offset is. */
  packet: OutgoingPacket;
  acks: AwaitedAcks | undefined;

  constructor(
    content: Pick<EntryRecord, "tags" | "except" | "body" | "format" | "messageId" | "expiresMs">,
    packet: OutgoingPacket,
  ) {
    super();
    this.tags = content.tags;
    this.except = content.except;
    this.body = content.body;
    this.format = content.format;
    this.messageId = content.messageId;
    this.expiresMs = content.expiresMs;
    this.packet = packet;
  }

  /** The journal has it: the newest entries are kept as what their recipients get, and not twice. */
  dropBody(): void {
    this.body = nothing;
  }
}

export class LaneChange extends LaneRecord implements SessionRecord {
  readonly kind = "session";
  readonly change: SessionChange;
  readonly body: Uint8Array;

  constructor(change: SessionChange) {
    super();
    this.change = change;
    this.body = encodeChange(change);
  }
}
