/** What one connection has carried, as seen at both of its ends. */
import type { Gap } from "./gaps.ts";
import type { SessionModel } from "./session-model.ts";

/** What a client brought with it, and what it is told. */
export interface Found {
  readonly pid: string | undefined;
  readonly presented: string | undefined;
  /** What stands beside the pid as the position. */
  readonly position: string | undefined;
  /** Both are from the memory of the page, not from what it has stored. */
  readonly remembers: boolean;
  /** The server says that it is a session that was there, though a part of what it missed is gone. */
  readonly goesOn: boolean;
  /** Which client it is, and what the server calls its session, if it keeps sessions. */
  readonly tab: string;
  readonly key: string | undefined;
}

/**
 * A client's stay in a namespace on one connection. It may leave and come back, and what is on its way then still
 * belongs to the stay before.
 */
export class StayModel {
  readonly session: SessionModel;
  readonly connectionId: string;
  /** Which client it is. */
  tab = "";
  /** The last call whose packet arrived. */
  latest = 0;
  /** Not stored, in order, and sent here: oldest first. */
  promised: { readonly n: number; readonly droppable: boolean }[] = [];
  /** The position that the client brought: entries up to it must not come again. */
  reported: number | undefined;
  /** Its pid may be void, and then so is the position beside it. */
  reportedUnsure = false;
  /** What the clock on the wall said when it began, and how often it had been set by then. */
  wallMs = 0;
  clockSets = 0;
  /** The last stored call that was sent. */
  sent = 0;
  /** Another connection has taken the session. */
  fenced = false;
  /** The client has left: its library drops what still comes, or some of it. */
  left = false;
  /** Gaps that were sent and have not reached the client. */
  readonly gaps: Gap[] = [];
  /** The last message of the client that a handler saw. */
  heard = 0;

  constructor(session: SessionModel, connectionId: string) {
    this.session = session;
    this.connectionId = connectionId;
  }
}

export class ConnectionModel {
  readonly id: string;
  /** By namespace, in the order in which they began. */
  readonly stays = new Map<string, StayModel[]>();
  /**
   * The last call before the client asked for a namespace, and was not let in yet. Who leaves meanwhile and asks once
   * more is let in as it has asked first.
   */
  readonly asked = new Map<string, number>();
  /** Up to which stay the client has left a namespace, though the server may not know yet. */
  readonly left = new Map<string, number>();
  /** What was sent before the answer to the first CONNECT: what the session had missed. */
  readonly early = new Map<string, number[]>();
  /** What had been sent when each unanswered ping was. */
  readonly pings: (readonly { readonly stay: StayModel; readonly n: number }[])[] = [];

  constructor(id: string) {
    this.id = id;
  }

  sentBefore(namespace: string, n: number): void {
    const sent = this.early.get(namespace);
    if (sent === undefined) this.early.set(namespace, [n]);
    else sent.push(n);
  }

  /** @param call the last one before it did */
  asks(namespace: string, call: number): void {
    if (!this.asked.has(namespace)) this.asked.set(namespace, call);
  }

  begin(namespace: string, session: SessionModel): StayModel {
    this.asked.delete(namespace);
    const stay = new StayModel(session, this.id);
    const stays = this.stays.get(namespace);
    if (stays === undefined) this.stays.set(namespace, [stay]);
    else stays.push(stay);
    stay.left = (this.left.get(namespace) ?? 0) >= (stays?.length ?? 1);
    return stay;
  }

  /** The one that goes on now. */
  current(namespace: string): StayModel | undefined {
    return this.stays.get(namespace)?.at(-1);
  }

  /** @param number counted from 1 by the answers to CONNECT that the client got; 0: before the first */
  stay(namespace: string, number: number): StayModel | undefined {
    return this.stays.get(namespace)?.[Math.max(number, 1) - 1];
  }
}
