/** What the page and the server say to each other. Both import it, so both are checked against it. */

/** A message as the page sends it. It can send it again: the id says that it is the same. */
export interface Draft {
  readonly id: string;
  readonly room: string;
  readonly text: string;
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
}

export interface Message extends Draft {
  readonly name: string;
}

/** A message of before, and whether everybody who is in the room has it. */
export interface OldMessage extends Message {
  readonly delivered: boolean;
}

export interface Person {
  readonly name: string;
  readonly online: boolean;
}

export type Answer<Value> = { ok: true; value: Value } | { ok: false; why: string };
export type Reply<Value> = (answer: Answer<Value>) => void;

export interface ClientEvents {
  /** Enters a room, and leaves the one before. Answers with its latest messages and who is in it. */
  enter: (room: string, reply: Reply<{ messages: OldMessage[]; people: Person[] }>) => void;
  say: (draft: Draft, reply: Reply<null>) => void;
  /** Volatile: a lost one is of no consequence. */
  typing: () => void;
}

export interface ServerEvents {
  said: (message: Message) => void;
  /** To who wrote the message: everybody who is in the room has it. */
  delivered: (message: { room: string; id: string }) => void;
  here: (room: string, people: Person[]) => void;
  typing: (room: string, name: string) => void;
}

export interface SocketData {
  name: string;
  room?: string;
}

/** The namespace /admin only tells. */
export interface AdminEvents {
  online: (people: { name: string; room: string | null; transport: string }[]) => void;
}

export const rooms = ["lobby", "kitchen", "workshop"] as const;

export const nameLengthMax = 24;
export const textLengthMax = 1000;
