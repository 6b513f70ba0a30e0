/** What the page and the server say to each other. Both import it, so both are checked against it. */

export interface Message {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export type Reply<Value> = (
  answer: { ok: true; value: Value } | { ok: false; why: string },
) => void;

export interface ClientEvents {
  /** Enters a room, and leaves the one before. Answers with its latest messages and who is in it. */
  enter: (room: string, reply: Reply<{ messages: Message[]; names: string[] }>) => void;
  say: (text: string, reply: Reply<Message>) => void;
  /** Volatile: a lost one is of no consequence. */
  typing: () => void;
}

export interface ServerEvents {
  said: (room: string, message: Message) => void;
  here: (room: string, names: string[]) => void;
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
